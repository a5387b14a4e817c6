#!/usr/bin/env python3
"""The operator's commands: `python manage.py help` lists them."""

from __future__ import annotations

import os
import sys


def main(argv: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tokenservice.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: run this with the Python of the virtual environment, .venv/bin/python.")
    try:
        if argv[1:2] == ["quickstart"]:
            # Before the settings load, for they do not without a key.
            from tokenservice.secret_key import ensure_secret_key

            ensure_secret_key()
        execute_from_command_line(argv)
    except ImproperlyConfigured as error:
        if "--traceback" in argv:
            raise
        sys.exit(f"Not configured: {error}")


if __name__ == "__main__":
    main(sys.argv)
