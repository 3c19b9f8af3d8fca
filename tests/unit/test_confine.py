"""Each step of the confinement, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.sandbox.inside import landlock, seccomp
from assay.sandbox.inside.confine import Policy, policy_from
from assay.sandbox.limits import MiB

TRY = """
import errno, json, os, resource, signal, socket, sys, threading
from assay.sandbox.inside.confine import *
from assay.sandbox.inside import landlock, seccomp

def tried(action):
    try:
        return action()
    except OSError as error:
        return errno.errorcode[error.errno]
    except Exception as error:
        return type(error).__name__

def opened(path, mode="r"):
    with open(path, mode) as file:
        return file.read() if mode == "r" else "written"
"""


def confined(code: str, **names: Any) -> Any:
    """What the code assigns to `found`, run in a process of its own."""
    given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    script = TRY + given + code + "\nprint(json.dumps(found))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def needs_landlock() -> None:
    if landlock.abi() == 0:
        pytest.skip("not run: this kernel has no Landlock")


def needs_seccomp() -> None:
    if not seccomp.available():
        pytest.skip("not run: libseccomp is not installed")


def test_landlock_opens_what_it_is_told_and_nothing_else(tmp_path: Path) -> None:
    needs_landlock()
    for name in ("readable", "listable", "writable", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    code = """
names = ("readable", "listable", "writable", "other")
landlock.restrict([at + "/readable"], writable=[at + "/writable"], listable=[at + "/listable", at + "/missing"])
found = {
    "read": [tried(lambda: opened(f"{at}/{name}/file")) for name in names],
    "listed": [tried(lambda: os.listdir(f"{at}/{name}")) for name in names],
    "written": [tried(lambda: opened(f"{at}/{name}/new", "w")) for name in names],
    "link": tried(lambda: os.symlink(at + "/other/file", at + "/writable/link")),
    "through a link": tried(lambda: opened(at + "/writable/link")),
    "moved": tried(lambda: os.rename(at + "/readable/file", at + "/writable/moved")),
    "device": tried(lambda: os.mknod(at + "/writable/device", 0o020600, os.makedev(1, 3))),
    "executed": tried(lambda: os.execv(sys.executable, [sys.executable])),
}
"""
    found = confined(code, at=str(tmp_path))
    assert found["read"] == ["readable", "EACCES", "writable", "EACCES"]
    assert found["listed"] == [["file"], ["file"], ["file"], "EACCES"]
    assert found["written"] == ["EACCES", "EACCES", "written", "EACCES"]
    assert found["link"] is None
    assert found["through a link"] == "EACCES"
    assert found["moved"] in ("EACCES", "EXDEV")
    assert found["device"] in ("EACCES", "EPERM")
    assert found["executed"] == "EACCES"


@pytest.mark.parametrize("version", range(8))
def test_every_version_of_landlock_is_described(version: int) -> None:
    text = landlock.describe(version)
    assert ("signals" in text) == (0 < version < 6)
    assert ("truncating" in text) == (0 < version < 3)


@pytest.mark.parametrize("version", range(1, 8))
def test_older_versions_of_landlock_are_asked_for_what_they_know(version: int, tmp_path: Path) -> None:
    needs_landlock()
    if landlock.abi() < version:
        pytest.skip(f"not run: this kernel has Landlock {landlock.abi()}")
    (tmp_path / "file").write_text("text")
    code = """
landlock.abi = lambda: version
landlock.restrict(writable=[at, "/dev/null"])
found = [tried(lambda: opened("/etc/hostname")), tried(lambda: opened(at + "/file"))]
found.append(tried(lambda: opened("/dev/null", "w")))
"""
    assert confined(code, version=version, at=str(tmp_path)) == ["EACCES", "text", "written"]


def test_seccomp_leaves_no_network() -> None:
    needs_seccomp()
    code = """
seccomp.restrict("pair", same_user=False)
families = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_VSOCK, socket.AF_PACKET)
found = [tried(lambda: socket.socket(family, kind)) for family in families for kind in (1, 2, 3)]
found.append(tried(lambda: socket.socketpair() and "a pair"))
found.append(tried(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)))
"""
    *refused, pair, datagrams = confined(code)
    assert set(refused) == {"EACCES"}
    assert pair == "a pair"
    assert datagrams == "EACCES"


def test_seccomp_lets_a_kernel_listen_but_not_connect(tmp_path: Path) -> None:
    needs_seccomp()
    code = """
def sockets():
    local = socket.socket(socket.AF_UNIX)
    return [
        tried(lambda: local.bind(at)),
        tried(lambda: local.listen()),
        tried(lambda: socket.socket(socket.AF_UNIX).connect(at)),
        tried(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)),
        tried(lambda: socket.socket()),
    ]
seccomp.restrict("local", same_user=False)
found = [sockets()]
at += "-again"
seccomp.restrict("listen", same_user=False)
found.append(sockets())
"""
    first, second = confined(code, at=str(tmp_path / "socket"))
    assert first == [None, None, None, "EACCES", "EACCES"]
    assert second == [None, None, "EACCES", "EACCES", "EACCES"]


def test_seccomp_makes_dangerous_calls_disappear() -> None:
    needs_seccomp()
    code = """
import ctypes
def called(name, *arguments):
    number = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name(name.encode())
    libc = ctypes.CDLL(None, use_errno=True)
    return errno.errorcode[ctypes.get_errno()] if libc.syscall(number, *arguments) == -1 else "done"
