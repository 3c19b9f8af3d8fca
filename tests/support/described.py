"""Whether an answer of the exchange is one that openapi.yaml describes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import requests
import yaml
from jsonschema import Draft202012Validator

from assay.exchange.server import description


def check(method: str, path: str, answer: requests.Response) -> None:
    """Raises AssertionError where the description names the operation, but not this answer."""
    operation = _operation(method, path)
    if operation is None:
        return
    what = f"{method} {path} answered {answer.status_code}"
    assert str(answer.status_code) in operation["responses"], f"{what}, which is not described"
    response = _resolved(operation["responses"][str(answer.status_code)])
    content = response.get("content", {})
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    assert (kind in content) if content else not answer.content, f"{what} with {kind or 'nothing'}"
    for name in response.get("headers", {}):
        assert name in answer.headers, f"{what} without {name}"
    if kind == "application/json":
        _validator(_key(content[kind]["schema"])).validate(answer.json())


@cache
def _description() -> dict[str, Any]:
    return dict(yaml.safe_load(description()))


@cache
def _operation(method: str, path: str) -> dict[str, Any] | None:
    for template, methods in _description()["paths"].items():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path.split("?")[0]):
            operation: dict[str, Any] | None = methods.get(method.lower())
            return operation
    return None


def _resolved(one: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    found: Any = _description()
    for part in one["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _key(schema: dict[str, Any]) -> str:
    return str(yaml.safe_dump(schema))


@cache
def _validator(schema: str) -> Any:
    whole = yaml.safe_load(schema) | {"components": _description()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
