"""A GPU as the program sees it that has one: the driver is asked before anything of a student's runs.

In a zygote nobody may have asked it: CUDA does not survive a fork.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .confine import Policy, Unconfined

THREADS = "/proc/self/task"
MOST_THREADS = 1024  # that can be named, by number


def name_threads() -> None:
    """Files that take the names of this program's threads, where no /proc does: the driver gives each one a name."""
    for number in range(1, MOST_THREADS + 1):
        os.mkdir(f"{THREADS}/{number}", 0o700)
        os.close(os.open(f"{THREADS}/{number}/comm", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def begin(policy: Policy) -> None:
    """Have the driver answer, and keep libraries to the memory that the policy gives; nothing without a GPU.

    Where it does not answer, this ends the program, so that it never is ready.
    """
    if policy.driver:
        try:
            _ask(policy.driver)
        except Unconfined as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
    if policy.gpu_memory:
        _keep_torch_to(policy.gpu_memory)
        if policy.driver:  # which lists devices
            _keep_tensorflow_to(policy.gpu_memory)


def _ask(driver: str) -> None:
    try:
        library = ctypes.CDLL(driver)
    except OSError as error:
        raise Unconfined(
            f"GPU: NVIDIA's driver has no library here ({error}). Install the driver's libcuda1."
        ) from None
    count = ctypes.c_int(0)
    for name, call in (
        ("cuInit", lambda: library.cuInit(0)),
        ("cuDeviceGetCount", lambda: library.cuDeviceGetCount(ctypes.byref(count))),
    ):
        if (code := call()) != 0:
            raise Unconfined(
                f"GPU: NVIDIA's driver does not answer in the sandbox ({name}: CUDA error {code}). Look at nvidia-smi "
                "and assay doctor."
            )
    if count.value != 1:
        raise Unconfined(f"GPU: CUDA sees {count.value} devices in the sandbox where there should be one.")


def _keep_torch_to(most: int) -> None:
    """Once torch has started CUDA: to do so now would take time from those that never use it."""
    torch = sys.modules.get("torch")
    later: Callable[..., Any] | None = getattr(getattr(torch, "cuda", None), "_lazy_call", None)
    if torch is None or later is None or not torch.backends.cuda.is_built():
        return

    def cap() -> None:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(most / total, 1.0), 0)

    later(cap)


def _keep_tensorflow_to(most: int) -> None:
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return
    for device in tensorflow.config.list_physical_devices("GPU"):
        logical = tensorflow.config.LogicalDeviceConfiguration(memory_limit=most // 2**20)
        tensorflow.config.set_logical_device_configuration(device, [logical])


def opened_by(proc: int) -> list[str]:
    """What shows that this process has started CUDA. `proc`: a descriptor of /proc.

    Empty in a zygote that can be forked.
    """
    found = []
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found.append("torch has started CUDA")
    descriptors = os.open("self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
    try:
        for name in os.listdir(descriptors):
            with suppress(OSError):
                target = os.readlink(name, dir_fd=descriptors)
                if os.path.basename(target).startswith("nvidia"):
                    found.append(f"{target} is open")
    finally:
        os.close(descriptors)
    return found
