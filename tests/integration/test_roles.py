"""Least privilege on a real Hub with two courses: what everybody may do works, and everything else is refused."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import hub as hubs
from tests.support.hub import Running

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytestmark = pytest.mark.xdist_group("roles")

EXCHANGE = "/services/exchange/api/v1"
# student1 and instructor1 are in physics, student2 and instructor2 in logic.
SETTINGS = """
demo = true

[courses.physics]
root = "{root}/physics"
instructors = ["instructor1"]
students = ["student1"]

[courses.logic]
root = "{root}/logic"
instructors = ["instructor2"]
students = ["student2"]
"""


@dataclass(frozen=True)
class Site:
    """The Hub, everybody's login, and tokens by name: of people, `server of NAME`, and of services."""

    hub: Running
    people: dict[str, hubs.Person]
    tokens: dict[str, str]

    def status(self, who: str, method: str, path: str, body: object = None) -> int:
        return self.hub.ask(method, path, self.tokens[who], json=body).status_code


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("roles")
    for course in ("physics", "logic"):
        hubs.make_course(folder / course, course)
    hubs.write_settings(folder / "home", SETTINGS.format(root=folder))
    with hubs.running(folder / "physics", folder / "home") as hub:
        people = {name: hub.log_in(name) for name in ("student1", "student2", "instructor1", "instructor2")}
        tokens = {name: person.token().json()["token"] for name, person in people.items()}
        for name, person in people.items():
            person.start_server()
            tokens[f"server of {name}"] = person.server_token()
        for service in ("physics", "logic", "exchange", "grading-physics", "culler"):
            tokens[service] = hub.service_token(service)
        yield Site(hub, people, tokens)


# Of a student of another course, and of an instructor of another course: all of physics, and all of the Hub.
OTHERS = ("student2", "instructor2", "server of student2", "server of instructor2")
ADMINISTRATION = [
    ("GET", "/hub/api/users", None),
    ("GET", "/hub/api/users/student1", None),
    ("GET", "/hub/api/users/student1/tokens", None),
    ("POST", "/hub/api/users/student1/tokens", {}),
    ("POST", "/hub/api/users/student1/server", {}),
    ("DELETE", "/hub/api/users/student1/server", None),
    ("POST", "/hub/api/users/student1/activity", {"last_activity": "2030-01-01T00:00:00Z"}),
    ("PATCH", "/hub/api/users/student1", {"name": "student9"}),
    ("DELETE", "/hub/api/users/student1", None),
    ("POST", "/hub/api/users", {"usernames": ["student9"]}),
    ("GET", "/hub/api/groups", None),
    ("GET", "/hub/api/groups/nbgrader-physics", None),
    ("POST", "/hub/api/groups/nbgrader-physics/users", {"users": ["student2", "instructor2"]}),
    ("POST", "/hub/api/groups/formgrade-physics/users", {"users": ["student2", "instructor2"]}),
    ("DELETE", "/hub/api/groups/nbgrader-physics/users", {"users": ["student1"]}),
    ("POST", "/hub/api/groups/formgrade-logic/users", {"users": ["student2"]}),
    ("POST", "/hub/api/groups/new", None),
    ("GET", "/hub/api/services/physics", None),
    ("GET", "/hub/api/services/exchange", None),
    ("POST", "/hub/api/services/new", {"admin": True}),
    ("GET", "/hub/api/proxy", None),
    ("POST", "/hub/api/proxy", {}),
    ("GET", "/hub/api/info", None),
    ("POST", "/hub/api/shutdown", {}),
    ("GET", "/services/physics/formgrader/manage_assignments", None),
    ("GET", "/services/physics/formgrader/api/assignments", None),
    ("GET", "/services/physics/api/contents", None),
    ("GET", "/services/physics/api/contents/graders", None),
    ("POST", "/services/physics/api/terminals", {}),
    ("POST", "/services/physics/api/kernels", {}),
    ("GET", "/user/student1/api/contents", None),
    ("POST", "/user/instructor1/api/terminals", {}),
]


