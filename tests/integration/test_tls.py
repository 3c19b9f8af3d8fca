"""The server with a certificate for a public name: browsers verify it, and what runs on this machine works."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from assay.errors import CourseError, ExchangeError
from assay.exchange.client import Client
from assay.hub import elsewhere, tls
from assay.hub.addresses import free_ports
from assay.settings import Settings, load
from tests.support import hub as hubs
from tests.support.certificates import Files, browser, make_certificate

pytestmark = pytest.mark.xdist_group("tls")
NAME = "hub.example.org"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_certificate(tmp_path_factory.mktemp("certificates"), NAME)


@pytest.fixture(scope="module")
def hub(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Running]:
    folder = tmp_path_factory.mktemp("tls")
    root = hubs.make_course(folder / "course")
    environ = {"ASSAY_TLS_CERTIFICATE": str(files.certificate), "ASSAY_TLS_KEY": str(files.key)}
    environ["ASSAY_BIND_URL"] = f"https://127.0.0.1:{free_ports(1)[0]}"
    with hubs.running(root, folder / "home", environ=environ) as running:
        yield running


def test_browsers_see_the_certificate_of_the_public_name_and_cookies_stay_on_https(
    hub: hubs.Running, files: Files
) -> None:
    person = hub.log_in("student1", session=browser(files))
    logged_in = [one for one in person.session.cookies if one.name.startswith("jupyterhub-")]
    assert logged_in and all(one.secure for one in logged_in)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{hub.url}/hub/login", timeout=60)


def test_plain_http_is_refused(hub: hubs.Running) -> None:
    with socket.create_connection(("127.0.0.1", int(hub.url.rpartition(":")[2])), timeout=60) as line:
        line.sendall(b"GET /hub/login HTTP/1.1\r\nHost: hub.example.org\r\n\r\n")
        assert b"200" not in line.recv(1000)[:20]


def test_a_users_server_lists_fetches_and_submits(hub: hubs.Running, files: Files) -> None:
    student = hub.log_in("student1", session=browser(files))
    student.start_server()
    listed = student.get("/user/student1/assignments?course_id=course").json()
    assert [one["assignment_id"] for one in listed["value"]] == [hubs.ASSIGNMENT]
    asked = {"course_id": "course", "assignment_id": hubs.ASSIGNMENT}
    for step in ("fetch", "submit"):
        answer = student.post(f"/user/student1/assignments/{step}", data=asked)
        assert answer.json()["success"], answer.text
    told = tls.environment(settings_of(hub, files))
    client = Client(f"{hub.url}/services/exchange", student.server_token(), told[tls.CERTIFICATE])
    assert [one.attempt.number for one in client.attempts("course")] == [1]


def settings_of(hub: hubs.Running, files: Files) -> Settings:
    found = load(hub.home, {})
    return replace(found, bind_url=hub.url, tls_certificate=str(files.certificate), tls_key=str(files.key))


def test_clients_take_no_other_certificate(hub: hubs.Running, files: Files, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, NAME)
    wrong = tls.environment(replace(settings_of(hub, files), tls_certificate=str(other.certificate)))
    for certificate in ("", wrong[tls.CERTIFICATE]):
        with pytest.raises(ExchangeError, match="cannot be reached"):
            Client(f"{hub.url}/services/exchange", "", certificate).key()


def test_commands_of_the_operator_reach_the_exchange(hub: hubs.Running, files: Files) -> None:
    environ = {"ASSAY_HOME": str(hub.home), "ASSAY_BIND_URL": hub.url}
    environ |= {"ASSAY_TLS_CERTIFICATE": str(files.certificate), "ASSAY_TLS_KEY": str(files.key)}
    command = [str(Path(sys.executable).with_name("assay")), "--course", str(hub.root), "jobs"]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tls_key": ""}, "only one is set"),
        ({"tls_certificate": "", "tls_key": ""}, "there is no certificate"),
        ({"bind_url": "http://127.0.0.1:8000"}, "Let it begin with https://"),
        ({"tls_certificate": "nowhere.pem"}, "tls_certificate: .*nowhere.pem cannot be read"),
        ({"tls_key": "other.pem"}, "is not the key of"),
        ({"tls_key": "open.pem"}, "can be read by other users"),
        ({"tls_key": "text.pem"}, "no PEM file"),
    ],
)
def test_what_does_not_fit_is_explained(files: Files, tmp_path: Path, wrong: dict[str, str], said: str) -> None:
    make_certificate(tmp_path / "other", NAME).key.rename(tmp_path / "other.pem")
    for name, content in (("open.pem", files.key.read_bytes()), ("text.pem", b"no key")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o644 if name == "open.pem" else 0o600)
    right = Settings(tmp_path, bind_url="https://0.0.0.0:443", tls_certificate=str(files.certificate))
    right = replace(right, tls_key=str(files.key))
    tls.check(right)
    with pytest.raises(CourseError, match=said):
        tls.check(replace(right, **wrong))


def test_a_course_in_a_container_of_its_own_is_told_the_certificate(
    hub: hubs.Running, files: Files, tmp_path: Path
) -> None:
    """With whatever some authorities write above it."""
    (tmp_path / "certificate.pem").write_text(f"subject=/O=Université\n{files.certificate.read_text()}")
    environ = {elsewhere.API: "http://hub:8081/hub/api", elsewhere.EXCHANGE: f"{hub.url}/services/exchange"}
    environ |= {elsewhere.TOKEN: "t", elsewhere.CERTIFICATE_FILE: str(tmp_path / "certificate.pem")}
    told = elsewhere.environment("course", 8888, environ)
    assert elsewhere.CERTIFICATE_FILE not in told
    Client(told[elsewhere.EXCHANGE], "", told[tls.CERTIFICATE]).key()
    (tmp_path / "certificate.pem").write_text("none")
    with pytest.raises(CourseError, match="No certificate can be read in .*certificate.pem"):
        elsewhere.environment("course", 8888, environ)


def test_a_certificate_that_is_none_is_explained_to_who_uses_it() -> None:
    with pytest.raises(ExchangeError, match="holds no certificate"):
        Client("https://127.0.0.1:1/services/exchange", "", "bm9uZQ==").key()


def test_the_check_whether_the_hub_answers_trusts_nothing() -> None:
    assert tls.unverified().verify_mode == ssl.CERT_NONE
