"""nbgrader's own commands, formgrader's calls and the Assignment List at a real exercise server, with two courses."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from nbgrader.apps import NbGrader
from nbgrader.apps.api import NbGraderAPI
from nbgrader.server_extensions.assignment_list.handlers import AssignmentList

from assay.course import Course
from assay.exchange.client import Client
from assay.exchange.nbgrader_exchange import stamp
from assay.notebook.nbgrader_class import Result, grade_class
from assay.notebook.nbgrader_release import release
from tests.support.exchange_server import Running, exchange_server, token_of
from tests.support.nbgrader_people import ROOT, Person, course_of, student
from tests.support.notebooks import SCALE_ANSWERS, answered
from tests.support.warm_python import warm_python

pytestmark = pytest.mark.xdist_group("nbgrader_exchange")  # one story is told for all
DEEP, STATISTICS = "deep-learning", "statistics"
PEOPLE = {
    "student1": {DEEP: "student", STATISTICS: "student"},
    "student2": {DEEP: "student"},
    "instructor1": {DEEP: "instructor"},
}
DUE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
WRONG = {**SCALE_ANSWERS, "shift_answer": "def shift(x, offset):\n    return x - offset"}


@dataclass
class Story:
    """What happened, and what was printed."""

    server: Running
    course: Course
    staff: Person
    student1: Person
    student2: Person
    said: dict[str, str] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)

    def client(self, who: Person) -> Client:
        return Client(self.server.url, token_of(who.name))

    def work(self, who: Person, course: str = DEEP) -> Path:
        return who.folder / course / "scale"

    def answer(self, who: Person, answers: dict[str, str], course: str = DEEP) -> None:
        path = self.work(who, course) / "scale.ipynb"
        path.write_text(json.dumps(answered(json.loads(path.read_text()), answers)))


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("exchange")
    root.chmod(0o755)  # an ordinary user of the sandbox may have to look for the course, and not find it
    (root / "server").mkdir()
    with exchange_server(root / "server", people=PEOPLE) as server, warm_python(root) as python:
        deep, staff = course_of(server, python, DEEP, root)
        other, other_staff = course_of(server, python, STATISTICS, root)
        for course in (deep, other):
            release(course, "scale")
        (deep.release / "scale" / "points.txt").write_text("1 2 3")
        with Gradebook(f"sqlite:///{deep.gradebook}") as gradebook:
            gradebook.update_or_create_assignment("scale", duedate=DUE.replace(tzinfo=None))
        told = Story(server, deep, staff, *(student(server, python, name, root) for name in ("student1", "student2")))
        instruct(told, other_staff)
        study(told)
        grade(told)
        yield told


def instruct(story: Story, other_staff: Person) -> None:
    story.said["release"] = story.staff.nbgrader("release_assignment", "scale")
    story.said["released twice"] = story.staff.nbgrader("release_assignment", "scale", status=1)
    other_staff.nbgrader("release_assignment", "scale")
    story.said["policy"] = story.staff.assay("policy", "scale", "--attempts", "2", "--grace", "10m")
    later = (DUE + timedelta(days=2)).isoformat()
    story.said["extension"] = story.staff.assay("extension", "scale", "student2", later, "--reason", "ill")


def study(story: Story) -> None:
    student1, student2 = story.student1, story.student2
    story.said["list"] = student1.nbgrader("list")
    story.said["no course"] = student1.nbgrader("fetch_assignment", "scale", status=1)
    story.said["fetch"] = student1.nbgrader("fetch_assignment", "scale", "--course", DEEP)
    student1.nbgrader("fetch_assignment", "scale", "--course", STATISTICS)
    (story.work(student1) / "link.txt").symlink_to("/etc/hostname")
    (story.work(student1) / "points.txt").unlink()
    story.answer(student1, SCALE_ANSWERS)
    story.said["submit"] = student1.nbgrader("submit", "scale", "--course", DEEP)
    story.answer(student1, WRONG)
    story.said["fetch again"] = student1.nbgrader("fetch_assignment", "scale", "--course", DEEP, status=1)
    story.said["replace"] = student1.nbgrader("fetch_assignment", "scale", "--course", DEEP, "--replace")
    student1.nbgrader("submit", "scale", "--course", DEEP)
    story.said["third"] = student1.nbgrader("submit", "scale", "--course", DEEP, status=1)
    story.said["whose"] = student1.nbgrader("submit", "scale", "--course", STATISTICS, "--student", "x", status=1)
    student2.nbgrader("fetch_assignment", "scale")  # the only course there is
    story.answer(student2, SCALE_ANSWERS)
    student2.nbgrader("submit", "scale")


def grade(story: Story) -> None:
    story.said["inbound"] = story.staff.nbgrader("list", "--inbound")
    story.said["collect"] = story.staff.nbgrader("collect", "scale")
    story.said["collect again"] = story.staff.nbgrader("collect", "scale", "--update")
    story.results = {result.student: result for result in grade_class(story.course, "scale")}
    story.said["release feedback"] = story.staff.nbgrader("release_feedback", "scale")
    story.said["released before"] = story.staff.nbgrader("release_feedback", "scale")
    story.said["fetch feedback"] = story.student1.nbgrader("fetch_feedback", "scale", "--course", DEEP)
    story.said["own"] = story.student1.nbgrader("list", "--cached")


@pytest.fixture
def acting(story, monkeypatch):
    """Be somebody in this process, in their folder."""

    def act(who: Person) -> None:
        monkeypatch.chdir(who.folder)
        monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
        for name, value in who.environment.items():
            monkeypatch.setenv(name, value)

    return act


@pytest.fixture
def api(story, acting) -> NbGraderAPI:
    """What formgrader asks, made anew for each request."""
    acting(story.staff)
    application = NbGrader()
    application.load_config_file()
    return NbGraderAPI(config=application.config)


@pytest.fixture
def assignment_list(story, acting):
    def of(who: Person) -> AssignmentList:
        acting(who)
        found = AssignmentList()
        found.root_dir = str(who.folder)
        return found

    return of


def attempts(story: Story, who: Person, course: str = DEEP) -> list[str]:
    """The times of somebody's attempts, as nbgrader writes them."""
    return [stamp(one.attempt.submitted) for one in story.client(who).attempts(course)]


