"""Regrades, failed jobs and plain pages over HTTP, as a student, as staff of this course and another, and as nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pytest
import requests
from tornado.netutil import bind_sockets

from assay.exchange.api import Caller, Role
from assay.exchange.client import Client
from assay.exchange.identity import Identity
from assay.exchange.receipts import read_public_key, verify
from assay.exchange.server import http_server
from assay.jobs import table
from assay.serving import commands, exchange_service, grading
from assay.serving.pages import PageHandler
from assay.serving.pages_html import FEEDBACK_POLICY, POLICY
from tests.support import class_runs
from tests.support.hub import wait_for
from tests.support.notebooks import SCALE_ANSWERS
from tests.support.serving import COURSE, WRONG, Site, archive, site, template

pytestmark = pytest.mark.xdist_group("grading worker")
PEOPLE: dict[str, dict[str, Role]] = {
    "student1": {COURSE: "student"},
    "student2": {COURSE: "student"},
    "instructor1": {COURSE: "instructor"},
    "instructor2": {"statistics": "instructor"},
    "nobody": {},
}
ROOT = Path(__file__).parents[2]
EVIL = "<script>alert('&')</script>"


@dataclass(frozen=True)
class Server:
    """A site, and its exchange service on a port."""

    site: Site
    url: str  # as in ASSAY_EXCHANGE_URL

    def api(self, method: str, path: str, who: str = "instructor1", **more: object) -> requests.Response:
        headers = {"Authorization": f"token {who}"}
        return requests.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=60, **more)  # type: ignore[arg-type]

    def page(self, path: str, who: str = "student1") -> requests.Response:
        return requests.get(self.url + path, headers={"X-Test": who}, timeout=60, allow_redirects=False)

    def submit(self, who: str, answers: Mapping[str, str] = SCALE_ANSWERS) -> dict[str, object]:
        data = archive(self.site.course, answers)
        answer = self.api("POST", f"/courses/{COURSE}/assignments/scale/attempts", who, data=data)
        assert answer.status_code == 201, answer.text
        return answer.json()["attempt"]  # type: ignore[no-any-return]

    def client(self, who: str = "instructor1") -> Client:
        return Client(self.url, who)


async def identify(token: str) -> Caller | None:
    return Caller(token, "user") if token in PEOPLE else None


async def roles(caller: Caller) -> Mapping[str, Role]:
    return PEOPLE[caller.name]


async def visitor(handler: PageHandler) -> Caller | None:
    return await identify(handler.request.headers.get("X-Test", ""))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two courses, in one of which something was submitted."""
    folder = tmp_path_factory.mktemp("site")
    course = template(tmp_path_factory.mktemp("template"))
    more = f"[courses.statistics]\nroot = '{course.root}'"
    with (
        pytest.MonkeyPatch.context() as patched,
        site(folder, course, more=more) as found,
        exchange_service.opened(found.materials.settings, Identity(identify, roles), visitor=visitor) as app,
    ):
        patched.setattr(grading, "PAUSES", (0.0, 0.0))
        (bound,) = bind_sockets(0, "127.0.0.1")
        ready, over = threading.Event(), []

        async def serve() -> None:
            end = asyncio.Event()
            over.append((asyncio.get_running_loop(), end))
            running = http_server(app)
            running.add_socket(bound)
            ready.set()
            await end.wait()
            running.stop()
            await running.close_all_connections()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        ready.wait()
        try:
            yield Server(found, f"http://127.0.0.1:{bound.getsockname()[1]}/services/exchange")
        finally:
            for loop, end in over:
                loop.call_soon_threadsafe(end.set)
            thread.join()


