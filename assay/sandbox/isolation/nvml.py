"""What NVIDIA's management library says of a device. Optional: nvidia-ml-py, and the driver's libnvidia-ml.so.1."""

from __future__ import annotations

import importlib
import threading
from typing import Any

_lock = threading.Lock()
_handles: dict[str, Any] = {}  # by device number


class NoAnswer(Exception):
    """Nothing can be known, and why."""


def memory_in_use(number: str) -> int:
    """Bytes of the device's memory that all programs together hold. Raises NoAnswer."""
    library = _library()
    try:
        return int(library.nvmlDeviceGetMemoryInfo(_handle(library, number)).used)
    except library.NVMLError as error:
        raise NoAnswer(f"NVIDIA's driver says of the GPU {number}: {error}") from None


def describe(number: str) -> str:
    """Name, memory and driver of a device. Raises NoAnswer."""
    library = _library()
    try:
        handle = _handle(library, number)
        total = library.nvmlDeviceGetMemoryInfo(handle).total / 2**30
        return f"{library.nvmlDeviceGetName(handle)}, {total:.0f} GiB, driver {library.nvmlSystemGetDriverVersion()}"
    except library.NVMLError as error:
        raise NoAnswer(f"NVIDIA's driver says of the GPU {number}: {error}") from None


def _library() -> Any:
    try:
        return importlib.import_module("pynvml")
    except ImportError:
        raise NoAnswer("nvidia-ml-py is not installed: pip install 'assay[gpu]'") from None


def _handle(library: Any, number: str) -> Any:
    """By the number of its device file, in whatever order the driver counts.

    It counts devices, too, that we may not ask about, such as those of others; they are passed over.
    """
    with _lock:
        if number not in _handles:
            library.nvmlInit()
            problem = NoAnswer(f"NVIDIA's driver knows no GPU {number}")
            for index in range(library.nvmlDeviceGetCount()):
                try:
                    handle = library.nvmlDeviceGetHandleByIndex(index)
                    _handles[str(library.nvmlDeviceGetMinorNumber(handle))] = handle
                except library.NVMLError as error:
                    problem = error
        if number not in _handles:
            raise problem
        return _handles[number]
