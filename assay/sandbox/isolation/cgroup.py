"""A control group for one sandbox, where this machine lets us make one: caps over all its processes together.

Version 1 (one hierarchy a controller), version 2 (one for all), or neither. Everything else holds without.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.sandbox.limits import MiB

CONTROLLERS = ("memory", "pids")


@dataclass(frozen=True)
class Place:
    """Folders of the control-group file system below which a group can be made."""

    version: Literal[1, 2]
    folders: tuple[Path, ...]  # version 1: one for each controller; version 2: one


@dataclass(frozen=True)
class Group:
    """The control group of one sandbox."""

    version: Literal[1, 2]
    folders: tuple[Path, ...]

    @property
    def entrances(self) -> tuple[Path, ...]:
        """Files into which a process writes "0" to enter."""
        return tuple(folder / "cgroup.procs" for folder in self.folders)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed a process of this group because of its memory cap."""
        if self.version == 2:
            return _field(self.folders[0] / "memory.events", "oom_kill") > 0
        return _field(self.folders[0] / "memory.oom_control", "oom_kill") > 0

    def peak_memory(self) -> int:
        """Bytes, or 0 where the kernel does not say."""
        return _number(self.folders[0] / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"))

    def remove(self) -> None:
        """Kill what is left in the group and remove it."""
        for _ in range(100):
            self._kill()
            if all(_removed(folder) for folder in self.folders):
                return
            time.sleep(0.01)

    def _kill(self) -> None:
        if self.version == 2 and _written(self.folders[0] / "cgroup.kill", "1"):
            return
        _written(self.folders[-1] / "pids.max", "0")  # nothing can fork away
        for entrance in self.entrances:
            for process in _processes(entrance):
                with suppress(OSError):  # it has ended meanwhile
                    os.kill(process, signal.SIGKILL)


def find_place(mounts: str | None = None, own: str | None = None) -> Place | None:
    """Where a group with caps on memory and processes can be made; None where nowhere.

    `mounts` and `own` are the contents of /proc/self/mounts and /proc/self/cgroup.
    """
    try:
        mounts = Path("/proc/self/mounts").read_text() if mounts is None else mounts
        own = Path("/proc/self/cgroup").read_text() if own is None else own
    except OSError:
        return None
    mounted = [line.split()[1:4] for line in mounts.splitlines() if line.split()[2:3] in (["cgroup"], ["cgroup2"])]
    paths = {field: line.split(":", 2)[2] for line in own.splitlines() for field in line.split(":", 2)[1].split(",")}
    return _find_second(mounted, paths) or _find_first(mounted, paths)


def make_group(place: Place | None, *, memory: int, processes: int) -> Group | None:
    """A new group with these caps (bytes; processes with their threads). None where there is no place for one."""
    if place is None:
        return None
    name = f"assay-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    group = Group(place.version, tuple(folder / name for folder in place.folders))
    caps = {"pids.max": processes}
    caps |= {"memory.max": memory, "memory.swap.max": 0} if place.version == 2 else {"memory.limit_in_bytes": memory}
    try:
        for folder in group.folders:
            folder.mkdir()
            for file, value in caps.items():
                if (folder / file).exists():
                    (folder / file).write_text(str(value))
        if place.version == 1:
            _written(group.folders[0] / "memory.memsw.limit_in_bytes", str(memory))
    except OSError:
        group.remove()
        return None
    return group


def sweep(place: Place | None) -> None:
    """Remove the empty groups that graders which crashed have left."""
    for folder in place.folders if place is not None else ():
        for left in folder.glob("assay-*"):
            if not Path("/proc", left.name.split("-")[1]).exists():
                _removed(left)  # fails, and does no harm, while a process is in it


def works(place: Place | None) -> bool:
    """Whether a group can really be made there and entered by another process."""
    group = make_group(place, memory=64 * MiB, processes=8)
    if group is None:
        return False
    enter = 'for entrance; do echo 0 > "$entrance" || exit 1; done'
    entered = subprocess.run(["/bin/sh", "-c", enter, "sh", *map(str, group.entrances)], capture_output=True)
    group.remove()
    return entered.returncode == 0


def _find_second(mounted: list[list[str]], paths: dict[str, str]) -> Place | None:
    """The nearest folder at or above our own group that hands both controllers on to its children."""
    for root, kind, _ in mounted:
        if kind != "cgroup2" or "" not in paths:
            continue
        folder = Path(root) / paths[""].lstrip("/")
        for candidate in (folder, *folder.parents):
            if not candidate.is_relative_to(root):
                break
            handed_on = _text(candidate / "cgroup.subtree_control").split()
            if set(CONTROLLERS) <= set(handed_on) and os.access(candidate, os.W_OK):
                return Place(2, (candidate,))
    return None


def _find_first(mounted: list[list[str]], paths: dict[str, str]) -> Place | None:
    """Our own group in the hierarchy of each controller."""
    folders = []
    for controller in CONTROLLERS:
        root = next(
            (root for root, kind, options in mounted if kind == "cgroup" and controller in options.split(",")), None
        )
        if root is None or controller not in paths:
            return None
        folder = Path(root) / paths[controller].lstrip("/")
        if not os.access(folder, os.W_OK):
            folder = Path(root)  # in a container the path is the host's, the mount already our own group
        if not os.access(folder, os.W_OK):
            return None
        folders.append(folder)
    return Place(1, tuple(folders))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _number(file: Path) -> int:
    text = _text(file).strip()
    return int(text) if text.isdigit() else 0


def _field(file: Path, name: str) -> int:
    values = dict(line.split() for line in _text(file).splitlines() if len(line.split()) == 2)
    return int(values.get(name, "0"))


def _processes(entrance: Path) -> list[int]:
    """Process ids in a group. Those of another process namespace are shown as 0, which would mean ourselves."""
    return [process for process in map(int, _text(entrance).split()) if process > 1]


def _written(file: Path, value: str) -> bool:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, value.encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
