"""Which user's server has which GPU: one each, and no GPU is given to two."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from assay.errors import SandboxError
from assay.sandbox.isolation.gpu import DEVICES, Gpu

DRIVER = Path("/proc/driver/nvidia/gpus")  # as the driver of this machine lists them


Server = tuple[int, str]  # what names one for good: the number of its user, and its own name


@dataclass
class Table:
    """What each server has."""

    _given: dict[Server, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, server: Server, devices: Iterable[str], besides: Collection[str] = ()) -> str | None:
        """A device for the server, which keeps the one that it has; None where all are taken.

        besides: those that are in use though this table does not know it.
        """
        with self._lock:
            if server in self._given:
                return self._given[server]
            taken = {*self._given.values(), *besides}
            found = next((device for device in devices if device not in taken), None)
            if found is not None:
                self._given[server] = found
            return found

    def hold(self, server: Server, device: str) -> None:
        """The server has it already: it went on running while the Hub was away."""
        with self._lock:
            self._given[server] = device

    def give_back(self, server: Server) -> None:
        """Whatever the server has, if anything."""
        with self._lock:
            self._given.pop(server, None)

    def free(self, devices: Iterable[str]) -> list[str]:
        """Those that no server has."""
        with self._lock:
            taken = set(self._given.values())
        return [device for device in devices if device not in taken]


TABLE = Table()  # of this Hub; what it forgets with its process, its database and the engine of containers tell it


@dataclass(frozen=True)
class Device:
    """A GPU of this machine."""

    identity: str  # GPU-..., which CUDA_VISIBLE_DEVICES understands whatever else is visible
    files: tuple[str, ...]


def of_this_machine(device: str) -> Device:
    """By its number, as in /dev/nvidia0, or its identity.

    Raises SandboxError where the driver knows none such, or a file of the device cannot be used.
    """
    for identity, number in _listed():
        if device in (identity, number):
            return Device(identity, tuple(map(str, Gpu(number, DEVICES).files)))
    raise SandboxError(
        f"The driver of this machine knows no GPU {device}. Correct gpus in the settings: the numbers of /dev/nvidia*, "
        "or what nvidia-smi -L shows."
    )


def identity_of(device: str) -> str:
    """Of a device by its number or identity; as it is given where the driver of this machine knows none such."""
    return next((identity for identity, number in _listed() if device == number), device)


def _listed() -> Iterator[tuple[str, str]]:
    """Identity and number of each device."""
    for information in sorted(DRIVER.glob("*/information")):
        text = information.read_text(errors="replace")
        yield _said(text, "GPU UUID"), _said(text, "Device Minor")


def _said(text: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(\S+)", text, flags=re.MULTILINE)
    return found[1] if found else ""
