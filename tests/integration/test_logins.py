"""Logging in with accounts from elsewhere: an OAuth 2 provider and an LTI 1.3 platform, each a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from assay.errors import CourseError
from assay.hub import authenticators
from assay.settings import load
from tests.support import hub as hubs
from tests.support.login_providers import CLIENT, LTI, SECRET, Provider, running

pytestmark = pytest.mark.xdist_group("logins")

COURSE = """
[courses.course]
root = "../course"
instructors = ["instructor1"]
students = ["student1"]
{everyone}
"""
OAUTH = """
[authenticator]
kind = "oauth"
client_id = "{client}"
client_secret_file = "client_secret"
authorize_url = "{url}/oauth/authorize"
token_url = "{url}/oauth/token"
userdata_url = "{url}/oauth/userinfo"
username_claim = "preferred_username"
"""
LAUNCH = """
[authenticator]
kind = "lti13"
issuer = "{url}"
client_id = ["{client}"]
authorize_url = "{url}/lti/authorize"
jwks_endpoint = "{url}/lti/keys"
username_key = "custom_uname"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture(scope="module")
def with_oauth(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Running]:
    folder = tmp_path_factory.mktemp("oauth")
    hubs.make_course(folder / "course")
    hubs.write_settings(folder / "home", COURSE.format(everyone="") + OAUTH.format(client=CLIENT, url=provider.url))
    (folder / "home" / "client_secret").write_text(SECRET + "\n")
    (folder / "home" / "client_secret").chmod(0o600)
    with hubs.running(folder / "course", folder / "home") as hub:
        yield hub


@pytest.fixture(scope="module")
def with_lti(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Running]:
    folder = tmp_path_factory.mktemp("lti")
    hubs.make_course(folder / "course")
    settings = COURSE.format(everyone="everyone = true") + LAUNCH.format(client=CLIENT, url=provider.url)
    hubs.write_settings(folder / "home", settings)
    with hubs.running(folder / "course", folder / "home") as hub:
        yield hub


@pytest.fixture
def honest(provider: Provider) -> Iterator[Provider]:
    """The provider, and after the test as it was."""
    yield provider
    provider.claims.clear()
    provider.signed_with, provider.user = None, "student1"


def through_oauth(hub: hubs.Running) -> hubs.Person:
    """Follow the login of the Hub to the provider and back, as a browser does."""
    person = hubs.Person(hub, "")
    person.session.get(f"{hub.url}/hub/oauth_login", timeout=60)
    person.session.get(f"{hub.url}/hub/home", timeout=60)
    return person


def initiated(hub: hubs.Running, provider: Provider, session: requests.Session, who: str) -> dict[str, str]:
    """Begin at the platform, and return the form that it gives the browser to post to the Hub."""
    asked = {
        "iss": provider.url,
        "login_hint": who,
        "client_id": CLIENT,
        "target_link_uri": f"{hub.url}/hub",
        "lti_message_hint": "1",
    }
    page = session.get(f"{hub.url}/hub/lti13/oauth_login", params=asked, timeout=60)
    assert page.url.startswith(f"{provider.url}/lti/authorize"), page.url
    action = re.search(r'action="([^"]+)"', page.text)
    assert action and urlsplit(unescape(action[1])).path == "/hub/lti13/oauth_callback"
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}


def launched(hub: hubs.Running, provider: Provider, who: str) -> tuple[hubs.Person, requests.Response]:
    """A whole launch, from the platform's course page to the Hub."""
    person = hubs.Person(hub, who)
    form = initiated(hub, provider, person.session, who)
    answer = person.session.post(f"{hub.url}/hub/lti13/oauth_callback", data=form, timeout=60)
    person.session.get(f"{hub.url}/hub/home", timeout=60)
    return person, answer


def who_is(person: hubs.Person) -> str | None:
    answer = person.get("/hub/api/user")
    return str(answer.json()["name"]) if answer.status_code == 200 else None


