"""Tokens of the server, one a service, each in a file that only the server's user reads. They stay the same."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from assay.errors import CourseError
from assay.hub import tls
from assay.hub.addresses import exchange_url
from assay.settings import Settings, load

PROXY = "proxy"  # what the Hub shows its proxy; no course can be called so, since its file has another ending
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that is taken for another


def service_token(settings: Settings, service: str) -> str:
    """What a service of the Hub shows to prove who it is. Raises CourseError if others can read it."""
    return _kept(settings, f"{service}.token")


def proxy_token(settings: Settings) -> str:
    """What the Hub shows to its proxy. Raises CourseError if others can read it."""
    return _kept(settings, f"{PROXY}.secret")


def new_password() -> str:
    """A password of 60 bits that can be read out and typed."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def make_private(folder: Path) -> None:
    """A folder for the server's user alone. Raises CourseError where it is open to others or cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be made ({error.strerror}). Choose another folder in ASSAY_HOME."
        ) from error
    if found.st_uid != os.geteuid():
        raise CourseError(f"{folder} belongs to another user. Start the server as the user who owns it.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise CourseError(f"{folder} is open to other users of this machine. Close it: chmod 700 '{folder}'")


def operator_environment(home: Path, course: str) -> dict[str, str]:
    """What a program needs to act for a course, on behalf of somebody who can read the server's secrets.

    Raises CourseError where there is no such course, or the server has never been started.
    """
    settings = load(home, os.environ)
    path = settings.secrets / f"{settings.course(course).name}.token"
    try:
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise CourseError(f"{home} has no token for {course} yet. Start the server first: assay serve") from None
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read ({error.strerror}). Run this as the user who runs the server."
        ) from error
    found = {"ASSAY_EXCHANGE_URL": exchange_url(settings), "JUPYTERHUB_API_TOKEN": token}
    return found | tls.environment(settings)


def _kept(settings: Settings, name: str) -> str:
    make_private(settings.secrets)
    path = settings.secrets / name
    if not path.is_file():
        _write(path, secrets.token_hex(32))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise CourseError(
            f"{path} can be read by other users of this machine. Delete it, and start again: a new one is made."
        )
    text = path.read_text(encoding="ascii").strip()
    if len(text) < 32:
        raise CourseError(f"{path} holds no token. Delete it, and start again: a new one is made.")
    return text


def _write(path: Path, text: str) -> None:
    """The whole file at once, so that a crash leaves no half of it."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.rename(path)
