"""Whether a tier holds on this machine, found by trying to break out of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import SandboxError
from assay.sandbox.isolation.ground import ground
from assay.sandbox.isolation.job import Isolation, Job
from assay.sandbox.isolation.launch import HINT, environment
from assay.sandbox.limits import Limits, MiB

PROBE = Job("probe", limits=Limits(memory=256 * MiB, processes=8, cpu_seconds=20))
ANSWER_SECONDS = 60.0
LONGEST_SOCKET = 107  # bytes of its path (unix(7))
NOT_SHOWN = ("assay", "pytest", "hypothesis", "torch", "pip")  # modules outside the probe's libraries
FILES = 64  # of open files that the process outside may have, changed only by an intruder
NAP = f"""
import resource, time
resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}))
print(flush=True)
time.sleep(120)
"""


@dataclass(frozen=True)
class Trial:
    """One thing that must not be possible from inside."""

    name: str
    holds: bool
    essential: bool  # without it nothing real is graded
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a tier withstood. `error` says why it did not start."""

    tier: str
    trials: tuple[Trial, ...] = ()
    error: str = ""

    @property
    def holds(self) -> bool:
        return not self.error and all(trial.holds for trial in self.trials if trial.essential)

    @property
    def broken(self) -> tuple[str, ...]:
        """What did not hold, in words."""
        failed = tuple(
            trial.name + (f" ({trial.detail})" if trial.detail else "") for trial in self.trials if not trial.holds
        )
        return (self.error, *failed) if self.error else failed


@dataclass(frozen=True)
class Bait:
    """Things outside that the probe is told of."""

    folder: Path
    process: subprocess.Popen[bytes]
    sockets: dict[str, Any]

    @property
    def secret(self) -> Path:
        return self.folder / "secret"

    def untouched(self, token: str) -> bool:
        """Whether nothing was written, moved or removed."""
        folders = {self.folder, *(Path(self.sockets[name]).parent for name in ("socket", "datagram"))}
        names = sorted(path.name for folder in folders for path in folder.iterdir())
        return names == ["datagram", "secret", "socket"] and _contents(self.secret) == (token, 0o666)

    def unharmed(self) -> bool:
        """Whether the process lives on as it was."""
        if self.process.poll() is not None:
            return False
        text = Path(f"/proc/{self.process.pid}/limits").read_text()
        return any(line.startswith("Max open files") and line.split()[3] == str(FILES) for line in text.splitlines())


def try_to_break(tier: Isolation, guard: Path | None = None) -> Verdict:
    """Run the probe in the tier. `guard` is a folder whose contents must stay secret, such as the course's."""
    token = os.urandom(8).hex()
    try:
        with _bait(guard, token) as bait:
            running = tier.start(PROBE)
            try:
                found = _ask(running.channel, bait)
            finally:
                ending = running.stop()
            if found is None:
                return Verdict(tier.name, error=f"the probe was lost ({ending.reason}): {ending.output[-500:]}")
            return Verdict(tier.name, _judge(found, bait, token))
    except (SandboxError, OSError) as error:
        return Verdict(tier.name, error=str(error).removesuffix(HINT))


def _judge(found: dict[str, Any], bait: Bait, token: str) -> tuple[Trial, ...]:
    said = found["environment"]
    expected = environment(PROBE, said.get("TMPDIR", ""))
    strange = sorted(set(said.items()) - set(expected.items()) - {("PWD", "/"), ("LC_CTYPE", "C.UTF-8")})
    return (
        Trial("files of this machine stay secret", found["secret"] is None and found["listing"] is None, True),
        Trial("nothing outside can be changed", bait.untouched(token), True),
        Trial("no network and no service can be reached", not found["reached"], True, ", ".join(found["reached"])),
        Trial("other processes cannot be read", not {"environ", "maps"} & set(found["processes seen"]), True),
        Trial("other processes cannot be seen", not found["processes seen"], False),
        Trial("other processes cannot be touched", bait.unharmed(), True),
        Trial("the environment is empty", not strange, True, ", ".join(name for name, _ in strange)),
        Trial("only the named libraries are there", not found["modules"], True, ", ".join(found["modules"])),
        Trial(
            "processes are capped", found["children"] <= PROBE.limits.processes, True, f"{found['children']} started"
        ),
        Trial("memory is capped", found["memory"] is None, False),
    )


@contextmanager
def _bait(guard: Path | None, token: str) -> Iterator[Bait]:
    """A world-readable secret, a process of ours, and services that listen."""
    with ExitStack() as undo:
        parent = guard if guard is not None and os.access(guard, os.W_OK) else None
        folder = Path(tempfile.mkdtemp(prefix=".assay-probe-", dir=parent))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o777)
        (folder / "secret").write_text(token)
        (folder / "secret").chmod(0o666)
        sockets = _listen(_short(folder, undo), undo)
        process = subprocess.Popen([str(ground().python), "-I", "-S", "-c", NAP], stdout=subprocess.PIPE)
        undo.enter_context(process)
        undo.callback(process.kill)
        assert process.stdout is not None
        process.stdout.readline()
        yield Bait(folder, process, sockets)


def _short(folder: Path, undo: ExitStack) -> Path:
    """The folder, or one whose path is short enough for the name of a socket."""
    if len(os.fsencode(folder / "datagram")) <= LONGEST_SOCKET:
        return folder
    other = Path(tempfile.mkdtemp(prefix=".assay-probe-", dir="/tmp"))
    undo.callback(shutil.rmtree, other, ignore_errors=True)
    other.chmod(0o777)
    return other


def _listen(folder: Path, undo: ExitStack) -> dict[str, Any]:
    tcp = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
    abstract = f"assay-probe-{os.urandom(8).hex()}"
    places = {"abstract": "\0" + abstract, "socket": str(folder / "socket"), "datagram": str(folder / "datagram")}
    for name, address in places.items():
        kind = socket.SOCK_DGRAM if name == "datagram" else socket.SOCK_STREAM
        listener = undo.enter_context(socket.socket(socket.AF_UNIX, kind))
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen()
    for name in ("socket", "datagram"):
        (folder / name).chmod(0o777)
    return {"port": tcp.getsockname()[1], **places, "abstract": abstract}


def _ask(channel: socket.socket, bait: Bait) -> dict[str, Any] | None:
    """What the probe answers; None where it is lost. It runs our own code, so its answer is taken as it is."""
    asked = {
        "secret": str(bait.secret),
        "folder": str(bait.folder),
        "process": bait.process.pid,
        "processes": PROBE.limits.processes,
        "memory": PROBE.limits.memory + 64 * MiB,
        "modules": NOT_SHOWN,
        **bait.sockets,
    }
    channel.settimeout(ANSWER_SECONDS)
    try:
        with channel.makefile("rw", encoding="utf-8") as file:
            file.write(json.dumps(asked) + "\n")
            file.flush()
            return dict(json.loads(file.readline()))
    except (OSError, ValueError):
        return None


def _contents(file: Path) -> tuple[str, int]:
    status = file.stat()
    return file.read_text(), status.st_mode & 0o777
