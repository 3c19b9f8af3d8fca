"""Forks of one zygote: what each sees of the others, of the zygote and of us; and how long a zygote lives."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.errors import StudentLost
from assay.sandbox.isolation import Job, Lent, Warm, try_to_break, zygote
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from tests.support.untrusted import LIMITS, Untrusted, untrusted
from tests.support.zygotes import forking_process, holds, processes_of, proportional, zygotes_of

DOUBLE = "def double(x): return 2 * x"
JOB = Job("worker", limits=LIMITS)


@pytest.fixture(params=[Bubblewrap, Confined], ids=["bubblewrap", "confined"])
def warm(request: pytest.FixtureRequest) -> Iterator[Warm]:
    with Warm(request.param()) as tier:
        verdict = try_to_break(tier)
        if not verdict.holds:
            pytest.skip(f"not run: a warm start does not hold here: {'; '.join(verdict.broken)}")
        yield tier


def running_of(program: Untrusted) -> Any:
    """The one worker of a student."""
    program.student.defines("double")
    return program.started[-1]


def within(seconds: float, so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return so()


def is_alive(process: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def test_every_trial_of_the_self_test_holds(warm: Warm) -> None:
    cold, forked = try_to_break(warm.tier), try_to_break(warm)
    assert forked.trials
    assert set(forked.broken) <= set(cold.broken)


LEAVE = """
import ctypes, os, socket, sys
import numpy as np
kept = []
def leave(name):
    for folder in ("/tmp", "/dev/shm", os.environ["TMPDIR"], os.environ["HOME"], os.getcwd()):
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write(name)
        except OSError:
            pass
    np.marker = sys.marker = os.environ["MARKER"] = name
    kept.append(name * 1000)
    libc = ctypes.CDLL(None, use_errno=True)
    shared = libc.shmget(4711, 4096, 0o1666)
    queue = libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None)
    semaphore = libc.sem_open(b"/left", os.O_CREAT, 0o666, 1)
    kept.append(os.fork())
    if kept[-1] == 0:
        while True:
            pass
    try:
        kept.append(socket.socket(socket.AF_UNIX))
        kept[-1].bind(chr(0) + "left")
    except OSError:
        pass
    return name
def child_lives():
    return os.waitpid(kept[1], os.WNOHANG) == (0, 0)
"""
FIND = """
import ctypes, os, socket, sys
import numpy as np
def find(name):
    found = []
    for folder in ("/tmp", "/dev/shm", os.environ["TMPDIR"], os.environ["HOME"], os.getcwd()):
        if os.path.exists(os.path.join(folder, name)):
            found.append(folder)
    found += [where for where, has in (("numpy", np), ("sys", sys)) if hasattr(has, "marker")]
    found += ["environment"] if "MARKER" in os.environ else []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sem_open.restype = ctypes.c_void_p
    if libc.shmget(4711, 4096, 0o666) >= 0:
        found.append("shared memory")
    if libc.mq_open(b"/left", os.O_RDWR) >= 0:
        found.append("message queue")
    if libc.sem_open(b"/left", 0):
        found.append("semaphore")
    try:
        socket.socket(socket.AF_UNIX).connect(chr(0) + "left")
        found.append("abstract socket")
    except OSError:
        pass
    found += [process for process in range(2, 300) if os.path.exists(f"/proc/{process}/environ")
              and os.access(f"/proc/{process}/environ", os.R_OK) and process != os.getpid()]
    return found
def kill_everyone():
    try:
        os.kill(-1, 9)
    except OSError:
        pass
