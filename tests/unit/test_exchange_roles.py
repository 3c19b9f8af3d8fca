"""Every operation of the exchange, asked by everybody: who may, and what the others leave behind (nothing)."""

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from assay.exchange import store, tables
from assay.exchange.blobs import Upload
from assay.exchange.policy import Extension, Policy
from assay.exchange.server import description
from assay.exchange.tables import reading
from assay.exchange.tar import received
from tests.support.exchange_server import Running, exchange_server, tar

NOW = datetime.now(UTC)
LATER = "2999-01-01T00:00:00Z"
# The attempt is student1's. Whoever has no role in the course gets 404.
STUDENT1, STUDENT2, INSTRUCTOR, SERVICE = "student1", "student2", "instructor1", "service-deep-learning"
STRANGERS = ("nobody", "student3", "instructor2", "service-statistics")
EVERYBODY, STAFF, OWNER = (200, 200, 200, 200), (403, 403, 200, 200), (200, 404, 200, 200)
ALLOWED = {
    "listAssignments": EVERYBODY,
    "getAssignment": EVERYBODY,
    "releaseAssignment": STAFF,
    "changePolicy": STAFF,
    "withdrawAssignment": STAFF,
    "getAssignmentFiles": EVERYBODY,
    "listExtensions": STAFF,
    "getExtension": STAFF,
    "giveExtension": STAFF,
    "takeExtensionBack": (403, 403, 204, 204),
    "listAttemptsOfAssignment": EVERYBODY,
    "submit": (201, 201, 201, 403),  # a service is nobody who submits
    "listAttemptsOfCourse": EVERYBODY,
    "getAttempt": OWNER,
    "getAttemptFiles": OWNER,
    "getReceipt": OWNER,
    "getFeedback": OWNER,
    "releaseFeedback": (403, 404, 200, 200),
}
PUBLIC = {"getHealth", "getDescription", "getKey"}
OF_THE_CALLER = {"listCourses"}  # for everybody with a token


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    body: str


def operations() -> dict[str, Operation]:
    described = yaml.safe_load(description())
    found = {}
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            if method == "parameters" or "grading" in one["tags"]:
                continue
            content = one.get("requestBody", {})
            body = "tar" if "$ref" in content else "json" if content else ""
            found[one["operationId"]] = Operation(one["operationId"], method.upper(), path, body)
    return found