def test_the_way_of_an_attempt_is_seen_as_it_goes(server: Server) -> None:
    assert "not submitted anything" in server.page("/").text
    attempt = server.submit("student1")
    assert attempt["state"] == {"name": "queued", "place": 0}
    place = f"/attempts/{attempt['id']}"
    waiting = server.page(place).text
    assert "waits for grading, next" in waiting and '<main data-live="' in waiting and "<h2>Points" not in waiting
    assert "<main data-live" in server.page("/").text
    meanwhile: list[tuple[str, str]] = []

    def look(*arguments: object, **options: object) -> str:
        """While the notebook is run for the feedback, beside the checks."""

        def state() -> str:
            return str(server.api("GET", place, "student1").json()["state"]["name"])

        wait_for(lambda: state() == "checked", "what the checks found")
        meanwhile.append((server.page(place).text, state()))
        return class_runs.run(*arguments, **options)

    server.site.work(run_notebook=look)
    (shown, state), *_ = meanwhile
    assert state == "checked" and "What the hidden checks found" in shown and '<main data-live="' in shown
    assert "scale agrees with the reference &lt;b&gt;" in shown and "Traceback" not in shown
    graded = server.page(place).text
    assert "<main>" in graded and "<th>6</th><th>7</th>" in graded and "waits for a person" in graded
    assert f"<code>{attempt['digest']}</code>" in graded and "assay receipt verify" in graded
    listed = server.page("/").text
    assert "<main>" in listed and "6 of 7" in listed and f'href="/services/exchange{place}"' in listed
    assert server.api("GET", place, "student1").json()["state"] == {"name": "graded", "place": None}
    receipt = server.page(f"{place}/receipt")
    assert "attachment" in receipt.headers["Content-Disposition"]
    key = requests.get(f"{server.url}/api/v1/key", timeout=60).text
    assert verify(read_public_key(key), receipt.content).attempt == attempt["id"]
    for answer in (server.page(place), server.page("/")):
        assert answer.headers["Content-Security-Policy"] == POLICY


def test_feedback_is_shown_where_nothing_in_it_runs(server: Server) -> None:
    attempt = server.submit("student1", {**SCALE_ANSWERS, "scale_answer": f"# {EVIL}"})
    server.site.work()
    place = f"/attempts/{attempt['id']}"
    assert f'<iframe sandbox title="scale.html" src="/services/exchange{place}/feedback/scale.html">' in (
        server.page(place).text
    )
    answer = server.page(f"{place}/feedback/scale.html")
    assert answer.headers["Content-Security-Policy"] == FEEDBACK_POLICY and "agrees with the reference" in answer.text
    assert server.page(f"{place}/feedback/other.html").status_code == 404


def test_nobody_sees_what_is_another_students(server: Server) -> None:
    attempt = server.submit("student1")
    server.site.work()
    for path in ("", "/receipt", "/feedback/scale.html"):
        for who in ("student2", "instructor2", "nobody"):
            answer = server.page(f"/attempts/{attempt['id']}{path}", who)
            assert answer.status_code == 404 and str(attempt["digest"]) not in answer.text
        assert server.page(f"/attempts/{attempt['id']}{path}", "instructor1").status_code == 200
    assert str(attempt["id"]) not in server.page("/", "student2").text
    assert server.page(f"/attempts/{'0' * 32}").status_code == 404
    assert server.page("/nothing").status_code == 404


