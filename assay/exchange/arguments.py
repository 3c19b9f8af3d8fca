"""What a request says, in its query or as JSON, checked before it is used."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tornado.web import RequestHandler

from assay.errors import Refusal
from assay.exchange.manifest import printable
from assay.exchange.moments import read_moment
from assay.exchange.policy import Policy

_FIELDS = {"release": "release", "due": "due", "grace_seconds": "grace", "attempts": "attempts", "late": "late"}
_LONGEST_TEXT = 1000  # characters


def json_object(body: bytes | bytearray, known: Set[str], needed: Set[str] = frozenset()) -> dict[str, Any]:
    """The JSON object of a request. Raises Refusal (`bad_request`)."""
    try:
        value = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise bad(f"The body of this request is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise bad("The body of this request is no JSON object")
    if unknown := sorted(value.keys() - known):
        raise bad(f"Nothing reads {printable(', '.join(unknown))}; known are: {', '.join(sorted(known))}")
    if missing := sorted(needed - value.keys()):
        raise bad(f"{', '.join(missing)} is missing")
    return value


def policy_from_json(body: bytes | bytearray) -> Callable[[Policy], Policy]:
    """The change of a policy. Null takes a limit away. Raises Refusal (`bad_request`, `bad_time`)."""
    given = json_object(body, _FIELDS.keys())
    for name in ("release", "due", "late"):
        if not isinstance(given.get(name), str | None):
            raise bad(f"{name} is no text")
    return _policy_change(given)


def policy_from_query(handler: RequestHandler) -> Callable[[Policy], Policy]:
    """The change of a policy. An empty value takes a limit away. Raises Refusal (`bad_request`, `bad_time`)."""
    given: dict[str, Any] = {}
    for name, text in query(handler, _FIELDS.keys()).items():
        given[name] = text or None
        if text and name in ("grace_seconds", "attempts"):
            try:
                given[name] = float(text) if name == "grace_seconds" else int(text)
            except ValueError:
                raise bad(f"{name} is no number") from None
    return _policy_change(given)


def query(handler: RequestHandler, known: Set[str]) -> dict[str, str]:
    """The query of a request, in which nothing stands twice. Raises Refusal (`bad_request`)."""
    given = handler.request.query_arguments
    if unknown := sorted(given.keys() - known):
        raise bad(f"Nothing reads {printable(', '.join(unknown))} in a query here")
    values = {}
    for name, texts in given.items():
        try:
            values[name] = texts[0].decode() if len(texts) == 1 else ""
        except UnicodeDecodeError:
            raise bad(f"{name} is no text in UTF-8") from None
        if any(unicodedata.category(char) == "Cc" for char in values[name]):
            raise bad(f"{name} has a character that is not shown")  # PostgreSQL does not even look for one
        if len(texts) != 1:
            raise bad(f"{name} stands more than once in the query")
    return values


def moment(value: Any, name: str) -> datetime:
    """Raises Refusal (`bad_request`, `bad_time`)."""
    if not isinstance(value, str):
        raise bad(f"{name} is no time in quotes")
    return read_moment(value)


def one_line(value: Any, name: str) -> str:
    """Text of a person that can be stored and shown anywhere. Raises Refusal (`bad_request`)."""
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise bad(f"{name} is no text of at most {_LONGEST_TEXT} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
        raise bad(f"{name} has a character that is not shown, or a second line")
    return value


def bad(what: str) -> Refusal:
    """For a request that cannot be used."""
    return Refusal("bad_request", f"{what}. Nothing was changed; compare the request with openapi.yaml.")


def _policy_change(given: Mapping[str, Any]) -> Callable[[Policy], Policy]:
    changes: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            changes[_FIELDS[name]] = getattr(Policy(), _FIELDS[name])
        elif name in ("release", "due"):
            changes[name] = moment(value, name)
        elif name == "grace_seconds":
            changes["grace"] = _seconds(value)
        else:
            changes[name] = value  # Policy checks it
    replace(Policy(), **changes)  # raises before anything was read from the database
    return lambda before: replace(before, **changes)


def _seconds(value: Any) -> timedelta:
    if type(value) not in (int, float):
        raise bad("grace_seconds is no number")
    try:
        return timedelta(seconds=value)
    except (ValueError, OverflowError):
        raise bad("grace_seconds is no possible number") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
