"""Whatever a student hands in is graded at the first try: what is wrong with it is the student's, and never ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest

from assay.course import Course
from assay.exchange import store
from assay.exchange.tar import Caps, received
from assay.serving import queue
from tests.support.exchange_server import tar
from tests.support.notebooks import SCALE_ANSWERS, answered, as_bytes, released
from tests.support.serving import COURSE, Site, site, template

pytestmark = pytest.mark.xdist_group("students faults")
NAME = "scale.ipynb"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def server(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), course) as found:
        yield found


def cells(**changed: object) -> Any:
    return lambda notebook: {**notebook, "cells": [{**cell, **changed} for cell in notebook["cells"]]}


RIGHT = {  # beside what is strange, the answers are there
    "a later format": lambda notebook: {**notebook, "nbformat": 99},
    "metadata of another kind": cells(metadata=[]),
    "a grade_id that is a list": cells(metadata={"nbgrader": {"grade_id": [1], "schema_version": "x"}}),
    "attachments of another kind": cells(attachments=5),
}
WRONG = {
    "nothing": b"",
    "half a notebook": b"{",
    "a list": b"[]",
    "no text": b"\xff\xfe",
    "a deep one": b'{"cells":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "cells in a dictionary": lambda notebook: {**notebook, "cells": {"a": 1}},
    "numbers for cells": lambda notebook: {**notebook, "cells": [1, 2]},
    "numbers for text": cells(source=5),
}


def graded_at_once(server: Site, student: str, files: dict[str, bytes]) -> float:
    """The points of an attempt with these files."""
    of = server.materials
    with received(BytesIO(tar(files)), of.blobs) as upload:
        attempt = store.submit(of.exchange, COURSE, "scale", student, upload, datetime.now(UTC))
    queue.enqueue(of.jobs, server.of, attempt)
    server.work()
    (job,) = server.jobs(attempt)
    assert (job.state, job.tries, job.error) == ("done", 1, "")
    assert store.find_feedback(of.exchange, attempt.id, released_only=True) is not None
    return server.result(attempt).points


@pytest.mark.parametrize(("what", "points"), [*((one, 6) for one in RIGHT), *((one, 0) for one in WRONG)])
def test_a_strange_notebook_is_graded(server: Site, what: str, points: float) -> None:
    change = {**RIGHT, **WRONG}[what]
    notebook = answered(released(server.course, "scale"), SCALE_ANSWERS)
    content = change if isinstance(change, bytes) else json.dumps(change(notebook)).encode()
    assert graded_at_once(server, what.replace(" ", "-"), {NAME: content}) == points


def test_strange_files_are_graded(server: Site) -> None:
    right = as_bytes(answered(released(server.course, "scale"), SCALE_ANSWERS))
    many = {f"file{number}": b"x" for number in range(Caps().files - 1)}
    assert graded_at_once(server, "no-notebook", {"notes.txt": b"x"}) == 0
    assert graded_at_once(server, "a-folder", {f"{NAME}/x": right}) == 0
    assert graded_at_once(server, "as-many-as-can-be", {NAME: right, **many}) == 6
    assert graded_at_once(server, "another-time", {NAME: right, "timestamp.txt": b"never"}) == 6
    assert graded_at_once(server, "patterns-for-names", {NAME: right, "[a]*?.ipynb": right}) == 6