OPERATIONS = operations()
JSON = {"changePolicy": {"late": "refuse"}, "giveExtension": {"until": LATER}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with exchange_server(tmp_path_factory.mktemp("exchange")) as server:
        yield server


@pytest.fixture
def places(server: Running) -> dict[str, str]:
    """An assignment of its own for each case, with an attempt, feedback and an extension."""
    name, engine = uuid.uuid4().hex, server.exchange.engine

    def uploaded(use: Any) -> Any:
        with received(io.BytesIO(tar({"homework.ipynb": "{}"})), server.exchange.blobs) as upload:
            return use(upload)

    def submitted(upload: Upload) -> store.Attempt:
        return store.submit(engine, "deep-learning", name, "student1", upload, NOW)

    uploaded(lambda upload: store.release(engine, "deep-learning", name, Policy(), upload))
    attempt = uploaded(submitted)
    uploaded(lambda upload: store.give_feedback(engine, attempt.id, upload, NOW, released=True))
    store.extend(engine, "deep-learning", name, Extension("student2", NOW, "ill"))
    return {"course": "deep-learning", "assignment": name, "attempt": attempt.id, "student": "student2"}


def ask(server: Running, operation: Operation, places: dict[str, str], who: str | None) -> int:
    more: dict[str, Any] = {"tar": {"data": tar({"new.ipynb": who or ""})}, "json": {"json": JSON.get(operation.name)}}
    return server.call(
        operation.method, operation.path.format(**places), who, **more.get(operation.body, {})
    ).status_code


def everything(server: Running) -> list[tuple[Any, ...]]:
    with reading(server.exchange.engine) as connection:
        every = [connection.execute(sa.select(table)) for table in tables.metadata.sorted_tables]
        return [tuple(row) for rows in every for row in rows]


def test_the_table_names_every_operation() -> None:
    assert OPERATIONS.keys() == ALLOWED.keys() | PUBLIC | OF_THE_CALLER


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize(("place", "who"), [*enumerate((STUDENT1, STUDENT2, INSTRUCTOR, SERVICE))])
def test_who_has_a_role_in_the_course(server: Running, places: dict[str, str], name: str, place: int, who: str) -> None:
    before = everything(server)
    expected = ALLOWED[name][place]
    assert ask(server, OPERATIONS[name], places, who) == expected
    if OPERATIONS[name].method == "GET" or expected >= 400:
        assert everything(server) == before
    else:
        assert everything(server) != before


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("who", [*STRANGERS, None])
def test_who_has_none_finds_nothing_there(server: Running, places: dict[str, str], name: str, who: str | None) -> None:
    before = everything(server)
    assert ask(server, OPERATIONS[name], places, who) == (401 if who is None else 404)
    assert everything(server) == before


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_what_is_public_needs_no_token(server: Running, name: str) -> None:
    assert ask(server, OPERATIONS[name], {}, None) == 200


def test_everybody_gets_the_list_of_the_own_courses(server: Running) -> None:
    lists = {who: server.call("GET", "/courses", who).json() for who in ("nobody", "student3", "instructor1", SERVICE)}
    assert lists == {
        "nobody": [],
        "student3": [{"name": "statistics", "role": "student"}],
        "instructor1": [{"name": "deep-learning", "role": "instructor"}],
        SERVICE: [{"name": "deep-learning", "role": "instructor"}],
    }
    assert server.call("GET", "/courses", None).status_code == 401


@pytest.mark.parametrize("name", [name for name in ALLOWED if OPERATIONS[name].method != "GET"])
def test_neither_a_cookie_nor_the_address_says_who_calls(server: Running, places: dict[str, str], name: str) -> None:
    operation = OPERATIONS[name]
    answer = server.call(
        operation.method,
        operation.path.format(**places),
        None,
        params={"token": "token-instructor1"},
        cookies={"token": "token-instructor1", "jupyterhub-services": "token-instructor1", "_xsrf": "1"},
        headers={"X-XSRFToken": "1"},
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "no_token")


@pytest.mark.parametrize("header", ["", "token", "token ", "Basic dG9rZW4=", "token unknown", "token-instructor1"])
def test_a_header_that_is_no_token(server: Running, header: str) -> None:
    answer = server.call("GET", "/courses", None, headers={"Authorization": header})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "token")


@pytest.mark.parametrize("scheme", ["token", "Bearer", "bearer"])
def test_either_word_before_a_token_is_understood(server: Running, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} token-student1"}
    assert server.call("GET", "/courses", None, headers=headers).status_code == 200


def test_a_service_that_is_called_like_a_student_has_nothing_of_theirs(tmp_path: Path) -> None:
    people = {"deep-learning": {"deep-learning": "student"}, "student1": {"deep-learning": "student"}}
    with exchange_server(tmp_path, people=people) as server:  # type: ignore[arg-type]
        engine = server.exchange.engine
        server.call("PUT", "/courses/deep-learning/assignments/a", "service-deep-learning", data=tar({"a": "1"}))
        path = "/courses/deep-learning/assignments/a/attempts"
        assert server.call("POST", path, "deep-learning", data=tar({"a": "2"})).status_code == 201
        store.extend(engine, "deep-learning", "a", Extension("deep-learning", NOW))
        seen = server.call("GET", "/courses/deep-learning/assignments/a", "service-deep-learning").json()
        assert (seen["extension"], seen["attempts_used"]) == (None, 0)
        seen = server.call("GET", "/courses/deep-learning/assignments/a", "deep-learning").json()
        assert seen["extension"] is not None and seen["attempts_used"] == 1