@pytest.mark.parametrize(
    ("method", "path", "body"), ADMINISTRATION, ids=lambda one: one if isinstance(one, str) else ""
)
@pytest.mark.parametrize("who", OTHERS)
def test_forbidden_to_a_student_and_to_an_instructor_of_another_course(
    site: Site, who: str, method: str, path: str, body: object
) -> None:
    assert site.status(who, method, path, body) in (403, 404)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/hub/api/services", None),
        ("PATCH", "/hub/api/users/student1", {"admin": True}),
        ("DELETE", "/hub/api/users/student1", None),
        ("POST", "/hub/api/groups/formgrade-physics/users", {"users": ["student1"]}),
        ("DELETE", "/hub/api/groups/nbgrader-physics/users", {"users": ["student1"]}),
        ("GET", "/services/physics/formgrader/manage_assignments", None),
        ("GET", "/services/physics/api/contents", None),
        ("POST", "/services/physics/api/terminals", {}),
        ("PUT", f"{EXCHANGE}/courses/physics/assignments/gradient_descent", None),
        ("PATCH", f"{EXCHANGE}/courses/physics/assignments/gradient_descent", {"due": None}),
        ("DELETE", f"{EXCHANGE}/courses/physics/assignments/gradient_descent", None),
        (
            "PUT",
            f"{EXCHANGE}/courses/physics/assignments/gradient_descent/extensions/student1",
            {"until": "2030-01-01T00:00Z"},
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
@pytest.mark.parametrize("who", ["student1", "server of student1"])
def test_forbidden_to_a_student_of_the_course(site: Site, who: str, method: str, path: str, body: object) -> None:
    assert site.status(who, method, path, body) == 403


@pytest.mark.parametrize("what", ["", "/gradient_descent", "/gradient_descent/files", "/gradient_descent/attempts"])
@pytest.mark.parametrize("who", [*OTHERS, "logic", "grading-physics", "culler"])
def test_a_course_that_one_is_not_in_is_not_even_there(site: Site, who: str, what: str) -> None:
    answer = site.hub.ask("GET", f"{EXCHANGE}/courses/physics/assignments{what}", site.tokens[who])
    assert answer.status_code in (401, 403, 404)
    assert "physics" not in site.hub.ask("GET", f"{EXCHANGE}/courses", site.tokens[who]).text


@pytest.mark.parametrize("who", [*OTHERS, "logic"])
def test_nobody_changes_the_assignments_of_another_course(site: Site, who: str) -> None:
    path = f"{EXCHANGE}/courses/physics/assignments/gradient_descent"
    for method, where in (("PUT", path), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/attempts")):
        assert site.status(who, method, where, {}) in (403, 404)
    assert site.status("instructor1", "GET", path) == 200


@pytest.mark.parametrize(
    "path", ["/hub/admin", "/hub/authorize", "/hub/change-password/student1", "/hub/spawn/student1"]
)
@pytest.mark.parametrize("who", ["student2", "instructor2"])
def test_pages_of_admins_and_of_others_do_not_open(site: Site, who: str, path: str) -> None:
    assert site.people[who].visit(path).status_code in (403, 404)


@pytest.mark.parametrize("path", ["/services/physics/formgrader/", "/services/physics/lab", "/user/student1/lab"])
@pytest.mark.parametrize("who", ["student2", "instructor2"])
def test_a_browser_does_not_open_what_is_anothers(site: Site, who: str, path: str) -> None:
    assert site.people[who].visit(path).status_code in (403, 404)


@pytest.mark.parametrize(
    "asked",
    [
        {"scopes": ["list:users"]},
        {"scopes": ["admin:users"]},
        {"scopes": ["admin-ui"]},
        {"scopes": ["groups!group=nbgrader-physics"]},
        {"scopes": ["access:services!service=physics"]},
        {"scopes": ["access:services"]},
        {"scopes": ["access:servers"]},
        {"scopes": ["read:users"]},
        {"roles": ["admin"]},
        {"roles": ["exchange"]},
        {"roles": ["course-physics"]},
        {"roles": ["formgrade-physics"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("who", ["student2", "instructor2"])
def test_no_token_can_do_more_than_its_owner(site: Site, who: str, asked: dict[str, list[str]]) -> None:
    answer = site.people[who].token(**asked)
    if answer.status_code == 201:  # the Hub may give one that has, of what was asked, only what its owner has
        scopes = set(answer.json()["scopes"])
        assert all(f"user={who}" in one or one == "access:services!service=exchange" for one in scopes), scopes
    else:
        assert answer.status_code in (400, 403)


@pytest.mark.parametrize(
    ("who", "method", "path", "body"),
    [
        ("logic", "GET", "/hub/api/users", None),
        ("logic", "POST", "/hub/api/groups/nbgrader-physics/users", {"users": ["student2"]}),
        ("logic", "POST", "/hub/api/groups/formgrade-logic/users", {"users": ["student2"]}),
        ("logic", "DELETE", "/hub/api/users/student2", None),
        ("logic", "POST", "/hub/api/users/student2/server", {}),
        ("logic", "POST", "/hub/api/users/student2/tokens", {}),
        ("logic", "GET", "/services/physics/api/contents", None),
        ("exchange", "GET", "/hub/api/users", None),
        ("exchange", "GET", "/hub/api/groups", None),
        ("exchange", "POST", "/hub/api/users/student1/tokens", {}),
        ("exchange", "POST", "/hub/api/groups/nbgrader-physics/users", {"users": ["student2"]}),
        ("grading-physics", "GET", "/hub/api/users/student1", None),
        ("grading-physics", "GET", "/services/physics/api/contents", None),
        ("culler", "DELETE", "/hub/api/users/student1", None),
        ("culler", "POST", "/hub/api/users/student1/server", {}),
        ("culler", "GET", "/hub/api/groups", None),
    ],
)
def test_forbidden_to_services(site: Site, who: str, method: str, path: str, body: object) -> None:
    assert site.status(who, method, path, body) in (403, 404)


@pytest.mark.parametrize("who", ["student1", "instructor1"])
def test_everybody_sees_themselves(site: Site, who: str) -> None:
    group = {"student1": "nbgrader-physics", "instructor1": "formgrade-physics"}[who]
    for token in (who, f"server of {who}"):
        model = site.hub.ask("GET", f"/hub/api/users/{who}", site.tokens[token]).json()
        assert (model["name"], model["groups"]) == (who, [group])


@pytest.mark.parametrize(
    ("who", "role"), [("student1", "student"), ("instructor1", "instructor"), ("physics", "instructor")]
)
def test_the_exchange_knows_everybodys_role(site: Site, who: str, role: str) -> None:
    assert site.hub.ask("GET", f"{EXCHANGE}/courses", site.tokens[who]).json() == [{"name": "physics", "role": role}]
    listed = site.hub.ask("GET", f"{EXCHANGE}/courses/physics/assignments", site.tokens[who]).json()
    assert [one["name"] for one in listed] == ["gradient_descent"]


def test_an_instructor_opens_the_formgrader_and_the_lab_of_the_own_course(site: Site) -> None:
    page = site.people["instructor1"].visit("/services/physics/formgrader/manage_assignments")
    assert (page.status_code, "formgrade" in page.text) == (200, True)
    assert site.people["instructor1"].visit("/services/physics/lab").status_code == 200


def test_an_instructor_lists_the_own_courses_service_and_no_other(site: Site) -> None:
    for token in ("instructor1", "server of instructor1"):
        assert set(site.hub.ask("GET", "/hub/api/services", site.tokens[token]).json()) == {"physics"}


def test_the_exchange_reads_who_is_in_which_course(site: Site) -> None:
    model = site.hub.ask("GET", "/hub/api/users/student1", site.tokens["exchange"]).json()
    assert {name: model.get(name) for name in ("name", "groups", "servers", "auth_state")} == {
        **{"name": "student1", "groups": ["nbgrader-physics"]},
        **{"servers": None, "auth_state": None},
    }


def test_a_course_enrols_its_own_students(site: Site) -> None:
    path, body = "/hub/api/groups/nbgrader-logic/users", {"users": ["student1"]}
    listed = site.hub.ask("GET", "/hub/api/groups", site.tokens["logic"]).json()
    assert [group["name"] for group in listed] == ["nbgrader-logic"], "and of all groups sees that one alone"
    assert site.status("logic", "POST", path, body) == 200
    try:
        hubs.wait_for(
            lambda: "logic" in site.hub.ask("GET", f"{EXCHANGE}/courses", site.tokens["student1"]).text, "role"
        )
    finally:
        assert site.status("logic", "DELETE", path, body) == 200
    hubs.wait_for(
        lambda: "logic" not in site.hub.ask("GET", f"{EXCHANGE}/courses", site.tokens["student1"]).text, "end"
    )


def test_a_students_server_has_no_formgrader_and_no_list_of_courses(site: Site) -> None:
    student = site.people["student1"]
    assert student.get("/user/student1/api/contents").status_code == 200
    for path in ("formgrader/manage_assignments", "formgrader/api/assignments", "formgraders", "formgrader"):
        assert student.get(f"/user/student1/{path}").status_code == 404
    for other in ("student2", "instructor1", "instructor2"):
        assert site.status(other, "GET", "/user/student1/api/contents") in (403, 404)
        assert site.people[other].visit("/user/student1/lab").status_code in (403, 404)
