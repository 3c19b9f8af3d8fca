"""Run the Hub: one process that starts everything else, and takes it with it when it ends, but for containers."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import CourseError
from assay.hub import accounts, checks, demo_users, programs, secrets, spawners, tls
from assay.hub.addresses import public_url
from assay.hub.course_id import course_id
from assay.settings import FILE, Settings, load

HOME = "ASSAY_HOME"
CONFIG = "jupyterhub_config.py"
_START = 600.0  # seconds until the Hub answers
_STOP = 120.0  # seconds for services, one after the other, and users' servers to end
_ASK = 10.0  # seconds between two tries whether it answers
_PATIENCE = 20.0  # seconds for a Hub that is just ending
_PR_SET_PDEATHSIG = 1


def home_of(root: Path, environ: Mapping[str, str]) -> Path:
    """The folder with the server's state: ASSAY_HOME, or `server` in the folder where it is started."""
    return Path(environ.get(HOME) or root / "server").resolve()


@dataclass(frozen=True)
class Prepared:
    """A site that can start."""

    settings: Settings
    first: bool  # its settings were written now, for the demo
    protection: str  # what is kept from whom on this machine


def prepare(root: Path, environ: Mapping[str, str]) -> Prepared:
    """The settings, written for the demo of the course in `root` where there are none yet.

    Raises CourseError or SandboxError for what would keep the server from working.
    """
    root, home = root.resolve(), home_of(root, environ)
    first = not (home / FILE).is_file()
    if first:
        name = course_id(root)
        try:
            home.mkdir(mode=0o711, parents=True, exist_ok=True)
            demo_users.write_settings(home, root, name)
        except OSError as error:
            raise CourseError(f"{home} cannot be made ({error.strerror}). Choose another in ASSAY_HOME.") from error
    settings = load(home, environ)
    checks.check(settings, environ)
    return Prepared(settings, first, spawners.choose(settings)[1])


def make_accounts(settings: Settings) -> dict[str, str]:
    """Bring the Hub's groups up to date with the settings; of the demo, the new passwords by name."""
    accounts.forget_removed_members(settings)
    return demo_users.make_users(settings) if settings.demo else {}


@contextmanager
def reserved(settings: Settings) -> Iterator[int]:
    """This server's own lock, which is held as long as a process has its descriptor.

    Raises CourseError where the server runs already.
    """
    secrets.make_private(settings.hub)
    descriptor = os.open(settings.hub / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        ends = time.monotonic() + _PATIENCE
        while not _locked(descriptor):
            if time.monotonic() > ends:
                raise CourseError(f"The server of {settings.home} runs already. Stop it first, or use it.")
            time.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


def serve(
    root: Path,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    lock: int,
    started: Callable[[], None] = lambda: None,
) -> int:
    """Run the Hub until it ends, or somebody ends this process (Control-C, SIGTERM); all but containers ends with it.

    `started` is called when the Hub answers. Raises CourseError where it does not start.
    """
    _end_leftover_proxy(settings)
    ready = _Readiness(settings)
    checks.check_address(settings)
    with _signals() as asked_to_end, _hub(root.resolve(), settings, environ, lock) as hub:
        answering, ends = False, time.monotonic() + _START
        while hub.poll() is None and not asked_to_end:
            if not answering and (answering := ready()):
                started()
            elif not answering and time.monotonic() > ends:
                break
            time.sleep(0.2 if answering else 0.5)
    if asked_to_end:
        return 0
    if not answering:
        raise CourseError(
            f"The Hub did not start. The end of {settings.hub / 'hub.log'} says why:\n{_end_of_log(settings)}"
        )
    print(f"assay: the Hub ended by itself (status {hub.returncode}). See {settings.hub / 'hub.log'}.", file=sys.stderr)
    return 1


@contextmanager
def _hub(root: Path, settings: Settings, environ: Mapping[str, str], lock: int) -> Iterator[subprocess.Popen[bytes]]:
    """JupyterHub as a child, in a session of its own: Control-C reaches this process alone, which ends it orderly."""
    own = root / CONFIG
    config = own if own.is_file() else Path(__file__).with_name(CONFIG)
    path = programs.search_path(environ.get("PATH", ""))
    environment = {**environ, HOME: str(settings.home), "PATH": path, "PYTHONUNBUFFERED": "1"}
    parent = os.getpid()
    log = os.open(settings.hub / "hub.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=settings.hub,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=lambda: _end_with(parent),
        )
    finally:
        os.close(log)
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP)
        except subprocess.TimeoutExpired:
            process.kill()  # its children end with it, each told by the kernel
            process.wait()


class _Readiness:
    """Whether the Hub can be used. Its log says so; a site can silence it, so the address is tried now and then too.

    Asking all the time would fill the log with complaints of the proxy about a Hub that is not there yet.
    """

    def __init__(self, settings: Settings) -> None:
        self._health = f"{public_url(settings)}/hub/health"
        self._log = settings.hub / "hub.log"
        self._from = self._log.stat().st_size if self._log.is_file() else 0
        self._next = time.monotonic() + _ASK

    def __call__(self) -> bool:
        said = b"JupyterHub is now running" in self._new_lines()
        if not said and time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _ASK
        with suppress(OSError), urllib.request.urlopen(self._health, timeout=5, context=tls.unverified()) as answer:
            return bool(answer.status == 200)
        return False

    def _new_lines(self) -> bytes:
        with self._log.open("rb") as file:
            file.seek(self._from)
            return file.read()


@contextmanager
def _signals() -> Iterator[list[int]]:
    """What this process was asked to end by, instead of ending at once."""
    asked: list[int] = []

    def note(number: int, _frame: Any) -> None:
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with(parent: int) -> None:
    """Let the kernel end this child orderly when its parent is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def _end_leftover_proxy(settings: Settings) -> None:
    """Of a Hub that was killed. Its number may be another program's by now, which JupyterHub would end in its place."""
    path = settings.hub / "proxy.pid"
    if not path.is_file():
        return
    text = path.read_text().strip()
    with suppress(OSError):
        if text.isdigit() and programs.PROXY.encode() in Path(f"/proc/{text}/cmdline").read_bytes():
            os.kill(int(text), signal.SIGTERM)
    path.unlink(missing_ok=True)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_of_log(settings: Settings) -> str:
    """Without what the proxy says of a Hub that is no longer there."""
    lines, of_the_proxy = [], False
    for line in (settings.hub / "hub.log").read_text(errors="replace").splitlines():
        of_the_proxy = "[ConfigProxy]" in line or (of_the_proxy and line.startswith((" ", "}")))
        if not of_the_proxy:
            lines.append(f"    {line}")
    return "\n".join(lines[-15:])
