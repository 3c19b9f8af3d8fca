"""Who may do what on the Hub: the rights of each role are those that research found enough, and no more."""

from dataclasses import replace
from pathlib import Path

import pytest

from assay.errors import CourseError
from assay.hub import checks, programs, roles
from assay.settings import CourseSettings, Settings

PHYSICS = CourseSettings("physics", Path("/courses/physics"), ("instructor1",), ("student2", "student1"))
LOGIC = CourseSettings("logic", Path("/courses/logic"), ("instructor2",))
SITE = Settings(Path("/server"), (PHYSICS, LOGIC))
USE_EXCHANGE = "access:services!service=exchange"


def scopes(settings: Settings = SITE) -> dict[str, set[str]]:
    return {role["name"]: set(role["scopes"]) for role in roles.roles(settings)}


def held_by(kind: str) -> dict[str, list[str]]:
    return {role["name"]: role.get(kind, []) for role in roles.roles(SITE) if role.get(kind)}


def test_rights_of_each_role() -> None:
    assert scopes() == {
        "server": {
            *("users:activity!user", "access:servers!server", "read:users:groups!user", "read:users:name!user"),
            *("list:services", "read:services", USE_EXCHANGE),
        },
        "exchange": {"read:users:groups", "read:users:name"},
        "nbgrader-physics": {USE_EXCHANGE},
        "formgrade-physics": {
            *(
                "access:services!service=physics",
                "list:services!service=physics",
                "read:services!service=physics",
                USE_EXCHANGE,
            ),
        },
        "course-physics": {"list:groups!group=nbgrader-physics", "groups!group=nbgrader-physics", USE_EXCHANGE},
        "nbgrader-logic": {USE_EXCHANGE},
        "formgrade-logic": {
            *(
                "access:services!service=logic",
                "list:services!service=logic",
                "read:services!service=logic",
                USE_EXCHANGE,
            ),
        },
        "course-logic": {"list:groups!group=nbgrader-logic", "groups!group=nbgrader-logic", USE_EXCHANGE},
        "culler": {"list:users", "read:users:activity", "read:servers", "delete:servers"},
    }


def test_who_holds_each_role() -> None:
    of_courses = ("nbgrader-physics", "formgrade-physics", "nbgrader-logic", "formgrade-logic")
    assert held_by("groups") == {name: [name] for name in of_courses}
    assert held_by("services") == {
        **{"exchange": ["exchange"], "culler": ["culler"]},
        **{"course-physics": ["physics"], "course-logic": ["logic"]},
    }
    assert held_by("users") == {}


def test_no_role_is_an_admins() -> None:
    given = set().union(*scopes().values())
    assert not {one for one in given if one.startswith("admin") or one in ("tokens", "proxy", "shutdown", "inherit")}


def test_groups_hold_whom_the_settings_name() -> None:
    assert roles.groups(SITE) == {
        "nbgrader-physics": {"users": ["student1", "student2"]},
        "formgrade-physics": {"users": ["instructor1"]},
        "nbgrader-logic": {"users": []},
        "formgrade-logic": {"users": ["instructor2"]},
    }


def test_without_culling_there_is_no_culler() -> None:
    never = Settings(Path("/server"), (PHYSICS,), idle_minutes=0)
    assert "culler" not in scopes(never)
    assert roles.service_names(never) == ["exchange", "physics", "grading-physics"]


@pytest.fixture
def services() -> dict[str, dict]:
    names = roles.service_names(SITE)
    listed = roles.services(
        SITE,
        commands={name: ["run", name] for name in names},
        tokens={name: f"token of {name}" for name in names},
        urls={"exchange": "http://127.0.0.1:1", "physics": "http://127.0.0.1:2", "logic": "http://127.0.0.1:3"},
        environments={"exchange": {"ASSAY_JOBS": "2"}},
    )
    return {one["name"]: one for one in listed}


def test_services_of_the_hub(services: dict[str, dict]) -> None:
    assert set(services) == {"exchange", "physics", "logic", "grading-physics", "grading-logic", "culler"}
    assert services["physics"]["command"] == ["run", "physics"]
    assert services["physics"]["cwd"] == "/courses/physics"
    assert services["exchange"]["cwd"] == services["grading-logic"]["cwd"] == "/server"
    assert services["exchange"]["environment"] == {"ASSAY_JOBS": "2"}
    assert all(one["api_token"] == f"token of {name}" for name, one in services.items())


def test_only_those_that_answer_requests_have_an_address(services: dict[str, dict]) -> None:
    assert {name for name, one in services.items() if "url" in one} == {"exchange", "physics", "logic"}
    assert {name for name, one in services.items() if one["display"]} == {"physics", "logic"}
    assert not any(one.get("admin") for one in services.values())


def test_a_course_server_elsewhere_has_the_same_roles_and_is_started_by_nobody_here() -> None:
    away = Settings(Path("/server"), (replace(PHYSICS, server="http://course-physics:8888"),))
    assert scopes(away) == scopes(Settings(Path("/server"), (PHYSICS,)))
    assert "physics" not in programs.commands(away) and "grading-physics" in programs.commands(away)
    tokens = {name: f"token of {name}" for name in roles.service_names(away)}
    urls = {"physics": "http://course-physics:8888"}
    listed = roles.services(away, {"exchange": ["run"]}, tokens, urls, environments={"physics": {"X": "x"}})
    assert next(one for one in listed if one["name"] == "physics") == {
        "name": "physics",
        "api_token": "token of physics",
        "display": True,
        "url": "http://course-physics:8888",
        "oauth_no_confirm": True,
    }


@pytest.mark.parametrize("other", [{"server": "course:8888"}, {"server": "http://h/x"}, {"grader": "grader.sock"}])
def test_what_leads_elsewhere_is_an_address(tmp_path: Path, other: dict[str, str]) -> None:
    good = {"server": "http://course-physics:8888", "grader": "/run/grader.sock"}
    with pytest.raises(CourseError, match="which is no"):
        checks.check(Settings(tmp_path, (replace(PHYSICS, **{**good, **other}),)), {})
