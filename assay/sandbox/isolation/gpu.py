"""One GPU for one job: its device files, what else the driver's library looks at, and what a program is told of it.

No device is opened here. What a job needs besides its device files is what NVIDIA's library reads while it starts; it
takes some of that for an error of the system where it is missing, such as not being able to name its own threads.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.errors import CourseError, SandboxError

DEVICES = Path("/dev")
SHARED = ("nvidiactl", "nvidia-uvm")  # every job's, whichever device it has
OPTIONAL = ("nvidia-uvm-tools",)  # which drivers since 570 open
ABOUT_DRIVER = ("/proc/devices", "/proc/modules", "/proc/driver/nvidia/params", "/proc/driver/nvidia/version")
ABOUT_HARDWARE = ("/sys/bus/pci", "/sys/devices/system")
THREADS = "/proc/self/task"
DRIVER = "libcuda.so.1"
HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}
SEEN = {
    "CUDA_VISIBLE_DEVICES": "0",  # the one whose file is there: CUDA counts what it can open
    "CUDA_CACHE_DISABLE": "1",  # the folder would be thrown away, and counts as temporary files
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # equal sums for equal calls
    "NVIDIA_TF32_OVERRIDE": "0",  # whole float32 in torch and TensorFlow, as on the processor
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}


@dataclass(frozen=True)
class Gpu:
    """A device that a job has for itself."""

    number: str  # N of /dev/nvidiaN
    folder: Path = DEVICES  # where its files lie
    driver: str = DRIVER  # the library that is asked before any code of a student's runs; empty: none is
    base: int | None = None  # bytes of its memory that were in use when it was taken; None: nobody can tell

    @property
    def names(self) -> tuple[str, ...]:
        """Of its device files."""
        optional = (name for name in OPTIONAL if (self.folder / name).exists())
        return (f"nvidia{self.number}", *SHARED, *optional)

    @property
    def files(self) -> tuple[Path, ...]:
        """Its device files. Raises SandboxError where one is missing or is no device."""
        for name in self.names:
            if problem := problem_of(self.folder / name):
                raise SandboxError(f"The GPU {self.number} cannot be used: {problem}")
        return tuple(self.folder / name for name in self.names)


def problem_of(file: Path) -> str:
    """What is wrong with a device file, and how to mend it; empty where nothing is."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return (
            f"{file} is not there. Load NVIDIA's driver (nvidia-smi shows whether it runs; nvidia-modprobe -u -c 0 "
            "makes the files), and give a container the device."
        )
    if not stat.S_ISCHR(mode):
        return f"{file} is no device. Remove it, and make it with nvidia-modprobe."
    if os.geteuid() == 0 and mode & 0o006 != 0o006:  # a job has a uid of its own
        return f"{file} is not for all users. Load the driver with NVreg_DeviceFileMode=0666."
    if not os.access(file, os.R_OK | os.W_OK):
        return f"{file} is not for this user. Add the user to its group."
    return ""


def devices_in(folder: Path = DEVICES) -> tuple[str, ...]:
    """Numbers of the devices whose files are there."""
    found = (re.fullmatch(r"nvidia(\d+)", path.name) for path in folder.glob("nvidia*"))
    return tuple(sorted((match[1] for match in found if match), key=int))


def numbers_of(words: Iterable[str]) -> tuple[str, ...]:
    """Devices as a person has listed them. Raises CourseError where one is no number, or is there twice."""
    found = tuple(word.strip() for word in words)
    for number in found:
        if not re.fullmatch(r"0|[1-9]\d{0,2}", number):
            raise CourseError(f"{number!r} is no GPU. Write the number N of /dev/nvidiaN, such as 0.")
        if found.count(number) > 1:
            raise CourseError(f"The GPU {number} is listed twice. List each one once.")
    return found


def hardware() -> tuple[Path, ...]:
    """Folders in which the driver's library looks for the device: topology, and whether the driver is loaded."""
    places = (*map(Path, ABOUT_HARDWARE), *Path("/sys/devices").glob("pci*"), *Path("/sys/module").glob("nvidia*"))
    return tuple(sorted(place for place in places if place.is_dir()))


def driver() -> tuple[Path, ...]:
    """What the driver says about itself."""
    return tuple(path for path in map(Path, ABOUT_DRIVER) if path.is_file())
