"""Files that stand in for GPUs, and a library for NVIDIA's: what they cannot show is that CUDA computes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

NULL = os.makedev(1, 3)  # of /dev/null, which does no harm
LIBRARY = """
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <stdio.h>
int cuInit(unsigned flags) {
    char name[64];
    int socket_of = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (CODE) return CODE;
    if (socket_of < 0 || listen(socket_of, 16) && 0) return 304;
    if (syscall(SYS_memfd_create, "cuda", 1) < 0) return 304;
    snprintf(name, sizeof name, "/proc/self/task/%ld/comm", (long) syscall(SYS_gettid));
    int comm = open(name, O_RDWR);
    if (comm < 0 || write(comm, "cuda", 4) != 4) return 304;
    return 0;
}
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
"""


def make_devices(folder: Path, *numbers: str) -> Path:
    """A folder with device files of GPUs, which are /dev/null by other names."""
    if os.geteuid() != 0:
        pytest.skip("not run: only root can make device files")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name in ("nvidiactl", "nvidia-uvm", *(f"nvidia{number}" for number in numbers)):
        os.mknod(folder / name, stat.S_IFCHR | 0o666, NULL)
        (folder / name).chmod(0o666)
    try:
        (folder / name).write_bytes(b"x")
    except OSError as error:
        pytest.skip(f"not run: no device can be used in {folder} ({error})")
    return folder


@lru_cache(maxsize=4)
def stand_in_driver(*, code: int = 0, devices: int = 1) -> bytes:
    """A libcuda.so.1 that does to the system what NVIDIA's does when it starts, and answers `code`."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("not run: no C compiler here")
    with TemporaryDirectory() as folder:
        source, made = Path(folder, "stand_in.c"), Path(folder, "stand_in.so")
        source.write_text(LIBRARY)
        defined = (f"-DCODE={code}", f"-DCOUNT={devices}")
        subprocess.run([compiler, "-shared", "-fPIC", "-w", *defined, "-o", made, source], check=True)
        return made.read_bytes()