def submitted(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_release_carries_the_due_date_of_the_gradebook(story):
    assert f"Released as: {DEEP} scale (due {DUE:%Y-%m-%d %H:%M}" in story.said["release"]
    assert "Destination already exists, add --force" in story.said["released twice"]
    assert "attempts" in story.said["policy"] and "0:10:00" in story.said["policy"]


def test_students_see_the_assignments_of_all_their_courses(story):
    lines = story.said["list"]
    assert f"{DEEP} scale (due {DUE:%Y-%m-%d %H:%M}" in lines
    assert "2 of 2 attempts left" in lines
    assert f"{STATISTICS} scale\n" in lines


def test_two_courses_may_use_the_same_name(story):
    assert f"Choose one of {DEEP}, {STATISTICS} with --course" in story.said["no course"]
    assert "points.txt" in submitted(story.work(story.student1))
    assert sorted(submitted(story.work(story.student1, STATISTICS))) == ["scale.ipynb"]


def test_fetching_again_changes_nothing_but_what_is_missing(story):
    assert "You already have a copy" in story.said["fetch again"]
    assert "Replacing missing file 'points.txt'" in story.said["replace"]
    assert "x - offset" in (story.work(story.student1) / "scale.ipynb").read_text()


def test_a_submission_ends_in_a_receipt_outside_of_the_folder(story):
    receipt = Path("receipts") / DEEP / "scale-1.json"
    assert f"Receipt: {receipt}. Keep it" in story.said["submit"]
    assert "attempt 1" in story.said["submit"] and ", late" in story.said["submit"]
    assert sorted(submitted(story.student1.folder / "receipts")) == [f"{DEEP}/scale-1.json", f"{DEEP}/scale-2.json"]
    taken = [[file.path for file in one.attempt.files] for one in story.client(story.student1).attempts(DEEP)]
    assert taken == [["scale.ipynb"], ["points.txt", "scale.ipynb"]]
    assert "'link.txt' is no plain file: it is left out" in story.said["submit"]


def test_a_receipt_is_verified_and_compared(story):
    receipts, work = f"receipts/{DEEP}", f"{DEEP}/scale"
    told = story.student1.assay("receipt", "verify", f"{receipts}/scale-2.json", "--folder", work)
    assert "nothing in it was changed" in told and "holds every file that was submitted" in told
    told = story.student1.assay("receipt", "verify", f"{receipts}/scale-1.json", "--folder", work, status=1)
    assert "scale.ipynb differs" in told and "is not what was submitted" in told
    forged = story.student1.folder / "forged.json"
    text = (story.student1.folder / receipts / "scale-1.json").read_text()
    forged.write_text(text.replace('"number": 1', '"number": 2'))
    assert "changed after the server signed it" in story.student1.assay("receipt", "verify", "forged.json", status=2)


def test_a_refusal_is_the_sentence_of_the_server(story):
    assert "All 2 attempts are used; this submission was not taken" in story.said["third"]
    assert "takes submissions of whoever is logged in" in story.said["whose"]
    assert len(attempts(story, story.student1)) == 2


def test_an_extension_counts_before_a_submission(story):
    assert "student2 may submit scale until" in story.said["extension"]
    listed = story.staff.assay("extension", "scale")
    assert "student2" in listed and "ill" in listed
    assert [one.attempt.late for one in story.client(story.student1).attempts(DEEP)] == [True, True]
    assert [one.attempt.late for one in story.client(story.student2).attempts(DEEP)] == [False]


def test_instructors_list_and_collect_the_latest_attempts(story):
    for words in ("student1 scale", "student2 scale", "attempt 2, late"):
        assert words in story.said["inbound"]
    assert "Collecting submission: student1 scale" in story.said["collect"]
    assert "No newer submission to collect: student2 scale" in story.said["collect again"]
    folder = story.course.submitted / "student1" / "scale"
    assert sorted(os.listdir(folder)) == ["points.txt", "scale.ipynb", "timestamp.txt"]
    assert (folder / "timestamp.txt").read_text() == attempts(story, story.student1)[-1]
    assert "x - offset" in (folder / "scale.ipynb").read_text()


def test_lateness_is_that_of_the_server(story):
    with Gradebook(f"sqlite:///{story.course.gradebook}") as gradebook:
        assert gradebook.find_submission("scale", "student1").total_seconds_late > 3600 - 60
        assert gradebook.find_submission("scale", "student2").total_seconds_late == 0
        assert gradebook.find_submission("scale", "student2").extension == timedelta(days=2)
    assert {name: result.late_penalty for name, result in story.results.items()} == {"student1": 4, "student2": 0}
    assert {name: result.points for name, result in story.results.items()} == {"student1": 0, "student2": 6}


def test_feedback_comes_to_the_attempt_that_was_graded(story):
    assert "Released feedback on attempt 2 of 'student1'" in story.said["release feedback"]
    assert "Feedback on attempt 1 of 'student2' on 'scale' is released already" in story.said["released before"]
    assert [one.feedback is not None for one in story.client(story.student1).attempts(DEEP)] == [False, True]
    place = story.work(story.student1) / "feedback" / attempts(story, story.student1)[-1] / "scale.html"
    assert f"Fetched feedback: {place}" in story.said["fetch feedback"]
    page = BeautifulSoup(place.read_text(), "html.parser").get_text()
    assert "shift(" in page and "expected" in page


def test_one_sees_only_ones_own_attempts(story):
    assert story.said["own"].count("student1 scale") == 2
    assert "student2" not in story.said["own"]


def test_the_assignment_list_of_a_student(story, assignment_list):
    found = assignment_list(story.student1)
    assert found.list_courses() == {"success": True, "value": [DEEP, STATISTICS]}
    listed = found.list_assignments(course_id=DEEP)
    assert listed["success"], listed
    fetched, handed_in = listed["value"]
    assert (fetched["status"], fetched["path"]) == ("fetched", f"{DEEP}/scale")
    (notebook,) = fetched["notebooks"]
    assert notebook["path"] == f"{DEEP}/scale/scale.ipynb"
    assert notebook["notebook_id"].startswith(f"scale (due {DUE:%Y-%m-%d %H:%M}")
    assert notebook["notebook_id"].endswith("0 of 2 attempts left)")
    first, second = handed_in["submissions"]
    times = attempts(story, story.student1)
    assert first["timestamp"] == f"{times[0]} (attempt 1, late, receipt receipts/{DEEP}/scale-1.json)"
    assert (first["has_exchange_feedback"], first["has_local_feedback"]) == (False, False)
    assert (second["has_exchange_feedback"], second["has_local_feedback"]) == (True, True)
    assert (second["feedback_updated"], second["local_feedback_path"]) == (False, f"{DEEP}/scale/feedback/{times[1]}")
    json.dumps(listed)


def test_the_assignment_list_shows_feedback_that_was_changed(story, assignment_list):
    page = story.work(story.student2) / "feedback" / attempts(story, story.student2)[0] / "scale.html"
    found = assignment_list(story.student2)
    assert found.fetch_feedback(DEEP, "scale") == {"success": True}
    page.write_text("an older page")
    (submission,) = found.list_submitted_assignments(DEEP)["value"][0]["submissions"]
    assert submission["feedback_updated"]
    found.fetch_feedback(DEEP, "scale")
    (submission,) = found.list_submitted_assignments(DEEP)["value"][0]["submissions"]
    assert (submission["has_local_feedback"], submission["feedback_updated"]) == (True, False)


def test_the_assignment_list_shows_a_refusal_readably(story, assignment_list):
    answer = assignment_list(story.student1).submit_assignment(DEEP, "scale")
    assert not answer["success"]
    assert answer["value"].splitlines()[-1].endswith("What you submitted before stays. Ask your instructor for more.")
    assert "During handling" not in answer["value"]


def test_the_assignment_list_names_a_server_that_is_away(story, assignment_list, monkeypatch):
    found = assignment_list(story.student1)
    monkeypatch.setenv("ASSAY_EXCHANGE_URL", "http://127.0.0.1:9/services/exchange")
    answer = found.list_assignments(course_id=DEEP)
    assert not answer["success"]
    assert "The exercise server at http://127.0.0.1:9/services/exchange cannot be reached" in answer["value"]


def test_formgrader_sees_the_exchange(story, api):
    assert api.exchange_is_functional
    assert api.get_released_assignments() == {"scale"}
    assignment = api.get_assignment("scale")
    assert (assignment["status"], assignment["num_submissions"]) == ("released", 2)
    assert api.get_autograded_students("scale") == {"student1", "student2"}
    assert [one["name"] for one in api.get_assignments()] == ["scale"]
    assert len(api.get_submissions("scale")) == 2


def test_formgraders_buttons_work(story, api):
    for answer in (api.collect("scale"), api.release_feedback("scale"), api.release_feedback("scale", "student1")):
        assert answer["success"], answer
    assert api.unrelease("scale")["success"]
    assert api.get_released_assignments() == set()
    assert story.client(story.student1).assignments(DEEP) == ()
    assert api.release_assignment("scale")["success"]
    again = api.release_assignment("scale")
    assert not again["success"]
    assert "Destination already exists" in again["error"]
    policy = story.client(story.student1).assignment(DEEP, "scale").assignment.policy
    assert (policy.due, policy.attempts, policy.grace) == (DUE, 2, timedelta(minutes=10))


def test_a_corrected_release_keeps_the_due_date_that_students_were_told(story):
    later = DUE + timedelta(days=30)
    story.staff.assay("policy", "scale", "--due", later.isoformat())
    assert "to change the due date, use assay policy scale" in story.staff.nbgrader(
        "release_assignment", "scale", "--force"
    )
    assert story.client(story.student1).assignment(DEEP, "scale").due == later
    story.staff.assay("policy", "scale", "--due", DUE.isoformat())


def test_formgrader_says_that_the_server_is_away(story, acting, monkeypatch):
    acting(story.staff)
    monkeypatch.setenv("ASSAY_EXCHANGE_URL", "http://127.0.0.1:9/services/exchange")
    application = NbGrader()
    application.load_config_file()
    assert not NbGraderAPI(config=application.config).exchange_is_functional


def test_submissions_are_not_removed(story):
    assert "never removed" in story.staff.nbgrader("list", "--inbound", "--remove", status=1)
    assert len(attempts(story, story.student1)) == 2


def test_students_cannot_do_what_instructors_can(story):
    assert "not_allowed" not in story.student2.nbgrader("list", "--remove", "--course", DEEP, status=1)
    for command in (("policy", "scale", "--attempts", "9", "--course-name", DEEP), ("extension", "scale")):
        story.student2.assay(*command, status=2)
    assert story.client(story.student2).assignment(DEEP, "scale").assignment.policy.attempts == 2


def test_the_handlers_of_the_assignment_list_answer(story):
    """In a real Jupyter server, as JupyterLab asks them."""
    token, port = secrets.token_hex(16), free_port()
    who = story.student2
    command = [
        sys.executable, "-m", "jupyter_server", "--allow-root", "--ServerApp.open_browser=False",
        "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={who.folder}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.assignment_list': True}",
    ]  # fmt: skip
    environment = {**os.environ, **who.environment, "PYTHONPATH": str(ROOT)}
    log = who.folder.parent / "jupyter.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=who.folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            address, headers = f"http://127.0.0.1:{port}", {"Authorization": f"token {token}"}
            await_answer(f"{address}/courses", headers, process, log)
            courses = requests.get(f"{address}/courses", headers=headers, timeout=60).json()
            assert courses == {"success": True, "value": [DEEP]}
            asked = {"course_id": DEEP, "assignment_id": "scale"}
            listed = requests.get(f"{address}/assignments", params=asked, headers=headers, timeout=60).json()
            assert [one["status"] for one in listed["value"]] == ["fetched", "submitted"]
            submitted = requests.post(f"{address}/assignments/submit", json=asked, headers=headers, timeout=60).json()
            assert submitted["success"], submitted
            assert len(submitted["value"][1]["submissions"]) == 2
            refused = requests.post(f"{address}/assignments/submit", json=asked, headers=headers, timeout=60).json()
            assert "All 2 attempts are used" in refused["value"]
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_answer(address: str, headers: dict[str, str], process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        try:
            requests.get(address, headers=headers, timeout=60).raise_for_status()
            return
        except requests.RequestException:
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())
