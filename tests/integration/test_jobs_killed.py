"""Several real processes at one job table: together, killed at any step, and late."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from assay.jobs.table import Job, history, in_state, opened
from tests.support.job_workers import MANY, REFUSED, SUBJECTS

ROOT = Path(__file__).parents[2]
Run = Callable[[str], tuple[list[int], Engine]]


@pytest.fixture(params=["sqlite", "postgresql"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """Runs one of the stories of job_workers: how its processes ended, and the table they leave."""
    url, engines = f"sqlite:///{tmp_path}/jobs.sqlite", []
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()

    def told(story: str) -> tuple[list[int], Engine]:
        command = [sys.executable, "-m", "tests.support.job_workers", story, url, str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        engines.append(opened(url))
        return [int(code) for code in done.stdout.split()], engines[-1]

    yield told
    for engine in engines:
        engine.dispose()


def whats(engine: Engine, job: Job) -> Counter[str]:
    return Counter(event.what for event in history(engine, job.id))


def test_what_several_ask_for_at_the_same_moment_is_one_job(run: Run) -> None:
    codes, engine = run("enqueue")
    assert codes == [0] * 4
    waiting = in_state(engine, "waiting")
    assert sorted(job.subject for job in waiting) == sorted(SUBJECTS)
    assert all(whats(engine, job) == {"enqueued": 1} for job in waiting)


def test_no_two_workers_ever_have_the_same_job(run: Run) -> None:
    codes, engine = run("share")
    assert codes == [0] * 4
    done = in_state(engine, "done")
    assert len(done) == MANY
    assert all(whats(engine, job) == {"enqueued": 1, "leased": 1, "done": 1} for job in done)
    assert len({job.result for job in done}) > 1  # they did share


def test_whoever_is_killed_loses_nothing_and_does_nothing_twice(run: Run, tmp_path: Path) -> None:
    codes, engine = run("kill")
    assert set(codes) <= {-signal.SIGKILL, 0} and codes.count(-signal.SIGKILL) > 60
    done = in_state(engine, "done")
    assert sorted(job.subject for job in done) == sorted(SUBJECTS)
    told = Counter[str]()
    for job in done:
        counted = whats(engine, job)
        assert (counted["enqueued"], counted["done"]) == (1, 1)
        assert counted["leased"] == counted["lost"] + 1  # each lease was lost, or is the one that was finished
        assert counted["failed"] == counted["retried"] == (counted["lost"] == 3)
        told += counted
    assert told["lost"] > 10  # those killed between the two commits of a job
    # Whoever heard that its result was recorded was the one whose result is there.
    heard = [line.split(" ", 1) for line in (tmp_path / "finished").read_text().splitlines()]
    results = {str(job.id): job.result for job in done}
    assert len(dict(heard)) == len(heard) and dict(heard).items() <= results.items()


def test_who_was_stopped_and_comes_back_late_is_refused(run: Run) -> None:
    codes, engine = run("stop")
    assert codes == [0, REFUSED]
    (job,) = in_state(engine, "done")
    assert job.worker == "second" and job.result.startswith("second ")
    assert whats(engine, job) == {"enqueued": 1, "leased": 2, "lost": 1, "done": 1}
