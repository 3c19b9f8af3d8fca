"""The description of the exchange is true: what it names is there, and what the server answers is as it says.

Requests are made from the description itself, good ones and bad ones.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import APIOperation, Case

from assay.exchange.api import STATUS
from assay.exchange.server import ROUTES, description
from assay.serving import api_grading
from tests.support.conformance import SETTINGS, ask, derived, drawn, each_operation
from tests.support.exchange_server import Running, exchange_server, tar

MINE = "0" * 32  # stands for student1's attempt, whose number is drawn by the server
CALLERS = ("student1", "instructor1")
DESCRIBED: dict[str, Any] = yaml.safe_load(description())
METHODS = {"get", "put", "post", "patch", "delete"}


def with_what_is_there() -> dict[str, Any]:
    """The description, with names that lead somewhere in its paths."""
    known = yaml.safe_load(description())
    parameters = known["components"]["parameters"]
    parameters["course"]["schema"] = {"enum": ["deep-learning", "statistics", "unknown"]}
    parameters["assignment"]["schema"] = {"enum": ["homework", "later", "unknown", ".hidden"]}
    parameters["student"]["schema"] = {"enum": ["student1", "student2", "\u00e4"]}
    parameters["attempt"]["schema"] = {"enum": [MINE, "f" * 32, "unknown"]}
    return dict(known)


def archives(*names: str, least: int = 1) -> st.SearchStrategy[bytes]:
    return st.dictionaries(st.sampled_from(names), st.binary(max_size=20), min_size=least, max_size=3).map(tar)


good = archives("homework.ipynb", "a", "folder/b", "\u00e4")
odd = archives("homework.ipynb", "../c", "/d", "a//b", "a/b", "a", least=0)
schemathesis.openapi.media_type("application/x-tar", st.one_of(good, good, good, odd, st.binary(max_size=600)))
schema = schemathesis.openapi.from_dict(with_what_is_there()).exclude(tag="grading")


@schemathesis.serializer("application/x-tar")
def as_it_is(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with exchange_server(tmp_path_factory.mktemp("exchange"), upload_bytes=2**16) as server:
        yield server


@pytest.fixture
def attempt(server: Running) -> str:
    """The number of an attempt by student1, with feedback; both students have more time."""
    path = "/courses/deep-learning/assignments"
    for name, release in (("homework", ""), ("later", "2999-01-01T00:00:00Z")):
        rules = {"release": release, "due": "", "attempts": "", "late": "accept"}
        assert server.call("PUT", f"{path}/{name}", "instructor1", data=tar({"a": "1"}), params=rules).ok
    for student in ("student1", "student2"):
        more = {"until": "2999-01-01T00:00:00Z"}
        assert server.call("PUT", f"{path}/homework/extensions/{student}", "instructor1", json=more).ok
    number = server.call("POST", f"{path}/homework/attempts", data=tar({"a": "1"})).json()["attempt"]["id"]
    assert server.call("PUT", f"/attempts/{number}/feedback", "instructor1", data=tar({"a": "1"})).ok
    return str(number)


def with_number(case: Case, attempt: str) -> Case:
    if case.path_parameters.get("attempt") == MINE:
        case.path_parameters["attempt"] = attempt
    return case


@each_operation(schema)
def test_every_answer_is_as_described(operation: APIOperation, server: Running, attempt: str) -> None:
    @settings(SETTINGS, max_examples=16)
    @given(case=drawn(operation))
    def as_described(case: Case) -> None:
        list(ask(with_number(case, attempt), server.api, CALLERS))

    as_described()


@each_operation(schema)
def test_good_requests_bounds_and_what_is_missing_are_answered_as_described(
    operation: APIOperation, server: Running, attempt: str
) -> None:
    cases = (with_number(case, attempt) for case in derived(operation))
    answered = {answer.status_code for case in cases for answer in ask(case, server.api, CALLERS)}
    assert answered & {200, 201, 204} and 405 in answered
    assert (401 in answered) == ("about" not in operation.tags)


def test_every_route_is_described_and_the_other_way_round() -> None:
    described = {
        (path, method) for path, methods in DESCRIBED["paths"].items() for method in methods if method in METHODS
    }
    every = (*ROUTES, *api_grading.ROUTES)
    assert described == {(path, method.lower()) for path, handler in every for method in handler.methods()}


def test_every_code_is_described_at_its_status() -> None:
    responses = DESCRIBED["components"]["responses"]
    at = {name: one["description"] for name, one in responses.items()}
    statuses = {
        reference["$ref"].split("/")[-1]: int(status)
        for methods in DESCRIBED["paths"].values()
        for name, one in methods.items()
        if name in METHODS
        for status, reference in one["responses"].items()
        if "$ref" in reference
    }
    described = {
        (code, statuses[name])
        for name, words in at.items()
        if statuses[name] >= 400
        for code in re.findall(r"`([a-z_]+)`", words)
    }
    assert {(code, status) for code, status in described if code in STATUS} == set(STATUS.items())
    assert all(status == 404 for code, status in described if code.startswith("unknown_"))


def test_examples_are_as_their_schemas_say() -> None:
    for name, one in DESCRIBED["components"]["schemas"].items():
        if "example" in one:
            whole = {"$ref": f"#/components/schemas/{name}", "components": DESCRIBED["components"]}
            Draft202012Validator(whole).validate(one["example"])


def test_the_server_gives_the_description_and_the_key(server: Running) -> None:
    answer = server.call("GET", "/openapi.yaml", None)
    assert answer.headers["Content-Type"] == "application/yaml" and yaml.safe_load(answer.text) == DESCRIBED
