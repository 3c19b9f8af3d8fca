"""What schemathesis asks the exchange from its description, and what it compares each answer with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPMethod
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.generation.coverage import GenerationSession
from schemathesis.generation.meta import CoverageScenario
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.exchange_server import token_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
    unsupported_method,
]
UNKNOWN = ("token unknown", "Bearer unknown", "token", "token-student1", "Basic dTpw")
SETTINGS = settings(  # a test adds its number of examples
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def each_operation(schema: BaseSchema) -> pytest.MarkDecorator:
    """A test for each, with an id of its own: those that schemathesis makes have one together, and xdist runs one."""
    found = [one.ok() for one in schema.get_all_operations()]
    return pytest.mark.parametrize("operation", found, ids=[one.label for one in found])


def drawn(operation: APIOperation) -> st.SearchStrategy[Case]:
    """Good requests and bad ones, by chance."""
    return st.one_of(operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def derived(operation: APIOperation) -> Iterator[Case]:
    """The same requests every time: examples, bounds, what is just beyond them or missing, and other methods."""
    how = operation.schema.config.generation_for(operation=operation, phase="coverage")
    return operation.schema.iter_coverage_cases(
        operation, generation_modes=how.modes, generation_config=how, session=GenerationSession()
    )


def ask(case: Case, url: str, callers: Sequence[str]) -> Iterator[Response]:
    """The answers to each caller, as described; without a token, if that is what is missing, and with wrong ones."""
    data: Any = case.meta and case.meta.phase.data
    scenario, what = getattr(data, "scenario", None), f"{case.method} {case.formatted_path}"
    if scenario is CoverageScenario.MISSING_PARAMETER and data.parameter == "Authorization":
        for stranger in (case, *(_with_authorization(case, value) for value in UNKNOWN)):
            answer = _answer(stranger, url, stranger.headers, [*CHECKS, missing_required_header])
            assert answer.status_code == 401 and answer.json()["code"] == "no_token", f"{what} with {stranger.headers}"
            yield answer
        return
    for who in callers:
        answer = _answer(case, url, {"Authorization": f"token {token_of(who)}"}, CHECKS)
        if scenario is CoverageScenario.UNSPECIFIED_HTTP_METHOD:
            described = {*HTTPMethod} & {name.upper() for name in case.operation.schema[case.operation.path]}
            assert answer.status_code == 405 and answer.json()["code"] == "bad_method", what
            assert {*", ".join(answer.headers["allow"]).split(", ")} == described, what
        yield answer


def _with_authorization(case: Case, value: str) -> Case:
    """The same request with this header: from a case that lacks it by its kind, schemathesis takes it away."""
    return case.operation.Case(
        headers={"Authorization": value},
        path_parameters=case.path_parameters,
        query=case.query,
        body=case.body,
        media_type=case.media_type,
    )


def _answer(case: Case, url: str, headers: Mapping[str, str], checks: list[Callable[..., Any]]) -> Response:
    answer = case.call(base_url=url, headers=dict(headers), timeout=60)
    case.validate_response(answer, checks=checks, headers=dict(headers))
    return answer
