"""Who calls and in which role, from a real Hub's tokens and groups."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub.services.auth import HubAuth

from assay.errors import ExchangeError
from assay.exchange.api import Caller
from assay.exchange.identity import Identity, hub_identity
from assay.settings import CourseSettings
from tests.support.bare_hub import BareHub, bare_hub

pytestmark = pytest.mark.xdist_group("bare_hub")
COURSES = [CourseSettings("deep-learning", Path("/one")), CourseSettings("statistics", Path("/other"))]
GROUPS = {
    "nbgrader-deep-learning": ["student1", "both"],
    "formgrade-deep-learning": ["instructor1", "both"],
    "formgrade-statistics": ["student1"],
    "formgrade-unknown": ["instructor1"],
    "nobody": ["nobody"],
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareHub]:
    with bare_hub(tmp_path_factory.mktemp("hub"), GROUPS, ["deep-learning", "other"]) as hub:
        yield hub


def asked(hub: BareHub, token: str = "") -> Identity:
    """New questions: nothing is remembered from another test."""
    auth = HubAuth(
        api_url=f"{hub.url}/hub/api",
        api_token=token or hub.exchange,
        access_scopes={"access:services!service=exchange"},
    )
    return hub_identity(auth, COURSES)


@pytest.mark.parametrize(
    ("user", "roles"),
    [
        ("student1", {"deep-learning": "student", "statistics": "instructor"}),
        ("instructor1", {"deep-learning": "instructor"}),
        ("both", {"deep-learning": "instructor"}),
        ("nobody", {}),
    ],
)
def test_a_role_comes_from_the_groups(hub: BareHub, user: str, roles: dict[str, str]) -> None:
    async def ask() -> None:
        identity = asked(hub)
        caller = await identity.identify(hub.token(user))
        assert caller == Caller(user, "user")
        assert await identity.roles(caller) == roles

    asyncio.run(ask())


def test_the_service_of_a_course_is_its_instructor(hub: BareHub) -> None:
    async def ask() -> None:
        identity = asked(hub)
        caller = await identity.identify(hub.services["deep-learning"])
        assert caller == Caller("deep-learning", "service")
        assert await identity.roles(caller) == {"deep-learning": "instructor"}
        other = await identity.identify(hub.services["other"])
        assert other == Caller("other", "service") and await identity.roles(other) == {}
        # A person who is called like a course has no part in it.
        assert await identity.roles(Caller("deep-learning", "user")) == {}

    asyncio.run(ask())


def test_an_unknown_token_or_one_without_access_is_nobody(hub: BareHub) -> None:
    async def ask() -> None:
        identity = asked(hub)
        assert await identity.identify("0" * 32) is None
        assert await identity.identify(hub.token("student1", ["read:users!user=student1"])) is None

    asyncio.run(ask())


def test_a_new_group_counts_when_the_old_answer_is_forgotten(hub: BareHub) -> None:
    async def ask() -> None:
        caller = Caller("nobody", "user")
        identity = asked(hub)
        assert await identity.roles(caller) == {}
        hub.ask("POST", "/groups/nbgrader-deep-learning/users", json={"users": ["nobody"]})
        try:
            assert await identity.roles(caller) == {}
            assert await asked(hub).roles(caller) == {"deep-learning": "student"}
        finally:
            hub.ask("DELETE", "/groups/nbgrader-deep-learning/users", json={"users": ["nobody"]})

    asyncio.run(ask())


def test_a_hub_that_does_not_answer_is_our_fault(hub: BareHub) -> None:
    async def ask() -> None:
        gone = hub_identity(HubAuth(api_url="http://127.0.0.1:9/hub/api", api_token="x"), COURSES)
        with pytest.raises(ExchangeError, match="does not say whose token"):
            await gone.identify("0" * 32)
        with pytest.raises(ExchangeError, match="cannot be reached"):
            await gone.roles(Caller("student1", "user"))
        with pytest.raises(ExchangeError, match="read:users:groups"):
            await asked(hub, token="0" * 32).roles(Caller("student1", "user"))

    asyncio.run(ask())
