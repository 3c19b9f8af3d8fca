"""The client of the exercise server against a real one, and against what else may answer."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import ExchangeError, Refusal
from assay.exchange.client import Client
from assay.exchange.folders import packed, write_folder
from assay.exchange.policy import Extension, Policy
from assay.exchange.receipts import read_public_key, verify
from assay.exchange.records import State
from tests.support.exchange_server import Running, exchange_server, tar, token_of

COURSE = "deep-learning"
DUE = datetime(2100, 1, 1, tzinfo=UTC)
FILES = {"homework.ipynb": b"{}", "data/numbers.csv": b"1,2\n" * 100_000}


@pytest.fixture
def server(tmp_path) -> Iterator[Running]:
    with exchange_server(tmp_path) as running:
        yield running


def client(server: Running, who: str) -> Client:
    return Client(server.url, token_of(who))


def archive(files: dict[str, bytes] = FILES) -> io.BytesIO:
    return io.BytesIO(tar(files))


@pytest.fixture
def released(server) -> Running:
    client(server, "instructor1").release(COURSE, "homework", archive(), {"due": DUE.isoformat(), "attempts": "2"})
    return server


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The address of something that sends this to whoever connects, once, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            listener.close()  # who tries again finds nobody
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        address = f"http://127.0.0.1:{listener.getsockname()[1]}/services/exchange"
        thread = threading.Thread(target=run)
        thread.start()
        yield address
        thread.join()


def http(status: str, body: bytes, *, length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_environment_names_server_and_user():
    found = Client.from_environment({"ASSAY_EXCHANGE_URL": "https://hub/x/", "JUPYTERHUB_API_TOKEN": "t"})
    assert found == Client("https://hub/x", "t")
    for environ in ({}, {"ASSAY_EXCHANGE_URL": "file:///etc"}):
        with pytest.raises(ExchangeError, match="ASSAY_EXCHANGE_URL names no exercise server"):
            Client.from_environment(environ)


def test_courses_and_roles(server):
    assert [(one.course, one.role) for one in client(server, "student1").courses()] == [(COURSE, "student")]
    assert [(one.course, one.role) for one in client(server, "service-statistics").courses()] == [
        ("statistics", "instructor")
    ]


def test_an_assignment_and_its_rules(released):
    found = client(released, "student1").assignment(COURSE, "homework")
    assert client(released, "student1").assignments(COURSE) == (found,)
    assert found.assignment.policy == Policy(due=DUE, attempts=2)
    assert (found.due, found.attempts_used, found.attempts_left) == (DUE, 0, 2)
    assert (found.released, found.assignment.withdrawn, found.extension) == (True, False, None)
    assert [file.path for file in found.files] == sorted(FILES)


def test_what_is_not_said_at_a_release_stays(released):
    again = client(released, "instructor1").release(COURSE, "homework", archive({"a": b"1"}), {})
    assert again.assignment.policy == Policy(due=DUE, attempts=2)
    assert [file.path for file in again.files] == ["a"]


def test_rules_are_changed_and_taken_away(released):
    instructor = client(released, "instructor1")
    changed = instructor.change_policy(COURSE, "homework", {"due": None, "grace_seconds": 90, "late": "refuse"})
    assert changed.assignment.policy == Policy(attempts=2, grace=timedelta(seconds=90), late="refuse")
    instructor.withdraw(COURSE, "homework")
    assert instructor.assignment(COURSE, "homework").assignment.withdrawn
    assert client(released, "student1").assignments(COURSE) == ()


def test_files_arrive_as_they_are(released, tmp_path):
    student = client(released, "student1")
    manifest = student.assignment(COURSE, "homework").files
    with student.assignment_files(COURSE, "homework", manifest) as files:
        write_folder(tmp_path / "mine", ((file.path, blocks) for file, blocks in files))
    assert files_in(tmp_path / "mine") == FILES


def test_files_that_were_not_announced_are_refused(released, tmp_path):
    student = client(released, "student1")
    manifest = student.assignment(COURSE, "homework").files
    client(released, "instructor1").release(COURSE, "homework", archive({**FILES, "homework.ipynb": b"[]"}), {})
    with (
        pytest.raises(ExchangeError, match=r"homework.ipynb arrived damaged. Try again"),
        student.assignment_files(COURSE, "homework", manifest) as files,
    ):
        write_folder(tmp_path / "mine", ((file.path, blocks) for file, blocks in files))
    with (
        pytest.raises(ExchangeError, match=r"was not announced"),
        student.assignment_files(COURSE, "homework", manifest[1:]) as files,
    ):
        assert not [*files]
    assert not (tmp_path / "mine").exists()


def test_extensions(released):
    instructor = client(released, "instructor1")
    more = Extension("student1", DUE + timedelta(days=7), "ill")
    instructor.extend(COURSE, "homework", more)
    assert instructor.extensions(COURSE, "homework") == (more,)
    seen = client(released, "student1").assignment(COURSE, "homework")
    assert seen.due == more.until
    assert seen.extension is not None and seen.extension.reason == "ill"
    instructor.take_extension_back(COURSE, "homework", "student1")
    assert instructor.extensions(COURSE, "homework") == ()


def test_a_submission_and_its_receipt(released, tmp_path):
    student = client(released, "student1")
    write_folder(tmp_path / "work", ((path, [content]) for path, content in FILES.items()))
    with packed(tmp_path / "work", sorted(FILES)) as parcel:
        taken, text = student.submit(COURSE, "homework", parcel.archive)
    receipt = verify(read_public_key(Client(released.url, "").key()), text)
    assert receipt.files == parcel.manifest == taken.attempt.files
    assert student.receipt(taken.attempt.id) == text
    assert (taken.attempt.number, taken.attempt.student, taken.attempt.late) == (1, "student1", False)
    assert taken.state == State("received")
    assert student.attempts(COURSE) == student.attempts(COURSE, "homework") == (student.attempt(taken.attempt.id),)
    with student.attempt_files(taken.attempt.id, taken.attempt.files) as files:
        write_folder(tmp_path / "back", ((file.path, blocks) for file, blocks in files))
    assert files_in(tmp_path / "back") == FILES


def test_an_instructor_sees_the_attempts_of_all_or_of_one(released):
    for who in ("student1", "student2"):
        client(released, who).submit(COURSE, "homework", archive())
    instructor = client(released, "instructor1")
    assert [one.attempt.student for one in instructor.attempts(COURSE)] == ["student1", "student2"]
    assert [one.attempt.student for one in instructor.attempts(COURSE, student="student2")] == ["student2"]


def test_feedback(released, tmp_path):
    taken, _ = client(released, "student1").submit(COURSE, "homework", archive())
    client(released, "instructor1").give_feedback(taken.attempt.id, archive({"homework.html": b"<p>well done</p>"}))
    student = client(released, "student1")
    now = student.attempt(taken.attempt.id)
    assert now.feedback is not None and now.feedback.released
    with student.feedback_files(taken.attempt.id, now.feedback.files) as files:
        write_folder(tmp_path / "feedback", ((file.path, blocks) for file, blocks in files))
    assert files_in(tmp_path / "feedback") == {"homework.html": b"<p>well done</p>"}


@pytest.mark.parametrize(
    ("who", "code"), [("nobody", "unknown_course"), ("student3", "unknown_course"), ("stranger", "no_token")]
)
def test_a_refusal_keeps_the_words_of_the_server(released, who, code):
    with pytest.raises(Refusal) as caught:
        client(released, who).assignments(COURSE)
    said = released.call("GET", f"/courses/{COURSE}/assignments", who).json()
    assert {"code": caught.value.code, "error": str(caught.value)} == said
    assert caught.value.code == code


def test_attempts_run_out(released):
    student = client(released, "student1")
    for _ in range(2):
        student.submit(COURSE, "homework", archive())
    with pytest.raises(Refusal, match="All 2 attempts are used"):
        student.submit(COURSE, "homework", archive())


def test_an_upload_that_is_too_large_is_refused_with_the_words_of_the_server(tmp_path):
    with exchange_server(tmp_path, upload_bytes=100_000) as server:
        client(server, "instructor1").release(COURSE, "homework", archive({"a": b"1"}), {})
        with pytest.raises(Refusal, match="larger than 100,000 bytes"):
            client(server, "student1").submit(COURSE, "homework", archive({"a": b"x" * 5_000_000}))


def test_a_server_that_does_not_run_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    for call in (Client(url, "t").courses, lambda: Client(url, "t").submit(COURSE, "homework", archive())):
        with pytest.raises(ExchangeError, match=rf"{url} cannot be reached. Nothing was done"):
            call()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",  # of a proxy that lost the server on the way
    ],
)
def test_a_submission_whose_answer_is_lost_is_not_sent_again(answer):
    with (
        answering(answer) as url,
        pytest.raises(ExchangeError, match="broke before it answered. Whether .* is not known"),
    ):
        Client(url, "t").submit(COURSE, "homework", archive({"a": b"1"}))


def test_reading_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for answer in (b"", http("503 Service Unavailable", b""), http("200 OK", b"[]")):  # while a service starts
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        assert Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "t").courses() == ()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("200 OK", b"<html>log in</html>"), "no exercise server .200 OK"),
        (http("302 Found", b""), "no exercise server .302 Found"),
        (http("404 Not Found", b'{"status": 404}'), "no exercise server .404 Not Found"),
        (http("200 OK", b'[{"role": "student"}]'), "is not understood here .KeyError: 'name'"),
    ],
)
def test_something_else_that_answers_is_not_taken_for_the_server(answer, words):
    with answering(answer) as url, pytest.raises(ExchangeError, match=words):
        Client(url, "t").courses()


def test_neither_a_proxy_nor_netrc_comes_between(released, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert client(released, "student1").courses()


def test_an_archive_that_breaks_off_is_not_taken_for_a_whole_one(released, tmp_path):
    manifest = client(released, "student1").assignment(COURSE, "homework").files
    data = tar(FILES)
    for cut in (0, 100, 512, len(data) // 2):
        with (
            answering(http("200 OK", data[:cut], length=len(data))) as url,
            pytest.raises(ExchangeError),
            Client(url, "t").assignment_files(COURSE, "homework", manifest) as files,
        ):
            write_folder(tmp_path / "mine", ((file.path, blocks) for file, blocks in files))
        assert not (tmp_path / "mine").exists(), cut
