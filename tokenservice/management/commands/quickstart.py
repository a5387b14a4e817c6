"""Set the service up on this machine, to try it, and serve it."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import sys
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from entities.management.demo import curl_lines
from entities.services.demo import seed_demo
from tokenservice.environment import BASE_DIR

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

_HOST = "127.0.0.1"
_ADMIN = "admin"


class Command(BaseCommand):
    help = (
        "Migrates the database, makes a demo and a staff account, prints lines to paste, and "
        "serves on 127.0.0.1. Needs no settings; DATABASE_URL and CACHE_URL count where they are "
        "set. Not for production: see the README."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, default="8000")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        url = f"http://{_HOST}:{port}"
        _check_free(port)
        call_command("migrate", interactive=False, verbosity=0)
        demo, _ = seed_demo()
        self.stdout.write(_staff_account())
        self.stdout.write(f"\nAdministration  {url}/admin/\nDocumentation   {url}/docs\n\n")
        self.stdout.write("Paste these into another terminal:\n\n")
        for line in curl_lines(demo, url=url):
            self.stdout.write(line)
        self.stdout.write("\nCtrl-C stops the service.")
        self.stdout.flush()
        connection.close()
        _serve(port)


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or not 0 < int(value[:6]) < 65536:
        raise ArgumentTypeError(f"{value} is not a port, 1 to 65535")
    return int(value)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} of {_HOST} cannot be used: {error.strerror}. Stop what listens "
                f"there, or choose another: --port {port + 1 if port < 65535 else 8000}."
            ) from None


def _staff_account() -> str:
    """Make the account `admin` where there is none, and say how to log in."""
    accounts = get_user_model()._default_manager
    if accounts.filter(username=_ADMIN).exists():
        command = shlex.join([sys.executable, sys.argv[0], "changepassword", _ADMIN])
        return (
            f"The staff account {_ADMIN} exists already, and keeps its password.\n"
            f"To set another: {command}"
        )
    password = secrets.token_urlsafe(12)
    accounts.create_superuser(username=_ADMIN, password=password)
    return f"Staff account   {_ADMIN}\nPassword        {password}"


def _serve(port: int) -> None:
    """Become the application server: Ctrl-C and kill reach it without a process between."""
    here = {
        "DEBUG": "off",
        "HTTPS": "off",
        "ALLOWED_HOSTS": f"{_HOST},localhost",
        "FORCE_SCRIPT_NAME": "",
    }
    os.chdir(BASE_DIR)
    command = [
        sys.executable,
        *("-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", _HOST, "--port", str(port), "--workers", "2", "--blocking-threads", "4"),
        *("--log-level", "warning", "--workers-kill-timeout", "5"),
        "tokenservice.terminal_wsgi:application",
    ]
    os.execve(sys.executable, command, os.environ | here)  # noqa: S606  no shell: that is meant
