"""The application for a server at a terminal, where Ctrl-C reaches every process of it.

A worker of granian (2.8) that gets SIGINT from the terminal and SIGTERM from its main process at
once hangs every second time. So its workers leave SIGINT to the main process, which stops them.
"""

from __future__ import annotations

import signal

# Before the server starts its threads, which inherit this.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

from tokenservice.wsgi import application  # noqa: E402

__all__ = ["application"]
