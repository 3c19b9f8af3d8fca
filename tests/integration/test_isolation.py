"""What a submission cannot do to this machine, tried for real in every tier that it has."""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import SandboxError, StudentError
from assay.sandbox.isolation import Isolation, Job, tiers
from assay.sandbox.limits import MiB
from tests.support.untrusted import LIMITS, untrusted


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
    folders = [
        secret.parent,
        repository,
        repository / "graders",
        "/etc/ssl",
        "/home",
        "/var",
        "/proc/1",
        "/proc/self/fd",
    ]
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
        names = ["numpy", "json", "torch", "safetensors", "pytest", "hypothesis", "assay", "pip", "packaging", "six"]
        assert program.student.imported(names, further) == ["numpy", "json"]


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


def test_a_library_that_is_not_installed_is_our_error(isolation: Isolation) -> None:
    with pytest.raises(SandboxError, match="no-such-library is not installed"):
        isolation.start(Job("worker", ("numpy", "no-such-library"), LIMITS))


def test_the_best_tier_comes_first() -> None:
    assert [tier.name for tier in tiers()] == ["bubblewrap", "confined process", "own user"]
