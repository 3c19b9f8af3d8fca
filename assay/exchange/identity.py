"""Who calls and in which role, asked of a real Hub, and remembered for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from jupyterhub.services.auth import HubAuth, check_scopes
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import HTTPError

from assay.errors import ExchangeError
from assay.exchange.api import Caller, Role
from assay.settings import CourseSettings

SECONDS = 5.0  # for which the Hub's answers hold: so long does a revoked token or a changed group take
_MOST = 10_000  # answers that are remembered
_LONGEST_WAIT = 10.0  # seconds for the Hub
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """Two questions to the Hub; both raise ExchangeError where it does not answer."""

    identify: Callable[[str], Awaitable[Caller | None]]
    roles: Callable[[Caller], Awaitable[Mapping[str, Role]]]


def hub_identity(hub_auth: HubAuth, courses: Sequence[CourseSettings]) -> Identity:
    """The answers of the Hub whose service this is.

    A token counts where it may access this service (`access:services!service=...`). The service's own token needs
    `read:users:groups` and `read:users:name`.
    """
    callers: Recent[str, Caller | None] = Recent()
    roles: Recent[Caller, Mapping[str, Role]] = Recent()

    async def identify(token: str) -> Caller | None:
        key = hashlib.sha256(token.encode()).hexdigest()  # tokens themselves are not kept
        return await callers.get(key, lambda: _caller(hub_auth, token))

    async def roles_of(caller: Caller) -> Mapping[str, Role]:
        if caller.kind == "service":
            return {course.name: "instructor" for course in courses if course.name == caller.name}
        return await roles.get(caller, lambda: _roles(hub_auth, caller.name, courses))

    return Identity(identify, roles_of)


class Recent(Generic[K, T]):
    """Answers of the last seconds. Who asks the same while an answer is under way waits for that one."""

    def __init__(
        self, seconds: float = SECONDS, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._answers: dict[K, tuple[float, asyncio.Future[T]]] = {}  # oldest first; when the question was asked

    def __len__(self) -> int:
        return len(self._answers)

    async def get(self, key: K, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer. What `ask` raises is raised, and not remembered."""
        now = self._clock()
        while self._answers:
            oldest = next(iter(self._answers))
            if now - self._answers[oldest][0] < self._seconds and len(self._answers) <= self._most:
                break
            del self._answers[oldest]
        if key not in self._answers:
            self._answers[key] = now, asyncio.ensure_future(ask())
        answer = self._answers[key][1]
        try:
            return await asyncio.shield(answer)
        except Exception:
            if self._answers.get(key, (0.0, None))[1] is answer:
                del self._answers[key]
            raise


async def _caller(hub_auth: HubAuth, token: str) -> Caller | None:
    try:
        model = await hub_auth.user_for_token(token, use_cache=False, sync=False)
    except HTTPError as error:
        raise ExchangeError(f"The Hub does not say whose token this is ({error.log_message}).") from error
    if not model or not check_scopes(hub_auth.access_scopes, model.get("scopes", [])):
        return None
    name, kind = model.get("name"), model.get("kind")
    return Caller(name, kind) if isinstance(name, str) and kind in ("user", "service") else None


async def _roles(hub_auth: HubAuth, name: str, courses: Sequence[CourseSettings]) -> Mapping[str, Role]:
    groups = (await _user(hub_auth, name)).get("groups", [])
    roles: dict[str, Role] = {}
    for course in courses:
        if course.instructor_group in groups:
            roles[course.name] = "instructor"
        elif course.student_group in groups:
            roles[course.name] = "student"
    return roles


async def _user(hub_auth: HubAuth, name: str) -> Mapping[str, Any]:
    """What the Hub says about a user to this service. Raises ExchangeError."""
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{hub_auth.api_url}/users/{quote(name, safe='')}",
            headers={"Authorization": f"token {hub_auth.api_token}"},
            request_timeout=_LONGEST_WAIT,
            raise_error=False,
        )
    except (OSError, HTTPClientError) as error:
        raise ExchangeError(f"The Hub cannot be reached ({error}).") from error
    if answer.code == 404:
        return {}
    if answer.code != 200:
        raise ExchangeError(
            f"The Hub does not say which groups {name} is in (status {answer.code}). Give the service exchange the "
            "scopes read:users:groups and read:users:name."
        )
    model: Mapping[str, Any] = json.loads(answer.body)
    return model
