"""A job with a GPU reaches that one device and what its driver reads; a job without one reaches none.

Device files and the driver's library are stand-ins, so this shows what the sandbox lets through, and no computing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import SandboxError, StudentLost
from assay.sandbox.isolation import Isolation, Job, nvml
from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.limits import MiB
from tests.support.stand_in_gpu import make_devices, stand_in_driver
from tests.support.untrusted import LIMITS, untrusted

pytestmark = pytest.mark.xdist_group("gpu_sandbox")

LOOK = """
import ctypes, fcntl, mmap, os, socket

def reached(folder, names):
    found = []
    for name in names:
        try:
            descriptor = os.open(os.path.join(folder, name), os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.ioctl(descriptor, 0xC00846D2, bytes(8))
        except OSError as error:
            if error.errno == 25:  # ENOTTY: /dev/null itself has answered
                found.append(name)
        os.close(descriptor)
    return found

def listed(folder):
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith("nvidia"))
    except OSError:
        return []

def variable(name):
    return os.environ.get(name, "not set")

def reserve(size):
    mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ).close()
    return True

def hog(size):
    global kept
    kept = bytearray(os.urandom(1 << 20) * (size >> 20))
    return len(kept)

def reaches_out():
    tried = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        tried.connect("/tmp/nothing")
    except OSError as error:
        return error.errno

def family(number):
    try:
        socket.socket(number, socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True

def note(text):
    with open("/proc/self/task/1/comm", "w") as file:
        file.write(text)
    return True

def noted():
    with open("/proc/self/task/1/comm") as file:
        return file.read()
"""
NAMES = ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"]


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("devices")
    for parent in (folder, *folder.parents):
        if parent != Path("/tmp") and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    yield make_devices(folder, "0", "1")


def place_of(devices: Path, isolation: Isolation) -> str:
    """Where a job finds device files: in bubblewrap the sandbox has a /dev of its own."""
    return "/dev" if isolation.name == "bubblewrap" else str(devices)


def test_a_job_reaches_its_own_device_and_no_other(isolation: Isolation, devices: Path) -> None:
    with untrusted(isolation, LOOK, gpu=Gpu("1", devices, driver="")) as program:
        call = program.student.call
        assert call("reached", place_of(devices, isolation), NAMES) == ["nvidia1", "nvidiactl", "nvidia-uvm"]
        assert call("variable", "CUDA_VISIBLE_DEVICES") == "0"
        assert call("variable", "NVIDIA_TF32_OVERRIDE") == "0"
        if isolation.name == "bubblewrap":
            assert call("listed", "/dev") == ["nvidia-uvm", "nvidia1", "nvidiactl"]


def test_a_job_without_a_gpu_reaches_none(isolation: Isolation, devices: Path) -> None:
    with untrusted(isolation, LOOK) as program:
        assert program.student.call("reached", str(devices), NAMES) == []
        assert program.student.call("reached", "/dev", NAMES) == []
        assert program.student.call("listed", "/dev") == []
        assert program.student.call("variable", "CUDA_VISIBLE_DEVICES") == ""


def test_a_driver_that_starts_as_nvidias_does_answers(isolation: Isolation, devices: Path) -> None:
    files = {"libcuda.so.1": stand_in_driver()}
    with untrusted(isolation, LOOK, gpu=Gpu("0", devices, driver="./libcuda.so.1"), files=files) as program:
        assert program.student.call("reached", place_of(devices, isolation), NAMES[:2]) == ["nvidia0"]


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        ({"code": 999}, "cuInit: CUDA error 999"),
        ({"devices": 2}, "CUDA sees 2 devices"),
    ],
)
def test_a_driver_that_does_not_answer_is_our_fault(
    isolation: Isolation, devices: Path, driver: dict[str, int], said: str
) -> None:
    gpu = Gpu("0", devices, driver="./libcuda.so.1")
    job = Job("worker", limits=LIMITS, gpu=gpu, files={"libcuda.so.1": stand_in_driver(**driver)})
    with pytest.raises(SandboxError, match=said):
        isolation.start(job)


def test_a_missing_library_or_device_is_named(isolation: Isolation, devices: Path) -> None:
    with pytest.raises(SandboxError, match="no library here .*libcuda-of-nobody"):
        isolation.start(Job("worker", limits=LIMITS, gpu=Gpu("0", devices, driver="libcuda-of-nobody.so")))
    with pytest.raises(SandboxError, match="The GPU 7 cannot be used: .*nvidia7 is not there"):
        isolation.start(Job("worker", limits=LIMITS, gpu=Gpu("7", devices, driver="")))


def test_address_space_is_free_and_memory_is_not(isolation: Isolation, devices: Path) -> None:
    gpu = Gpu("0", devices, driver="")
    with untrusted(isolation, LOOK, gpu=gpu) as program:
        assert program.student.call("reserve", 1 << 42) is True
        with pytest.raises(StudentLost):
            program.student.call("hog", LIMITS.memory + 512 * MiB)
        assert program.endings[0].reason == "memory"
    with untrusted(isolation, LOOK) as program, pytest.raises(Exception, match="Cannot allocate memory"):
        program.student.call("reserve", 1 << 42)


def test_only_local_sockets_that_nobody_is_talked_to_with(isolation: Isolation, devices: Path) -> None:
    with untrusted(isolation, LOOK, gpu=Gpu("0", devices, driver="")) as program:
        assert program.student.call("reaches_out") == 13
        assert [program.student.call("family", number) for number in (1, 2, 10, 16)] == [True, False, False, False]


def test_names_of_threads_are_no_place_to_leave_a_message(isolation: Isolation, devices: Path) -> None:
    if isolation.name != "bubblewrap":
        pytest.skip("not run: only there they are files of ours")
    gpu = Gpu("0", devices, driver="")
    with untrusted(isolation, LOOK, gpu=gpu) as first:
        assert first.student.call("note", "a message") is True
        assert first.student.call("noted") == "a message"
    with untrusted(isolation, LOOK, gpu=gpu) as second:
        assert second.student.call("noted") == ""


def test_a_job_that_holds_more_of_the_device_than_it_may_is_ended(
    isolation: Isolation, devices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use = {"0": 500 * MiB}
    monkeypatch.setattr(nvml, "memory_in_use", in_use.__getitem__)
    gpu, limits = Gpu("0", devices, driver="", base=400 * MiB), replace(LIMITS, gpu_memory=100 * MiB)
    with untrusted(isolation, LOOK + "\nimport time\ndef wait(): time.sleep(20)", gpu=gpu, limits=limits) as program:
        assert program.student.call("reserve", 4096) is True
        in_use["0"] += 1
        with pytest.raises(StudentLost, match="used more memory of the GPU than allowed"):
            program.student.call("wait")
        assert program.endings[0].reason == "gpu memory"
