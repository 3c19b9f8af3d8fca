"""Where namespaces are forbidden: a uid of its own for each server, once it is certain that it can read no secret."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from assay.errors import SandboxError
from assay.settings import Settings

TEMPORARY = "/run/assay-servers"  # a folder for the sockets of each
STRANGER = 65534  # nobody, who owns nothing, and is there even where a container has 65536 ids
SECRET_IN_COURSE = "source release graders submitted autograded feedback .assay .git gradebook.db set_aside"
SECRET_IN_HOME = "settings.toml hub secrets exchange jobs.sqlite"
# Run as a stranger: which of the paths can be entered or read.
LOOK = """
import json, os, sys
def open_to_me(path):
    if os.path.isdir(path):
        return os.access(path, os.X_OK)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return False
print(json.dumps([path for path in json.load(sys.stdin) if open_to_me(path)]))
"""


def command(uid: int, home: Path) -> list[str]:
    """The words before a server's command, which make it run as that user for good. Makes its folder for sockets."""
    folder = Path(TEMPORARY)
    folder.mkdir(mode=0o711, exist_ok=True)
    own = folder / str(uid)
    own.mkdir(mode=0o700, exist_ok=True)
    os.chown(own, uid, uid)
    return _becoming(uid)


def check(settings: Settings, uid: int) -> None:
    """Look, as a uid that owns nothing, whether what users must not see can be read.

    Raises SandboxError with the command that closes it.
    """
    asked = sorted(map(str, _secrets(settings)))
    done = subprocess.run(
        [*_becoming(uid), sys.executable, "-I", "-S", "-c", LOOK],
        input=json.dumps(asked), capture_output=True, text=True, cwd="/", env={}, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise SandboxError(
            f"A user of their own cannot start {sys.executable}: {done.stderr.strip()[-300:]} Install Python and the "
            "environment where everybody can read them, such as below /opt; in a container with 65536 ids, choose "
            "c.HomeSpawner.first_user and c.HomeSpawner.users in jupyterhub_config.py."
        )
    found = json.loads(done.stdout)
    if found:
        raise SandboxError(
            "Users' servers would run under a uid of their own here, and could read what they must not. Close it: "
            f"chmod -R go-rwx {' '.join(map(shlex.quote, found))}"
        )
    if not _can_enter(settings.homes, uid):
        raise SandboxError(
            f"Users' servers could not reach their homes in {settings.homes}. Let them pass, not look: chmod a+x "
            f"{' '.join(shlex.quote(str(one)) for one in (*reversed(settings.homes.parents), settings.homes))}"
        )


def _becoming(uid: int) -> list[str]:
    owner = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return ["setpriv", *owner, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]


def _secrets(settings: Settings) -> Iterator[Path]:
    for course in settings.courses:
        yield from (course.root / name for name in SECRET_IN_COURSE.split())
    yield from (settings.home / name for name in SECRET_IN_HOME.split())
    if settings.homes.is_dir():
        yield from settings.homes.iterdir()


def _can_enter(folder: Path, uid: int) -> bool:
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    done = subprocess.run([*_becoming(uid), "test", "-x", str(folder)], env={"PATH": os.environ.get("PATH", "")})
    return done.returncode == 0
