"""Submissions that classify nodes without learning it from the graph: they earn nothing for that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from assay.course import open_course, read_json
from assay.data import load
from assay.feedback.text import as_text
from assay.grading.judges import Judges
from assay.grading.pipeline import grade
from assay.notebook.extract import rebuild, source_of
from assay.outcome import Outcome
from assay.sandbox.isolation import Warm
from tests.support.hostile import with_cells

COURSE = open_course(Path(__file__).parents[2])
SUBMISSIONS = sorted((Path(__file__).parent / "must_not_look_up").glob("*.py"))


@pytest.mark.parametrize("path", SUBMISSIONS, ids=lambda path: path.stem)
def test_what_was_not_learnt_from_the_graph_earns_nothing(path: Path, warm: Warm, judges: Judges) -> None:
    text = path.read_text()
    _, deserves, fools = (line.split(":")[-1].split() for line in text.splitlines()[:3])
    exercise = COURSE["gcn"]
    released = read_json(COURSE.release / "gcn" / "gcn.ipynb")
    rebuilt = rebuild(released, json.dumps(with_cells(released, text)).encode())
    report = grade(
        exercise, source_of(rebuilt.notebook), secret=b"shortcuts", round="one", isolation=warm, judges=judges
    )
    told = as_text(report, exercise.tasks)
    points = {task.name: task.points for task in exercise.tasks}
    scores = {task: report.score(task, points[task]) for task in ("fit_predict",)}
    assert scores == {task: float(worth) for task, worth in (word.split("=") for word in deserves)}, told
    assert not report.broken
    passed = {check.name for check in report.checks if check.task == "fit_predict" and check.outcome is Outcome.PASSED}
    assert set(fools) <= passed, told
    if scores == {"fit_predict": 0.0}:
        assert passed == set(fools), told


def test_there_are_shortcuts() -> None:
    assert len(SUBMISSIONS) >= 6


def test_the_table_is_the_club() -> None:
    """So that it is refused for what it does, and not for a mistake in it."""
    namespace: dict = {}
    exec((SUBMISSIONS[0].parent / "table.py").read_text(), namespace)
    club = load("karate_club")
    got = namespace["fit_predict"](club.adjacency, None, None, None, seed=0)
    np.testing.assert_array_equal(got, club.labels)