"""


def test_a_fork_sees_nothing_of_another(warm: Warm) -> None:
    """Neither of one that runs beside it nor of one that has ended."""
    name = f"left{secrets.token_hex(8)}"
    with untrusted(warm, LEAVE) as first:
        assert first.student.leave(name) == name
        with untrusted(warm, FIND) as beside:
            assert beside.student.find(name) == []
            beside.student.kill_everyone()
        assert first.student.child_lives()
    with untrusted(warm, FIND) as after:
        assert after.student.find(name) == []


def test_forks_draw_different_numbers(warm: Warm) -> None:
    """As programs do that were started by themselves."""
    code = """
        import random, tempfile
        import numpy as np
        def double(x): return 2 * x
        def draw():
            return [random.random(), float(np.random.random()), tempfile.mktemp()]
    """
    drawn = []
    for _ in range(2):
        with untrusted(warm, code) as program:
            drawn.append(program.student.draw())
    assert all(one != other for one, other in zip(*drawn, strict=True))


def test_no_secret_is_in_the_memory_of_a_fork(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the grader's memory and environment, of the submission before, and of the one beside it."""
    if os.geteuid() != 0:
        pytest.skip("not run: only root can read another process's memory")
    secret = {name: f"{name}-{secrets.token_hex(16)}" for name in ("grader", "environment", "before", "beside", "own")}
    monkeypatch.setenv("ASSAY_TEST_SECRET", secret["environment"])
    kept = [secret["grader"] * 100]
    code = "def double(x): return 2 * x\nkept = '{}' * 100"

    with untrusted(warm, code.format(secret["before"]), files={"before.txt": secret["before"].encode()}) as before:
        assert any(holds(process, secret["before"].encode()) for process in processes_of(running_of(before)))
    with (
        untrusted(warm, code.format(secret["beside"]), files={"beside.txt": secret["beside"].encode()}) as beside,
        untrusted(warm, code.format(secret["own"])) as own,
    ):
        running_of(beside)
        fork = running_of(own)
        forker = forking_process(fork)
        assert kept and holds(os.getpid(), secret["grader"].encode())
        assert any(holds(process, secret["own"].encode()) for process in processes_of(fork))
        for name in ("grader", "environment", "before", "beside"):
            for process in (*processes_of(fork), forker):
                assert not holds(process, secret[name].encode()), f"{name} in {process}"
        assert not holds(forker, secret["own"].encode())


def test_a_fork_clears_away_what_refers_to_itself(warm: Warm) -> None:
    """Its zygote does not while it loads the libraries."""
    with untrusted(warm, "import gc\ndef is_cleared(): return gc.isenabled()") as program:
        assert program.student.is_cleared() is True


def test_a_killed_zygote_takes_its_forks_along_and_is_started_again(warm: Warm) -> None:
    with untrusted(warm, DOUBLE) as program:
        fork = running_of(program)
        others = processes_of(fork)
        os.kill(forking_process(fork), signal.SIGKILL)
        with pytest.raises(StudentLost):
            for _ in range(100):
                program.student.double(1)
                time.sleep(0.05)
        assert program.endings[-1].reason == "lost"  # ours, not the student's
        assert within(10, lambda: not any(map(is_alive, others)))
    with untrusted(warm, DOUBLE) as program:
        assert program.student.double(2) == 4


def test_a_stuck_zygote_is_ended_and_started_again(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote, "ANSWER_SECONDS", 2.0)
    warm.prepare(JOB)
    with untrusted(warm, DOUBLE) as program:
        stuck = forking_process(running_of(program))
    os.kill(stuck, signal.SIGSTOP)
    with untrusted(warm, DOUBLE) as program:
        assert program.student.double(2) == 4
        assert forking_process(running_of(program)) != stuck
    assert within(10, lambda: not is_alive(stuck))


def test_a_zygote_left_alone_is_asked_for_a_sign_of_life(warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygote, "IDLE", 0.0)
    pinged = []
    ping = zygote.ping
    monkeypatch.setattr(zygote, "ping", lambda asked: (pinged.append(asked), ping(asked)))
    with untrusted(warm, DOUBLE) as program:
        assert program.student.double(2) == 4
    assert len(pinged) == 1


