"""Workers at one job table in processes of their own, some of which are killed.

    python -m tests.support.job_workers enqueue|share|kill|stop URL FOLDER

Processes are forked from one that has no threads, so that many are started in little time. The clock is passed: a
round later is a thousand seconds later, so that nobody has to wait for a lease to run out.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, event

from assay.errors import JobError
from assay.jobs.table import enqueue, finish, in_state, lease, opened, retry

SUBJECTS = [f"attempt{number}" for number in range(60)]
MANY = 200
ROUND = 1000.0  # seconds
REFUSED = 7


def forked(work: Callable[[], object]) -> int:
    """The process that does this and nothing else."""
    if process := os.fork():
        return process
    code = 1
    try:
        code = int(work() or 0)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def ended(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed_at(engine: Engine, point: int) -> None:
    """SIGKILL for this process before or after its so-many-th statement, or before a commit."""
    passed = 0

    def count(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(engine, moment, count)


def ask(url: str, subjects: list[str], point: int = 0) -> None:
    engine = opened(url)
    killed_at(engine, point)
    for subject in subjects:
        enqueue(engine, "grade", subject, "1", now=0)


def work(url: str, name: str, now: float, log: Path, point: int = 0, ready: int = -1) -> None:
    """Do all there is, and note what was finished as soon as that is known."""
    engine = opened(url)
    killed_at(engine, point)
    if ready >= 0:
        os.write(ready, b".")
    while (job := lease(engine, name, 10, now=now)) is not None:
        finish(engine, job, f"{name} {job.lease}", now=now)
        with log.open("ab", buffering=0) as file:
            file.write(f"{job.id} {name} {job.lease}\n".encode())


def ask_together(url: str, folder: Path) -> list[int]:
    """Four open a table that is not there yet and ask for the same jobs, each in another order."""
    orders = [random.Random(seed).sample(SUBJECTS, len(SUBJECTS)) for seed in range(4)]
    return [ended(process) for process in [forked(lambda order=order: ask(url, order)) for order in orders]]


def share(url: str, folder: Path) -> list[int]:
    """Four do many jobs; whoever has one holds a file that must not be there before."""

    def hold(name: str) -> None:
        engine = opened(url)
        while (job := lease(engine, name, 60)) is not None:
            held = folder / str(job.id)
            os.close(os.open(held, os.O_CREAT | os.O_EXCL))
            time.sleep(0.001)
            held.unlink()
            finish(engine, job, name)

    assert ended(forked(lambda: ask(url, [str(number) for number in range(MANY)]))) == 0
    names = [f"worker{number}" for number in range(4)]
    return [ended(process) for process in [forked(lambda name=name: hold(name)) for name in names]]


def kill(url: str, folder: Path) -> list[int]:
    """Every step of asking and of working is the last of some process; others are killed whenever it happens."""
    chance, log, codes = random.Random(5), folder / "finished", []
    for point in range(1, 28):  # twice what one job takes
        codes.append(ended(forked(lambda point=point: ask(url, SUBJECTS[(point - 1) // 13 :], point))))
    assert ended(forked(lambda: ask(url, SUBJECTS))) == 0
    points = chance.sample(range(1, 40), 39)  # again twice
    for number, point in enumerate(points, start=1):
        codes.append(ended(forked(lambda n=number, p=point: work(url, f"worker{n}", n * ROUND, log, p))))
    for number in range(100, 110):
        read, write = os.pipe()
        names = (f"worker{number}a", f"worker{number}b")
        both = [forked(lambda n=name, t=number, w=write: work(url, n, t * ROUND, log, 0, w)) for name in names]
        os.read(read, 1)
        time.sleep(chance.uniform(0, 0.03))
        for process in both:
            os.kill(process, signal.SIGKILL)
        codes += [ended(process) for process in both]
        os.close(read)
        os.close(write)
    assert ended(forked(lambda: work(url, "last", 1000 * ROUND, log))) == 0
    engine = opened(url)
    for job in in_state(engine, "failed"):
        retry(engine, job.id, who="staff", now=1001 * ROUND)
    engine.dispose()
    assert ended(forked(lambda: work(url, "after", 1002 * ROUND, log))) == 0
    return codes


def stop(url: str, folder: Path) -> list[int]:
    """One is stopped while it has a job, and comes back when another has done it."""

    def late() -> int:
        engine = opened(url)
        enqueue(engine, "grade", "attempt", "1", now=0)
        job = lease(engine, "late", 10, now=0)
        assert job is not None
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            finish(engine, job, "late")
        except JobError:
            return REFUSED
        return 0

    process = forked(late)
    os.waitpid(process, os.WUNTRACED)
    second = ended(forked(lambda: work(url, "second", ROUND, folder / "finished")))
    os.kill(process, signal.SIGCONT)
    return [second, ended(process)]


if __name__ == "__main__":
    what = {"enqueue": ask_together, "share": share, "kill": kill, "stop": stop}[sys.argv[1]]
    print(*what(sys.argv[2], Path(sys.argv[3])))