def test_what_failed_is_shown_to_staff_of_the_course_and_can_be_tried_again(server: Server) -> None:
    attempt = server.submit("student2")

    def fails(*_: object, **__: object) -> None:
        raise ValueError(EVIL)

    server.site.work(grade=fails)
    assert "our fault" in server.page(f"/attempts/{attempt['id']}", "student2").text
    staff = server.page("/", "instructor1").text
    assert escape(EVIL) in staff and EVIL not in staff
    assert escape(EVIL) not in server.page("/", "student2").text
    assert escape(EVIL) in server.page(f"/attempts/{attempt['id']}", "instructor1").text
    assert escape(EVIL) not in server.page(f"/attempts/{attempt['id']}", "student2").text
    (job,) = server.api("GET", f"/courses/{COURSE}/jobs?state=failed").json()
    assert (job["attempt"], job["tries"], job["state"]) == (attempt["id"], table.TRIES, "failed")
    retry = f"/courses/{COURSE}/jobs/{job['number']}/retry"
    for who, status in (("student2", 403), ("instructor2", 404), ("nobody", 404)):
        assert server.api("POST", retry, who).status_code == status
        assert server.api("GET", f"/courses/{COURSE}/jobs", who).status_code == status
        assert server.api("GET", f"/courses/{COURSE}/queue", who).status_code == status
    before = server.api("GET", f"/courses/{COURSE}/queue").json()
    assert (before["waiting"], before["leased"], before["failed"], before["wrong"]) == (0, 0, 1, [job])
    assert server.api("POST", f"/courses/statistics/jobs/{job['number']}/retry", "instructor2").status_code == 404
    assert server.api("POST", retry).json()["state"] == "waiting"
    assert server.api("POST", retry).json()["code"] == "not_failed"
    assert server.api("POST", f"/courses/{COURSE}/jobs/999999/retry").json()["code"] == "unknown_job"
    assert server.api("GET", f"/courses/{COURSE}/jobs?state=odd").json()["code"] == "bad_request"
    server.site.work()
    assert server.api("GET", f"/courses/{COURSE}/jobs").json() == []
    after = server.api("GET", f"/courses/{COURSE}/queue").json()
    assert after == {**before, "done": before["done"] + 1, "failed": 0, "wrong": []}


def test_a_regrade_is_asked_for_and_its_report_read(server: Server) -> None:
    place, reason = f"/courses/{COURSE}/regrades", {"assignment": "scale", "reason": f"final {EVIL}"}
    attempt = server.submit("student1", {**SCALE_ANSWERS, "scale_answer": "# unlucky"})
    server.submit("student2", WRONG)
    server.site.work()
    for who, status in (("student1", 403), ("instructor2", 404), ("nobody", 404)):
        for method in ("GET", "POST"):
            assert server.api(method, place, who, json=reason).status_code == status
    for wrong in ({"assignment": "scale"}, {**reason, "fresh_draws": 1}, {**reason, "more": 1}, {"reason": ""}):
        assert server.api("POST", place, json=wrong).status_code == 422, wrong
    assert server.api("POST", place, json={"assignment": "none", "reason": ""}).json()["code"] == "unknown_assignment"
    answer = server.api("POST", place, json={**reason, "fresh_draws": True})
    asked = answer.json()
    assert (answer.status_code, asked["total"], asked["done"], asked["by"]) == (202, 2, 0, "instructor1")
    server.site.work()
    found = server.api("GET", f"{place}/{asked['id']}").json()
    (change,) = found["changes"]
    assert (found["done"], change["student"], change["attempt"]) == (2, "student1", attempt["id"])
    assert (change["before"], change["after"]) == (6, 4) and "other draws" in change["why"]
    assert found in server.api("GET", place).json()
    assert server.api("GET", f"{place}/none").json()["code"] == "unknown_regrade"
    shown = server.page(f"/courses/{COURSE}/regrades/{asked['id']}", "instructor1").text
    assert escape(f"final {EVIL}") in shown and EVIL not in shown and "<td>6</td><td>4</td>" in shown
    assert f"/regrades/{asked['id']}" in server.page("/", "instructor1").text
    for who in ("student1", "instructor2"):
        assert server.page(f"/courses/{COURSE}/regrades/{asked['id']}", who).status_code == 404