def test_a_named_student_logs_in_with_oauth(with_oauth: hubs.Running, honest: Provider) -> None:
    assert who_is(through_oauth(with_oauth)) == "student1"


def test_a_stranger_of_the_same_provider_is_not_let_in(with_oauth: hubs.Running, honest: Provider) -> None:
    honest.user = "stranger"
    assert who_is(through_oauth(with_oauth)) is None


def test_an_instructor_comes_into_the_course_with_oauth(with_oauth: hubs.Running, honest: Provider) -> None:
    honest.user = "instructor1"
    person = through_oauth(with_oauth)
    assert person.get("/hub/api/user").json()["groups"] == ["formgrade-course"]


def test_a_code_of_somebody_else_is_worth_nothing(with_oauth: hubs.Running, honest: Provider) -> None:
    """The state of a login lies in a cookie of the browser that began it."""
    honest.codes["stolen"] = {"user": "instructor1", "redirect_uri": f"{with_oauth.url}/hub/oauth_callback"}
    thief = hubs.Person(with_oauth, "")
    thief.session.get(f"{with_oauth.url}/hub/oauth_callback?code=stolen&state=guessed", timeout=60)
    assert who_is(thief) is None


def test_there_is_no_login_with_a_password_beside_oauth(with_oauth: hubs.Running, honest: Provider) -> None:
    person = hubs.Person(with_oauth, "")
    page = person.session.get(f"{with_oauth.url}/hub/login", timeout=60, allow_redirects=False)
    form = {"username": "student1", "password": "student1", "_xsrf": person.session.cookies.get("_xsrf", "")}
    person.session.post(f"{with_oauth.url}/hub/login", data=form, timeout=60, allow_redirects=False)
    assert 'type="password"' not in page.text and who_is(person) is None


def test_a_student_is_launched_from_the_learning_platform(with_lti: hubs.Running, honest: Provider) -> None:
    person, answer = launched(with_lti, honest, "student7")
    assert answer.status_code == 200 and who_is(person) == "student7"
    person.start_server()
    assert person.get("/hub/api/user").json()["groups"] == ["nbgrader-course"]  # `everyone` in the settings
    person.stop_server()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another tool"},
        {"iss": "https://another.example"},
        {"nonce": "another"},
        {"iat": 1, "exp": 2},
        {LTI + "version": "1.1"},
    ],
    ids=["for another tool", "by another platform", "with another nonce", "too old", "of another version"],
)
def test_a_launch_that_is_not_ours_is_refused(
    with_lti: hubs.Running, honest: Provider, claims: dict[str, object]
) -> None:
    honest.claims.update(claims)
    person, answer = launched(with_lti, honest, "student8")
    assert 400 <= answer.status_code < 500 and who_is(person) is None


def test_a_launch_signed_by_somebody_else_is_refused(with_lti: hubs.Running, honest: Provider) -> None:
    honest.signed_with = rsa.generate_private_key(65537, 2048)
    person, answer = launched(with_lti, honest, "instructor1")
    assert 400 <= answer.status_code < 500 and who_is(person) is None


def test_a_launch_is_worth_nothing_in_another_browser(with_lti: hubs.Running, honest: Provider) -> None:
    form = initiated(with_lti, honest, requests.Session(), "instructor1")
    thief = hubs.Person(with_lti, "")
    answer = thief.session.post(f"{with_lti.url}/hub/lti13/oauth_callback", data=form, timeout=60)
    assert 400 <= answer.status_code < 500 and who_is(thief) is None


@pytest.mark.parametrize("missing", ["issuer", "client_id", "authorize_url", "jwks_endpoint"])
def test_lti_without_all_that_makes_it_safe_is_not_configured(missing: str, tmp_path: Path) -> None:
    """Without the platform's keys, the authenticator would believe any launch."""
    text = LAUNCH.format(client=CLIENT, url="https://platform.example")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith(missing))
    hubs.write_settings(tmp_path, kept)
    with pytest.raises(CourseError, match=missing):
        authenticators.check(load(tmp_path, {}), {})
