"""What a submission cannot use up, and how it ends, tried for real in every tier that this machine has."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from assay.errors import StudentError, StudentLost
from assay.sandbox.isolation import Isolation, Warm, cgroup
from assay.sandbox.limits import MiB
from tests.support.untrusted import LIMITS, NAME_MYSELF, processes_named, untrusted


def tier_of(isolation: Isolation) -> Any:
    return isolation.tier if isinstance(isolation, Warm) else isolation


def test_a_program_outlives_the_thread_that_started_it(isolation: Isolation) -> None:
    with untrusted(isolation, "def double(x): return 2 * x") as program:
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(program.student.double, 1).result() == 2
        time.sleep(0.2)
        assert program.student.double(2) == 4
    assert len(program.endings) == 1


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
from assay.sandbox.isolation import Warm
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
isolation = {type(tier_of(isolation)).__name__}()
if {isinstance(isolation, Warm)}:
    isolation = Warm(isolation)
with untrusted(isolation, code) as program:
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
    capped = replace(tier_of(isolation), groups=place)
    with ExitStack() as undo:
        tier = undo.enter_context(Warm(capped)) if isinstance(isolation, Warm) else capped
        program = undo.enter_context(untrusted(tier, code, limits=limits))
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
