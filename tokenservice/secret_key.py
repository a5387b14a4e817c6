"""The file that SECRET_KEY is read from where the variable is unset. Loads no settings."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.core.exceptions import ImproperlyConfigured

from tokenservice import environment

_MAKE_ONE = "`python -c 'import secrets; print(secrets.token_urlsafe(48))'` makes one"


def secret_key_file() -> Path:
    """Return the path of the file, whether it exists or not."""
    return Path(os.environ.get("SECRET_KEY_FILE") or environment.data_dir() / "secret-key")


def read_secret_key() -> str:
    """Return SECRET_KEY, from the environment or else from the file.

    Raises:
        ImproperlyConfigured: it is in neither.

    """
    if key := os.environ.get("SECRET_KEY", "").strip():
        return key
    path = secret_key_file()
    try:
        key = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ImproperlyConfigured(
            f"SECRET_KEY is not set, and there is no key file at {path}. Set SECRET_KEY to a long "
            f"random text ({_MAKE_ONE}), or run `manage.py quickstart`, which makes the file."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"The key file at {path} cannot be read: {error}") from None
    if not key:
        raise ImproperlyConfigured(
            f"The key file at {path} is empty. Put a long random text into it: {_MAKE_ONE}."
        )
    return key


def ensure_secret_key() -> bool:
    """Make the key file, mode 0600, unless there is a key. Returns whether it made one.

    The file appears complete or not at all, and of two that make one at once the first wins: a key
    that somebody has signed with is never replaced.

    Raises:
        ImproperlyConfigured: the file cannot be written.

    """
    path = secret_key_file()
    if os.environ.get("SECRET_KEY", "").strip() or path.exists():
        return False
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Opened with O_EXCL and mode 0600 from the start: nobody else reads it meanwhile.
        with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as draft:
            draft.write(f"{secrets.token_urlsafe(48)}\n")
            draft.flush()
            os.fsync(draft.fileno())
            os.link(draft.name, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise ImproperlyConfigured(f"No key file can be made at {path}: {error}") from None
    return True
