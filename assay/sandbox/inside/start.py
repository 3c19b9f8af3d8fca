"""The first code that runs in a sandbox. It ends what can be reached, loads the libraries, sets the limits, says
that it is ready, and only then becomes the program that was asked for.

Settings come as JSON in an inherited file that is closed again, with every other descriptor but the channel and
the standard streams, before the program begins.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import signal
import site
import socket
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from . import gpu
from .confine import Policy, Step, Unconfined, bound, fence, policy_from
from .kernel import PARENT_DEATH_SIGNAL, prctl
from .supervise import supervise


@dataclass(frozen=True)
class Settings:
    """How to start one program."""

    program: str
    channel: int  # descriptor of the socket to the judge
    ready: int  # descriptor on which one line of JSON is written once nothing more can be reached
    policy: Policy
    work: str  # the working folder, private to this program
    leash: int  # descriptor that closes when this program is to end
    own_processes: bool  # in a process namespace of its own, so that all end with the first
    modules: tuple[str, ...] = ()  # loaded before the limits are set
    files: tuple[tuple[str, str], ...] = ()  # (name, contents in base64) for the working folder
    groups: tuple[int, ...] = ()  # descriptors of cgroup.procs files to enter
    proc: int | None = None  # descriptor of /proc: be a zygote, which forks such programs, its channel brings requests

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def main() -> None:
    """Start the program whose settings are in the descriptor named by the last argument."""
    settings = _receive(int(sys.argv.pop()))
    if settings.proc is not None:
        from .zygote import become_zygote

        become_zygote(settings, settings.proc)
    only_here = (settings.channel, settings.ready, *settings.groups)
    supervise(settings.leash, only_here, settings.policy.user, own_processes=settings.own_processes)
    try:
        steps = fence(settings.policy)
    except Unconfined as error:
        sys.exit(f"A fence does not hold. {error}")
    prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)  # after the change of user, which clears it
    if settings.policy.has_gpu and settings.own_processes:
        gpu.name_threads()
    furnish(settings.work, settings.files)
    absent = prepare(settings)
    for group in settings.groups:
        os.write(group, b"0")
    close_all_but(settings.channel, settings.ready)
    steps += bound(settings.policy)
    gpu.begin(settings.policy)
    say_ready(settings.ready, steps, absent)
    run(settings.program, settings.work, socket.socket(fileno=settings.channel))


def load(modules: tuple[str, ...]) -> dict[str, str]:
    """Import the modules; what could not be, with the reason."""
    absent = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # a broken library is for the code that needs it to report
            absent[module] = f"{type(error).__name__}: {error}"
    return absent


def _receive(descriptor: int) -> Settings:
    with open(descriptor, encoding="utf-8") as file:
        data = json.load(file)
    return Settings(**{**data, "policy": policy_from(data["policy"])})


def furnish(work: str, files: Iterable[tuple[str, str]]) -> None:
    """Make the working folder with its files, as in `Settings`, and go there."""
    os.makedirs(os.environ["HOME"], mode=0o700, exist_ok=True)
    os.makedirs(work, mode=0o700, exist_ok=True)
    os.chdir(work)
    for name, content in files:
        if os.path.dirname(name):
            os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444), "wb") as file:
            file.write(base64.b64decode(content))


def close_all_but(*kept: int) -> None:
    """Close every descriptor but these and the standard streams."""
    before = 3
    for descriptor in sorted(kept):
        os.closerange(before, descriptor)
        before = descriptor + 1
    os.closerange(before, 1 << 16)


def prepare(settings: Settings) -> dict[str, str]:
    """Load the program's libraries; what could not be loaded, with the reason."""
    if settings.program != "notebook":
        return load(settings.modules)
    from .notebook import prepare as prepare_notebook

    return prepare_notebook(settings.modules)


def say_ready(descriptor: int, steps: tuple[Step, ...], absent: dict[str, str]) -> None:
    """Write the line that the grader waits for, and close the descriptor."""
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"steps": [asdict(step) for step in steps], "absent": absent}) + "\n")


def run(program: str, work: str, channel: socket.socket) -> None:
    """Be the program until it ends."""
    sys.path.insert(0, work)
    site.sethelper()  # help(), which Python leaves out when it starts without its site-packages
    if program == "worker":
        from .worker import serve

        serve(channel)
    elif program == "notebook":
        from .notebook import serve_notebook

        serve_notebook(channel)
    else:
        from .probe import serve_probe

        serve_probe(channel)
