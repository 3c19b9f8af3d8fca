"""Users of the Hub on this machine: the folder each has, and the uid that is theirs for good."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.errors import SandboxError
from assay.settings import Settings

FIRST, COUNT = 70_000, 30_000  # between what systemd gives out and what Debian keeps for containers
PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
NOT_PLAIN = re.compile(r"[^a-z0-9_-]+")
TABLE = "people.json"


@dataclass
class _Table:
    users: dict[str, int]
    following: int  # the next uid to give; never one that was given


def folder_name(user: str) -> str:
    """A name for the user's folder: their own where that is plain, else what is left of it and a digest.

    No two users share one: no plain name holds a tilde.
    """
    if PLAIN.fullmatch(user):
        return user
    ascii_only = unicodedata.normalize("NFKD", user).encode("ascii", "ignore").decode().lower()
    left = NOT_PLAIN.sub("-", ascii_only).strip("-_")[:16] or "user"
    return f"{left}~{hashlib.sha256(user.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def home_of(settings: Settings, user: str) -> Path:
    """The folder that is the user's home, whether it is there already or not."""
    return settings.homes / folder_name(user)


def own_user(settings: Settings, user: str, first: int = FIRST, count: int = COUNT) -> int:
    """The uid, and gid, that is this user's alone on this machine, and is never given to another.

    Raises SandboxError where no uid is left, or the table of them cannot be read.
    """
    with _opened(settings) as table:
        if user not in table.users:
            uid = max(table.following, first)
            while _belongs_to_an_account(uid):
                uid += 1
            if uid >= first + count:
                raise SandboxError(
                    f"No uid from {first} to {first + count - 1} is left for {user}. Widen the range: "
                    f"c.HomeSpawner.first_user and c.HomeSpawner.users in jupyterhub_config.py."
                )
            table.users[user] = uid
            table.following = uid + 1
        return table.users[user]


def make_home(settings: Settings, user: str, uid: int | None = None) -> Path:
    """The user's home, made where there is none, that nobody else can enter.

    uid: whose it is; None: ours. Raises SandboxError where it belongs to somebody else.
    """
    settings.homes.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = home_of(settings, user)
    owner = os.geteuid() if uid is None else uid
    try:
        home.mkdir(mode=0o700)
        if uid is not None:
            os.chown(home, uid, uid)
    except FileExistsError:
        status = home.lstat()
        if not home.is_dir() or home.is_symlink() or status.st_uid != owner:
            raise SandboxError(
                f"{home} should be a folder of uid {owner}, for the server of {user}. If it is theirs, hand it over: "
                f"chown -hR {owner}:{owner} '{home}'"
            ) from None
        home.chmod(0o700)
    return home


@contextmanager
def _opened(settings: Settings) -> Iterator[_Table]:
    """The table of uids, for one process at a time, kept when the block ends well."""
    settings.hub.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.hub / TABLE
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        table = _read(path)
        before = table.following
        yield table
        if table.following != before:
            _replace(path, json.dumps({"next": table.following, "users": table.users}, indent=1))
    finally:
        os.close(lock)


def _read(path: Path) -> _Table:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        users = {str(user): int(uid) for user, uid in data["users"].items()}
        if int(data["next"]) <= max(users.values(), default=0) or len({*users.values()}) < len(users):
            raise ValueError("a uid is there twice")
        return _Table(users, int(data["next"]))
    except FileNotFoundError:
        return _Table({}, 0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SandboxError(
            f"{path} cannot be read ({error}), so nobody knows whose uid is whose. Put it back from a backup; the "
            "owners of the folders in homes/ say what it held."
        ) from error


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _belongs_to_an_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
