"""The description of regrades and jobs is true, too: what the server answers is as it says.

Requests are made from the description itself, good ones and bad ones, to the very handlers; nobody grades.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
import yaml
from hypothesis import given, settings
from schemathesis import APIOperation, Case

from assay.exchange.server import description
from assay.jobs import table
from assay.jobs.table import TRIES
from assay.serving import api_grading, queue, regrades
from assay.serving.regrades import Places
from assay.settings import CourseSettings, Settings
from tests.support.conformance import SETTINGS, ask, derived, drawn, each_operation
from tests.support.exchange_server import COURSES, PREFIX, Running, exchange_server, tar

pytestmark = pytest.mark.xdist_group("grading openapi")
MINE = "0" * 32  # stands for student1's attempt, whose number is drawn by the server
ASKED = "asked"  # for that of a regrade
FAILED, WAITS, OTHER, NONE = 1, 2, 3, 2**31 - 1  # numbers of jobs; the third is of another course
CALLERS = ("student1", "instructor1", "service-deep-learning")
WANTED = {  # whatever chance draws, these are answered
    "GET /courses/{course}/regrades": {200, 401, 403, 404, 405},
    "POST /courses/{course}/regrades": {202, 401, 403, 404, 405, 422},
    "GET /courses/{course}/regrades/{regrade}": {200, 401, 403, 404, 405},
    "GET /courses/{course}/queue": {200, 401, 403, 404, 405},
    "GET /courses/{course}/jobs": {200, 401, 403, 404, 405, 422},
    "POST /courses/{course}/jobs/{number}/retry": {200, 401, 403, 404, 405, 409},
}


@dataclass(frozen=True)
class Server:
    """A running one, its jobs, and what there is in it."""

    running: Running
    jobs: sa.Engine
    attempt: str
    regrade: str

    def fail_again(self) -> None:
        """What was tried again is failed once more, so that the next can do the same."""
        while (job := table.lease(self.jobs, "worker", 60, number=FAILED)) is not None:
            table.fail(self.jobs, job, "it was us", again=job.tries < TRIES)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("grading")
    home = f"sqlite:///{folder / 'jobs.sqlite'}"
    courses = tuple(CourseSettings(name, Path("/nowhere")) for name in COURSES)
    jobs = table.opened(home)
    regrades.prepare(home)

    def more(exchange):  # type: ignore[no-untyped-def]
        return api_grading.handlers(exchange, Places(Settings(folder, courses), exchange.engine, jobs), PREFIX)

    with exchange_server(folder, more=more) as running:
        for course, who, student in (
            ("deep-learning", "instructor1", "student1"),
            ("deep-learning", "instructor1", "student2"),
            ("statistics", "instructor2", "student3"),
        ):
            path = f"/courses/{course}/assignments/homework"
            rules = {"release": "", "due": "", "attempts": "", "late": "accept"}
            assert running.call("PUT", path, who, data=tar({"a": "1"}), params=rules).ok
            assert running.call("POST", f"{path}/attempts", student, data=tar({"a": "1"})).ok
        for attempt in running.submitted:
            queue.enqueue(jobs, next(one for one in courses if one.name == attempt.course), attempt)
        body = {"assignment": "homework", "reason": "for its number"}
        regrade = running.call("POST", "/courses/deep-learning/regrades", "instructor1", json=body).json()["id"]
        yield Server(running, jobs, running.submitted[0].id, regrade)
    jobs.dispose()


def with_what_is_there() -> dict[str, Any]:
    """The description, with names that lead somewhere."""
    known = yaml.safe_load(description())
    parts, paths = known["components"], known["paths"]
    parts["parameters"]["course"]["schema"] = {"enum": ["deep-learning", "statistics", "unknown"]}
    asked = parts["schemas"]["RegradeRequest"]["properties"]
    asked["assignment"] = {"enum": ["homework", "unknown"]}
    asked["attempt"] = {"enum": [MINE, "f" * 32]}
    asked["student"] = {"enum": ["student1", "student2", "nobody"]}
    of_all = {"assignment": "homework", "fresh_draws": True, "reason": "final grading"}
    parts["schemas"]["RegradeRequest"]["examples"] = [
        of_all,
        {**of_all, "student": "student1"},
        {"attempt": MINE, "reason": "final grading"},
    ]
    for parameter in (one for path in paths.values() for one in path.get("parameters", ())):
        if parameter.get("name") == "regrade":
            parameter["schema"] = {"enum": [ASKED, "unknown"]}
        elif parameter.get("name") == "number":
            parameter["schema"] = {"enum": [FAILED, WAITS, OTHER, NONE]}
    return dict(known)


schema = schemathesis.openapi.from_dict(with_what_is_there()).include(tag="grading")


def answers(case: Case, server: Server) -> Iterator[int]:
    """Statuses, one for each caller; each answer as described."""
    if case.path_parameters.get("regrade") == ASKED:
        case.path_parameters["regrade"] = server.regrade
    if isinstance(case.body, dict) and case.body.get("attempt") == MINE:
        case.body["attempt"] = server.attempt
    server.fail_again()
    for answer in ask(case, server.running.api, CALLERS):
        server.fail_again()
        yield answer.status_code


@each_operation(schema)
def test_every_answer_about_grading_is_as_described(operation: APIOperation, server: Server) -> None:
    @settings(SETTINGS, max_examples=60)
    @given(case=drawn(operation))
    def as_described(case: Case) -> None:
        list(answers(case, server))

    as_described()


@each_operation(schema)
def test_good_requests_bounds_and_what_is_missing_are_answered_as_described(
    operation: APIOperation, server: Server
) -> None:
    assert WANTED[operation.label] <= {status for case in derived(operation) for status in answers(case, server)}


def test_what_fails_again_is_the_attempt(server: Server) -> None:
    server.fail_again()
    failed = table.in_state(server.jobs, "failed", kind="grading-deep-learning")
    assert [job.subject for job in failed] == [server.attempt]
