"""What a submission cannot do to this machine, tried for real in every tier that it has."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import SandboxError, StudentError, StudentLost
from assay.sandbox.isolation import Isolation, Job, cgroup, tiers, try_to_break
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from assay.sandbox.limits import MiB
from tests.support.untrusted import LIMITS, NAME_MYSELF, processes_named, untrusted


@pytest.fixture(scope="module", params=[Bubblewrap, Confined], ids=["bubblewrap", "confined"])
def isolation(request: pytest.FixtureRequest) -> Isolation:
    """Each tier with no control group, so that what it does by itself is tested."""
    tier: Isolation = request.param()
    verdict = try_to_break(tier)
    if not verdict.holds:
        pytest.skip(f"{tier.name} does not hold here: {'; '.join(verdict.broken)}")
    return tier


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file that every user of this machine can read."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    file = tmp_path / "secret"
    file.write_text("the answer")
    file.chmod(0o644)
    yield file


def test_an_honest_program_runs(isolation: Isolation) -> None:
    code = """
        import numpy as np
        def double(x):
            return 2 * x
        def multiply(a, b):
            return np.asarray(a) @ b
    """
    with untrusted(isolation, code) as program:
        assert program.student.double(21) == 42
        assert program.student.double([1, 2]) == [1, 2, 1, 2]
    assert [ending.reason for ending in program.endings] == ["stopped"]


def test_a_program_outlives_the_thread_that_started_it(isolation: Isolation) -> None:
    with untrusted(isolation, "def double(x): return 2 * x") as program:
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(program.student.double, 1).result() == 2
        time.sleep(0.2)
        assert program.student.double(2) == 4
    assert len(program.endings) == 1


def test_torch_works(isolation: Isolation) -> None:
    code = """
        import torch
        def gradient(x):
            x = torch.tensor(x, requires_grad=True)
            y = torch.nn.functional.conv1d(x[None, None], torch.ones(1, 1, 3)).square().sum()
            y.backward()
            return x.grad
    """
    with untrusted(isolation, code, libraries=("torch",), limits=replace(LIMITS, memory=1024 * MiB)) as program:
        if importlib.util.find_spec("torch") is None:
            pytest.skip("not run: torch is not installed")
        assert program.student.gradient([1.0, 2.0, 3.0]).tolist() == [12.0, 12.0, 12.0]


def test_files_of_the_machine_are_not_there(isolation: Isolation, secret: Path) -> None:
    code = """
        import os
        def read(paths):
            found = []
            for path in paths:
                try:
                    open(path, "rb").read(1)
                    found.append(path)
                except OSError:
                    pass
            return found
        def listed(paths):
            found = []
            for path in paths:
                try:
                    if os.listdir(path):
                        found.append(path)
                except OSError:
                    pass
            return found
    """
    repository = Path(__file__).parents[2]
    files = [secret, repository / "pyproject.toml", "/etc/passwd", "/etc/shadow", "/etc/hostname", "/proc/1/environ"]
    files += ["/proc/self/environ", "/proc/kallsyms", "/root/.bashrc", "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda"]
    folders = [secret.parent, repository, repository / "graders", "/etc/ssl", "/home", "/var", "/proc/1", "/proc/self"]
    with untrusted(isolation, code) as program:
        assert program.student.read([str(path) for path in files]) == []
        assert program.student.listed([str(path) for path in folders]) == []


def test_libraries_that_are_not_named_are_not_there(isolation: Isolation) -> None:
    code = """
        import importlib, sys
        def imported(names, further):
            sys.path += further
            found = []
            for name in names:
                try:
                    importlib.import_module(name)
                    found.append(name)
                except ImportError:
                    pass
            return found
    """
    further = [path for path in sys.path if path.endswith("-packages")]
    further += [
        "/usr/lib/python3/dist-packages",
        "/usr/local/lib/python3/dist-packages",
        str(Path(__file__).parents[2]),
    ]
    with untrusted(isolation, code) as program:
        names = ["numpy", "safetensors", "json", "torch", "pytest", "hypothesis", "assay", "pip", "packaging", "six"]
        assert program.student.imported(names, further) == ["numpy", "safetensors", "json"]


def test_nothing_can_be_talked_to(isolation: Isolation, tmp_path: Path) -> None:
    code = """
        import socket
        def tried(port, abstract, path):
            reached = []
            for family, kind, address in [
                (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
                (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
                (socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
                (socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + abstract),
                (socket.AF_UNIX, socket.SOCK_STREAM, path),
                (socket.AF_UNIX, socket.SOCK_STREAM, "/run/dbus/system_bus_socket"),
            ]:
                try:
                    with socket.socket(family, kind) as s:
                        s.connect(address)
                        reached.append(str(address))
                except OSError:
                    pass
            try:
                socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
                reached.append("netlink")
            except OSError:
                pass
            return reached
    """
    name = f"assay-test-{secrets.token_hex(8)}"
    path = str(tmp_path / "socket")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0" + name)
        abstract.listen()
        with socket.socket(socket.AF_UNIX) as local:
            local.bind(path)
            local.listen()
            os.chmod(path, 0o777)
            with untrusted(isolation, code) as program:
                assert program.student.tried(tcp.getsockname()[1], name, path) == []


def test_other_processes_cannot_be_seen_or_touched(isolation: Isolation) -> None:
    code = """
        import os, resource, signal, ctypes
        def touch(process):
            for action in [
                lambda: os.kill(process, signal.SIGKILL),
                lambda: os.kill(-1, 0),
                lambda: resource.prlimit(process, resource.RLIMIT_CPU, (1, 1)),
                lambda: ctypes.CDLL(None).ptrace(16, process, None, None),
            ]:
                try:
                    action()
                except OSError:
                    pass
            return os.path.exists(f"/proc/{process}/cmdline") and open(f"/proc/{process}/cmdline").read()
    """
    with subprocess.Popen(["sleep", "100"]) as victim:
        try:
            with untrusted(isolation, code) as program:
                try:
                    assert program.student.touch(victim.pid) is False
                except StudentError as error:
                    assert "PermissionError" in error.message
            assert victim.poll() is None
        finally:
            victim.kill()


def test_the_environment_holds_no_secret(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEST_TOKEN", "hidden")
    code = """
        import os
        def environment():
            return dict(os.environ)
        def capabilities():
            return [os.getuid() == 0, ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)]
        import ctypes
    """
    with untrusted(isolation, code) as program:
        environment = program.student.environment()
        assert "hidden" not in environment.values()
        assert environment["OPENBLAS_NUM_THREADS"] == "1"
        assert program.student.capabilities() == [False if os.getuid() == 0 else os.getuid() == 0, 1]


def test_side_files_are_there_and_the_rest_is_private(isolation: Isolation) -> None:
    code = """
        import os, helper
        def content():
            return open("data/values.csv").read() + helper.WORD
        def leave(name):
            left = []
            for folder in (os.getcwd(), os.environ["TMPDIR"], "/tmp", "/dev/shm", "/var/tmp", "/"):
                try:
                    open(os.path.join(folder, name), "x").close()
                    left.append(folder)
                except OSError:
                    pass
            return left
        def found(folders, name):
            found = []
            for folder in folders:
                try:
                    open(os.path.join(folder, name)).close()
                    found.append(folder)
                except OSError:
                    pass
            return found
    """
    files = {"data/values.csv": b"1,2\n", "helper.py": b"WORD = 'and more'\n"}
    with untrusted(isolation, code, files=files) as first, untrusted(isolation, code, files=files) as second:
        assert first.student.content() == "1,2\nand more"
        left = first.student.leave("message")
        assert left  # its own folder at least
        assert first.student.found(left, "message") == left
        assert second.student.found(left, "message") == []


def test_a_file_cannot_be_put_anywhere_else(isolation: Isolation) -> None:
    for name in ("../outside", "/etc/outside", ""):
        with pytest.raises(SandboxError, match="plain relative name"):
            isolation.start(Job("worker", limits=LIMITS, files={name: b"x"}))


def test_a_fork_bomb_is_capped_and_ends(isolation: Isolation) -> None:
    name = f"bomb{secrets.token_hex(4)}"
    code = f"""{NAME_MYSELF}
def bomb(name):
    name_myself(name)
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
    with untrusted(isolation, code, limits=replace(LIMITS, call_seconds=2)) as program:
        with pytest.raises(StudentLost):
            program.student.bomb(name)
        assert processes_named(name) == []
        assert program.endings[0].reason in ("stopped", "cpu")


def test_processes_are_counted(isolation: Isolation) -> None:
    code = """
        import os, signal
        def children():
            started = []
            try:
                for _ in range(100):
                    child = os.fork()
                    if child == 0:
                        signal.pause()
                    started.append(child)
            except OSError:
                pass
            for child in started:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            return len(started)
    """
    with untrusted(isolation, code) as program:
        assert 1 <= program.student.children() <= LIMITS.processes


def test_a_daemon_does_not_outlive_its_program(isolation: Isolation) -> None:
    name = f"stay{secrets.token_hex(4)}"
    code = f"""{NAME_MYSELF}
def stay(name):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    os.setsid()
    if os.fork():
        os._exit(0)
    name_myself(name)
    for descriptor in range(64):
        try:
            os.close(descriptor)
        except OSError:
            pass
    while True:
        time.sleep(1)
"""
    with untrusted(isolation, code) as program:
        assert program.student.stay(name) == 0
        deadline = time.monotonic() + 10
        while not processes_named(name) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(processes_named(name)) == 1
        program.student.close()
        assert processes_named(name) == []


def test_nothing_outlives_a_grader_that_crashes(isolation: Isolation) -> None:
    name = f"left{secrets.token_hex(4)}"
    script = f"""
import os, sys
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from tests.support.untrusted import untrusted
code = {NAME_MYSELF!r} + '''
def stay(name):
    if os.fork() == 0:
        os.setsid()
        name_myself(name)
        while True:
            time.sleep(1)
    time.sleep(0.2)
'''
with untrusted({type(isolation).__name__}(), code) as program:
    program.student.stay({name!r})
    print("started", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as grader:
        assert grader.stdout is not None
        assert grader.stdout.readline() == b"started\n"
        assert processes_named(name)
        grader.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while processes_named(name) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_named(name) == []


def test_memory_of_one_process_is_capped(isolation: Isolation) -> None:
    code = """
        def hog(size):
            return len(bytearray(size))
    """
    with untrusted(isolation, code) as program:
        assert program.student.hog(LIMITS.memory // 4) == LIMITS.memory // 4
        with pytest.raises(StudentError, match="MemoryError") as caught:
            program.student.hog(LIMITS.memory + 64 * MiB)
        assert caught.value.kind == "raised"
        assert program.student.hog(1) == 1


def test_memory_of_all_processes_is_capped(isolation: Isolation) -> None:
    code = """
        import os, time
        def hog(size, count):
            for _ in range(count):
                if os.fork() == 0:
                    kept = bytearray(size)
                    for at in range(0, size, 4096):
                        kept[at] = 1
                    time.sleep(60)
            time.sleep(60)
    """
    with untrusted(isolation, code) as program:
        with pytest.raises(StudentLost):
            program.student.hog(LIMITS.memory // 2, 8)
        assert program.endings[0].reason == "memory"
        assert program.endings[0].peak_memory >= LIMITS.memory


def test_memory_is_capped_by_a_control_group(isolation: Isolation) -> None:
    place = cgroup.find_place()
    if not cgroup.works(place):
        pytest.skip("not run: this machine lets nobody make a control group")
    code = """
        import os, time
        def hog(size):
            for _ in range(8):
                if os.fork() == 0:
                    kept = b"x" * size
                    time.sleep(60)
            while True:
                time.sleep(1)
    """
    limits = replace(LIMITS, call_seconds=5)
    with untrusted(type(isolation)(place), code, limits=limits) as program:
        with pytest.raises(StudentLost):
            program.student.hog(LIMITS.memory // 2)
        assert program.endings[0].reason == "memory"
    assert place is not None
    assert not [group for folder in place.folders for group in folder.glob(f"assay-{os.getpid()}-*")]


def test_the_disk_is_capped(isolation: Isolation) -> None:
    code = """
        import time
        def fill(size, count):
            written = 0
            for number in range(count):
                with open(f"file{number}", "wb", buffering=0) as file:
                    written += file.write(bytes(size))
            time.sleep(3)
            return written
    """
    with untrusted(isolation, code) as program, pytest.raises((StudentError, StudentLost)) as caught:
        program.student.fill(LIMITS.disk // 4, 40)
    if isinstance(caught.value, StudentError):
        assert "OSError" in caught.value.message
    else:
        assert program.endings[0].reason == "disk"


def test_one_file_is_capped(isolation: Isolation) -> None:
    code = """
        import os
        def enlarge(size):
            descriptor = os.open("large", os.O_CREAT | os.O_WRONLY)
            os.ftruncate(descriptor, size)
    """
    with untrusted(isolation, code) as program, pytest.raises((StudentError, StudentLost)):
        program.student.enlarge(LIMITS.disk + 1)


def test_output_is_kept_up_to_its_cap_and_blocks_nobody(isolation: Isolation) -> None:
    code = """
        import os, sys
        def flood(count):
            for number in range(count):
                print("x" * 999)
                os.write(2, b"y" * 999 + b"\\n")
            print("the end", flush=True)
            return count
    """
    limits = replace(LIMITS, output=10_000)
    with untrusted(isolation, code, limits=limits) as program:
        assert program.student.flood(5000) == 5000
        program.student.close()
        output = program.endings[0].output
        assert len(output) <= 10_000
        assert output.endswith("the end\n")


def test_processor_time_of_all_processes_is_capped(isolation: Isolation) -> None:
    code = """
        import os
        def burn(children):
            for _ in range(children):
                if os.fork() == 0:
                    break
            while True:
                pass
    """
    limits = replace(LIMITS, cpu_seconds=1)
    for children in (0, 3):
        with untrusted(isolation, code, limits=limits) as program:
            with pytest.raises(StudentLost):
                program.student.burn(children)
            assert program.endings[0].reason == "cpu"
            assert program.endings[0].cpu_seconds > 0.5


def test_an_ending_says_how_it_came(isolation: Isolation) -> None:
    code = """
        import ctypes, os
        def crash():
            ctypes.string_at(0)
        def leave(status):
            os.write(2, b"good bye")
            os._exit(status)
    """
    for call, reason, status in (("crash", "crashed", -signal.SIGSEGV), ("leave", "ended", 0), ("leave", "crashed", 3)):
        with untrusted(isolation, code) as program:
            with pytest.raises(StudentLost):
                program.student.call(call, *([status] if call == "leave" else []))
            ending = program.endings[0]
        assert (ending.reason, ending.status) == (reason, status)
        assert ending.output == ("" if call == "crash" else "good bye")


def test_a_library_that_is_not_installed_is_our_error(isolation: Isolation) -> None:
    with pytest.raises(SandboxError, match="no-such-library is not installed"):
        isolation.start(Job("worker", ("numpy", "no-such-library"), LIMITS))


def test_the_best_tier_comes_first() -> None:
    assert [tier.name for tier in tiers()] == ["bubblewrap", "confined process", "own user"]
