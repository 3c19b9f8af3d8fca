"""Submissions that know the digits already: they pass where their knowledge helps, and earn nothing for it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
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
ASSIGNMENT = "mnist_torch"
SUBMISSIONS = sorted((Path(__file__).parent / "must_not_learn").glob("*.py"))


@dataclass(frozen=True)
class Cheat:
    """One file: the points that it must end with, the checks that it passes, and its cells."""

    deserves: dict[str, float]
    fools: set[str]
    text: str


def read(path: Path) -> Cheat:
    """A file with the digits filled in that its author has brought along."""
    text = path.read_text()
    _, deserves, fools = (line.split(":")[-1].split() for line in text.splitlines()[:3])
    points = {task: float(worth) for task, worth in (word.split("=") for word in deserves)}
    for name, make in {"<hashes>": hashes, "<weights>": weights}.items():
        text = text.replace(name, base64.b64encode(make()).decode() if name in text else "")
    return Cheat(points, set(fools), text)


def hashes() -> bytes:
    """Six bytes of each of the 5,000 digits, sorted by label."""
    found = load("mnist_5000")
    ordered = found.images[np.argsort(found.labels, kind="stable")]
    return b"".join(hashlib.sha1(image.tobytes()).digest()[:6] for image in ordered)


@cache
def weights() -> bytes:
    """Softmax regression on all of the digits, float16 [785, 10]."""
    found = load("mnist_5000")
    inputs = np.hstack([found.images.reshape(5000, 784) / 255, np.ones((5000, 1))]).astype(np.float32)
    trained, wanted = np.zeros((785, 10), np.float32), np.eye(10, dtype=np.float32)[found.labels]
    for _ in range(150):
        scores = np.exp(inputs @ trained - (inputs @ trained).max(axis=1, keepdims=True))
        trained -= 0.5 * inputs.T @ (scores / scores.sum(axis=1, keepdims=True) - wanted) / 5000
    return trained.astype(np.float16).tobytes()


def test_there_are_cheats() -> None:
    assert len(SUBMISSIONS) >= 4


@pytest.mark.parametrize("path", SUBMISSIONS, ids=lambda path: path.stem)
def test_what_was_not_learnt_earns_nothing(path: Path, warm: Warm, judges: Judges) -> None:
    cheat = read(path)
    released = read_json(COURSE.release / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    rebuilt = rebuild(released, json.dumps(with_cells(released, cheat.text)).encode())
    exercise = COURSE[ASSIGNMENT]
    report = grade(exercise, source_of(rebuilt.notebook), secret=b"cheats", round="one", isolation=warm, judges=judges)
    points = {task.name: task.points for task in exercise.tasks}
    told = as_text(report, exercise.tasks)
    assert {task: report.score(task, points[task]) for task in cheat.deserves} == cheat.deserves, told
    assert not report.broken
    passed = {check.name for check in report.checks if check.outcome is Outcome.PASSED}
    # Noise is only looked at after turned images, so that whoever would pass it does not come so far.
    assert cheat.fools - {"check_noise"} <= passed, told