def test_zygotes_end_with_a_grader_that_is_killed(warm: Warm) -> None:
    script = f"""
import sys, time
from assay.sandbox.isolation import Warm
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from tests.support.untrusted import untrusted
from tests.support.zygotes import zygotes_of
from assay.sandbox.inside.supervise import descendants
warm = Warm({type(warm.tier).__name__}())
with untrusted(warm, {DOUBLE!r}) as program:
    assert program.student.double(2) == 4
    print(*zygotes_of(warm), *descendants(zygotes_of(warm)[0]), flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as grader:
        assert grader.stdout is not None
        processes = [int(process) for process in grader.stdout.readline().split()]
        assert len(processes) >= 3
        assert all(map(is_alive, processes))
        grader.send_signal(signal.SIGKILL)
    assert within(20, lambda: not any(map(is_alive, processes)))


def fork_twice(lent: Lent) -> tuple[int, int]:
    """What a job process does: two programs from a lent zygote. The zygote, and how many were started there."""
    with lent.warm() as warm:
        for _ in range(2):
            with untrusted(warm, DOUBLE) as program:
                assert program.student.double(2) == 4
                forker = forking_process(running_of(program))
        return forker, len(zygotes_of(warm))


def work(lent: Lent, answers: Any) -> None:
    answers.send(fork_twice(lent))


def test_processes_share_a_zygote(warm: Warm) -> None:
    warm.prepare(JOB)
    with untrusted(warm, DOUBLE) as program:
        ours = forking_process(running_of(program))
    spawning = multiprocessing.get_context("spawn")
    found = []
    started = []
    for _ in range(2):
        near, far = spawning.Pipe()
        process = spawning.Process(target=work, args=(warm.lend(), far))
        process.start()
        far.close()
        started.append((process, near))
    for process, near in started:
        assert near.poll(60)
        found.append(near.recv())
        process.join(20)
        assert process.exitcode == 0
    assert found == [(ours, 0), (ours, 0)]
    with untrusted(warm, DOUBLE) as program:
        assert forking_process(running_of(program)) == ours


def test_numpy_alone_never_loads_torch(warm: Warm) -> None:
    with untrusted(warm, DOUBLE) as program:
        forker = forking_process(running_of(program))
        maps = Path(f"/proc/{forker}/maps").read_text()
        assert "numpy" in maps
        assert not [line for line in maps.splitlines() if "torch" in line or "tensorflow" in line]


def test_forks_share_the_pages_of_the_libraries(warm: Warm) -> None:
    if os.geteuid() != 0:
        pytest.skip("not run: only root can see how another's pages are shared")
    pytest.importorskip("torch", reason="not run: torch is not installed")
    started = [untrusted(warm, DOUBLE, libraries=("torch",), limits=LIMITS) for _ in range(4)]
    programs = [one.__enter__() for one in started]
    try:
        forks = [running_of(program).process.pid for program in programs]
        resident = min(proportional(fork, "Rss") for fork in forks)
        for fork in forks:
            assert proportional(fork, "Pss") < resident / 2
            assert proportional(fork, "Private_Dirty") < resident / 4
    finally:
        for one in started:
            one.__exit__(None, None, None)


def test_a_program_that_closes_its_output_is_watched_all_the_same(warm: Warm) -> None:
    code = """
        import os, time
        def double(x): return 2 * x
        def hide():
            for stream in (0, 1, 2):
                os.close(stream)
            for _ in range(4):
                if os.fork() == 0:
                    while True:
                        pass
            time.sleep(60)
    """
    with untrusted(warm, code, limits=replace(LIMITS, cpu_seconds=2)) as program:
        with pytest.raises(StudentLost):
            program.student.hide()
        assert program.endings[-1].reason == "cpu"


def test_a_fork_cannot_reach_what_the_zygote_could(warm: Warm) -> None:
    """No capability, no descriptor but its own, no new namespace, and no way back into the zygote's."""
    code = """
        import ctypes, os, socket
        def double(x): return 2 * x
        def descriptors():
            found = []
            for number in range(3, 1024):
                try:
                    os.fstat(number)
                    found.append(number)
                except OSError:
                    pass
            return len(found)
        def refused():
            libc = ctypes.CDLL(None, use_errno=True)
            return [libc.unshare(flag) for flag in (0x10000000, 0x20000, 0x40000000, 0x20000000)] + [
                libc.umount2(b"/tmp", 2), libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b""), os.getuid() == 0]
    """
    with untrusted(warm, code) as program:
        assert program.student.descriptors() == 1
        assert program.student.refused() == [-1, -1, -1, -1, -1, -1, False if os.geteuid() == 0 else os.geteuid() == 0]
        if os.geteuid() == 0:
            status = Path(f"/proc/{processes_of(running_of(program))[-1]}/status").read_text()
            assert all(line.split()[1] in ("0" * 16, "0" * 15 + "4") for line in status.splitlines() if "Cap" in line)