seccomp.restrict("pair", same_user=False)
names = "ptrace mount umount2 unshare setns bpf keyctl userfaultfd perf_event_open io_uring_setup process_vm_readv"
names += " memfd_create open_by_handle_at kexec_load init_module inotify_init1 shmget setuid pidfd_open clone3 openat2"
found = {name: called(name, 0, 0, 0, 0, 0) for name in names.split()}
namespaces = {flag: called("clone", 17 | flag, 0, 0, 0, 0) for flag in (1 << 17, 1 << 28, 1 << 29, 1 << 30)}
found = [sorted(set(found.values())), sorted(set(namespaces.values()))]
"""
    assert confined(code) == [["ENOSYS"], ["EPERM"]]


def test_seccomp_holds_for_threads_and_children_and_lets_them_be() -> None:
    needs_seccomp()
    code = """
results = []
begun, go = threading.Event(), threading.Event()
def early():
    begun.set()
    go.wait()
    results.append(tried(lambda: socket.socket()))
thread = threading.Thread(target=early)
thread.start()
begun.wait()
seccomp.restrict("pair", same_user=False)
go.set()
thread.join()
child = os.fork()
if child == 0:
    os._exit(0 if tried(lambda: socket.socket()) == "EACCES" else 1)
results.append(os.waitpid(child, 0)[1])
found = results
"""
    assert confined(code) == ["EACCES", 0]


@pytest.mark.parametrize("kept_in", [True, False])
def test_a_process_of_the_same_user_is_left_alone(kept_in: bool, tmp_path: Path) -> None:
    needs_seccomp()
    file = tmp_path / "file"
    file.write_text("text")
    code = """
os.setsid()
seccomp.restrict("pair", same_user=True, signals_kept_in=kept_in)
found = {
    "own signal": tried(lambda: os.kill(os.getpid(), 0)),
    "own group": tried(lambda: os.killpg(os.getpgrp(), 0)),
    "signal": tried(lambda: os.kill(other, 0)),
    "limit": tried(lambda: resource.prlimit(other, resource.RLIMIT_NOFILE, (5, 5))),
    "priority": tried(lambda: os.setpriority(os.PRIO_PROCESS, other, 10)),
    "truncated": [tried(lambda: os.truncate(file, 0)), tried(lambda: os.open(file, os.O_RDONLY | os.O_TRUNC))],
    "mode": tried(lambda: os.chmod(file, 0o777)),
}
"""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            found = confined(code, other=other.pid, file=str(file), kept_in=kept_in)
        finally:
            other.kill()
    assert found["own signal"] is None and found["own group"] is None
    assert found["signal"] == (None if kept_in else "ENOSYS")
    assert found["limit"] in ("EPERM", "PermissionError")
    assert found["priority"] == "EPERM"
    assert found["truncated"] == ["EPERM", "EPERM"]
    assert found["mode"] is None  # says so, but
    assert file.stat().st_mode & 0o777 != 0o777
    assert file.read_text() == "text"


def test_the_address_space_is_measured_without_proc() -> None:
    code = """
import mmap
before = address_space()
kept = mmap.mmap(-1, 64 << 20)
shown = int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE
found = [address_space() - before, abs(address_space() - shown)]
"""
    grown, difference = confined(code)
    assert 64 * MiB <= grown < 72 * MiB
    assert difference < 8 * MiB


def test_limits_count_from_what_is_in_use() -> None:
    code = """
import numpy
before = address_space()
steps = bound(Policy(memory=128 << 20, cpu_seconds=100, processes=50, file_size=1 << 20, open_files=64))
limits = {name: resource.getrlimit(getattr(resource, name))[0] for name in
          ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")}
found = [limits["RLIMIT_AS"] - before, limits, tried(lambda: len(bytearray(256 << 20))), [step.holds for step in steps]]
"""
    memory, limits, hog, held = confined(code)
    assert 128 * MiB <= memory < 160 * MiB
    assert 100 <= limits.pop("RLIMIT_CPU") <= 110
    assert limits.pop("RLIMIT_AS")
    assert limits == {"RLIMIT_NPROC": 50, "RLIMIT_FSIZE": MiB, "RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0}
    assert hog == "MemoryError"
    assert all(held)


def test_a_limit_is_never_raised() -> None:
    code = """
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
bound(Policy(open_files=4000))
found = resource.getrlimit(resource.RLIMIT_NOFILE)
"""
    assert confined(code) == [100, 100]


def test_a_step_that_does_not_hold_is_told_and_one_that_must_hold_stops() -> None:
    code = """
landlock.abi = lambda: 0
steps = {step.name: step.holds for step in fence(Policy(readable=("/",)))}
try:
    fence(Policy(readable=("/",), required=("files",)))
    stopped = ""
except Unconfined as error:
    stopped = str(error)
found = [steps, stopped]
"""
    steps, stopped = confined(code)
    assert steps["files"] is False
    assert steps["no new privileges"] is True
    assert stopped == "files: Landlock is not available"


def test_the_judge_reads_everything_and_writes_into_its_own_folder(tmp_path: Path) -> None:
    needs_landlock()
    needs_seccomp()
    (tmp_path / "own").mkdir()
    code = """
confine_judge(at + "/own", memory=1 << 30)
found = {
    "read": tried(lambda: bool(opened(__import__("json").__file__))),
    "own": tried(lambda: opened(at + "/own/file", "w")),
    "other": tried(lambda: opened(at + "/file", "w")),
    "network": tried(lambda: socket.socket()),
    "program": tried(lambda: os.execv(sys.executable, [sys.executable])),
}
"""
    assert confined(code, at=str(tmp_path)) == {
        "read": True,
        "own": "written",
        "other": "EACCES",
        "network": "EACCES",
        "program": "EACCES",
    }


def test_a_policy_survives_its_journey() -> None:
    policy = Policy(readable=("/usr",), sockets="listen", user=62000, memory=5, required=("files",))
    assert policy_from(json.loads(json.dumps(policy.__dict__))) == policy
