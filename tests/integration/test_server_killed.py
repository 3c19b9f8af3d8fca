"""kill -9 for the exchange and for the grading worker, at every step and whenever it happens: nothing is lost, and
nothing is recorded twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from assay.exchange import store
from assay.jobs import table
from assay.serving.results import read
from tests.support.class_runs import VICTIM
from tests.support.gradebook import rows
from tests.support.serving import COURSE, open_site, site, template
from tests.support.serving_killed import CLASS, STEPS

pytestmark = pytest.mark.xdist_group("grading worker")
ROOT = Path(__file__).parents[2]


def test_whatever_is_killed_every_attempt_has_one_job_and_one_result(tmp_path: Path) -> None:
    with site(tmp_path, template(tmp_path / "template")) as server:
        home = server.home
    command = [sys.executable, "-m", "tests.support.serving_killed", str(home), str(tmp_path)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    codes = [int(code) for code in done.stdout.split()]
    assert set(codes) <= {0, -signal.SIGKILL} and codes[: 9 + len(STEPS)].count(0) == 0  # each was killed at its step
    told = dict(line.split() for line in (tmp_path / "receipts").read_text().splitlines())
    with open_site(home) as server:
        jobs = server.materials.jobs
        attempts = store.attempts(server.materials.exchange, COURSE, "scale")
        students = Counter(one.student for one in attempts)
        assert set(told) <= {one.id for one in attempts}
        assert set(students) == {f"{how}{n}" for how in ("heard", "unheard") for n in range(3)} | {*CLASS, VICTIM}
        assert students[VICTIM] == 3 + len(STEPS)
        assert not any(one.student.startswith("half") for one in attempts)
        found = table.of_subjects(jobs, server.of.grading, [one.id for one in attempts])
        latest = {one.student: one for one in attempts}
        lost = 0
        for one in attempts:
            (job,) = found[one.id]
            counted = Counter(server.whats(job))
            assert (job.state, counted["enqueued"], counted["done"]) == ("done", 1, 1), server.whats(job)
            assert counted["leased"] == counted["lost"] + counted["done"]
            assert counted["failed"] == counted["retried"]
            lost += counted["lost"]
            assert read(job.result).points == 6 and read(job.result).counts
            assert len(store.feedback_history(server.materials.exchange, one.id)) == 1
        assert lost >= len(STEPS) - 1  # the one that was killed after its job lost none
        points = Counter[str]()
        for row in rows(server.course):
            if len(row) == 8:  # a grade
                points[str(row[0])] += int(row[3] or 0)  # type: ignore[call-overload]
        assert points == Counter({student: 6 for student in latest})
        for student, one in latest.items():
            (stamp,) = (server.course.submitted / student / "scale").glob("timestamp.txt")
            assert f"{one.submitted:%Y-%m-%d %H:%M:%S}" in stamp.read_text()
        assert len(list((server.materials.settings.blobs / "new").iterdir())) == 1  # this opening's own
    with closing(sqlite3.connect(home / "exchange" / "exchange.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