def test_the_same_from_a_terminal(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.submit("student1", {**SCALE_ANSWERS, "scale_answer": "# unlucky"})
    server.site.work()
    client, over = server.client(), threading.Event()

    def grade() -> None:
        while not over.wait(0.02):
            server.site.work()

    worker = threading.Thread(target=grade)
    worker.start()
    try:
        assert commands.regrade(client, course=None, assignment="scale", fresh_draws=True, reason="final") == 0
    finally:
        over.set()
        worker.join()
    told = capsys.readouterr().out
    assert "student1" in told and "other draws" in told and ".assay/regrades/" in told
    assert commands.show_jobs(client, course=None, failed_only=False) == 0
    assert "Nothing has failed" in capsys.readouterr().out

    def fails(*_: object, **__: object) -> None:
        raise ValueError("[red]it was us")

    server.submit("student2")
    server.site.work(grade=fails)
    (job,) = server.api("GET", f"/courses/{COURSE}/jobs").json()
    assert commands.show_jobs(client, course=COURSE, failed_only=True) == 0
    assert "[red]it" in capsys.readouterr().out  # as it is, and not in red
    assert commands.retry_job(client, job["number"], course=COURSE) == 0
    server.site.work()


def test_a_job_that_failed_before_a_later_result_does_not_replace_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("it was us")

    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    attempt = server.submit("student1")
    server.site.work(grade=fails)
    server.site.regrade(assignment="scale", fresh_draws=True)
    server.site.work()
    (job,) = server.api("GET", f"/courses/{COURSE}/jobs").json()
    answer = server.api("POST", f"/courses/{COURSE}/jobs/{job['number']}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_failed")
    assert f"assay regrade --attempt {attempt['id']}" in answer.json()["error"]


def test_staff_read_how_to_grade_again_what_a_check_could_not_judge(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    attempt = server.submit("student1", {"scale_answer": "# break the check"})
    server.site.work()
    assert commands.show_jobs(server.client(), course=None, failed_only=False) == 0
    told = capsys.readouterr().out
    assert "could not judge" in " ".join(told.split()) and "assay regrade --attempt ID" in told
    page = server.page("/", "instructor1").text
    assert attempt["id"] in page and "<code>assay regrade --attempt ID</code>" in page


def test_a_regrade_in_a_terminal_waits_for_its_own_jobs_and_names_whom_it_could_not_grade(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, client = server.site.worker(), server.client()
    monkeypatch.setattr(grading, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(commands.time, "sleep", lambda _: worker.work())
    server.submit("student1")
    worker.work()
    server.site.make_stricter()
    server.submit("student2", {"scale_answer": "# lose the sandbox"})  # is done first, and fails
    assert commands.regrade(client, course=None, assignment="scale", student="student1") == 0
    told = capsys.readouterr().out
    assert "1 of 1 attempts graded again" in told and "the suite changed" in told and "student2" not in told
    assert commands.regrade(client, course=None, assignment="scale") == 1
    told = capsys.readouterr().out
    assert "1 of 2 attempts graded again" in told and "Could not be graded: student2" in told


def test_what_a_crash_of_ours_shows_is_no_traceback(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr("assay.serving.pages_shown.submissions", fails)
    answer = server.page("/")
    assert answer.status_code == 500 and "not your fault" in answer.text and "secret" not in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_the_service_sends_who_is_not_logged_in_to_the_hub_and_ends_when_it_is_told(server: Server) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"API_TOKEN": "t", "API_URL": "http://127.0.0.1:1/hub/api", "CLIENT_ID": "service-exchange"}
    told |= {"SERVICE_URL": f"http://127.0.0.1:{port}", "SERVICE_PREFIX": exchange_service.PREFIX}
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"} | {f"JUPYTERHUB_{n}": v for n, v in told.items()}
    command = [sys.executable, "-m", "assay.serving.exchange_service", "--home", str(server.site.home)]
    service = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}{exchange_service.PREFIX}"
    try:
        while service.poll() is None:
            with suppress(requests.ConnectionError):
                answer = requests.get(url, timeout=60, allow_redirects=False)
                break
            time.sleep(0.05)
        assert answer.status_code == 302 and "/hub/api/oauth2/authorize?" in answer.headers["Location"]
        assert requests.get(f"{url}api/v1/courses", timeout=60).status_code == 401
    finally:
        service.terminate()
        _, log = service.communicate()
    assert service.returncode == 0 and "Traceback" not in log, log


def test_where_to_listen_comes_from_the_hub(tmp_path: Path) -> None:
    assert exchange_service.address({"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:81/x"}).port == 81
    with pytest.raises(Exception, match="assay serve"):
        exchange_service.address({})
