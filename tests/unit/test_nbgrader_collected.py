"""An attempt laid out for grading: whoever is in time for the server is in time for nbgrader."""

import io
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError as ShownByNbgrader

from assay.errors import ExchangeError, GradebookError
from assay.exchange import store
from assay.exchange.client import Client
from assay.exchange.nbgrader_collect import HttpCollect
from assay.exchange.nbgrader_collected import in_time_until, note_due, write_attempt
from assay.exchange.policy import Extension, Policy
from assay.exchange.records import Attempt
from assay.exchange.tar import received
from tests.support.exchange_server import Running, exchange_server, tar, token_of

DUE = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
POLICY = Policy(due=DUE, grace=10 * MINUTE)
MORE = Extension("student1", DUE + 24 * HOUR)


def attempt(submitted: datetime) -> Attempt:
    return Attempt("0" * 32, "deep-learning", "homework", "student1", 1, submitted, (), "", False)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A gradebook with the assignment; making one takes nbgrader seconds."""
    path = tmp_path_factory.mktemp("made") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # it calls alembic
        with Gradebook(f"sqlite:///{path}") as gradebook:
            gradebook.add_assignment("homework")
    return path


@pytest.fixture
def url(made, tmp_path) -> str:
    shutil.copy(made, tmp_path)
    return f"sqlite:///{tmp_path / made.name}"


def seconds_late(url: str, submitted: datetime) -> float:
    """As nbgrader counts when it grades a submission of that time."""
    with Gradebook(url) as gradebook:
        gradebook.update_or_create_student("student1")
        time = submitted.replace(tzinfo=None)
        with gradebook.db.no_autoflush:
            submission = gradebook.update_or_create_submission("homework", "student1", timestamp=time)
        return float(submission.total_seconds_late)


@pytest.mark.parametrize(
    ("extension", "submitted", "late"),
    [
        (None, DUE - HOUR, 0),
        (None, DUE, 0),
        (None, DUE + 10 * MINUTE, 0),  # the grace
        (None, DUE + 11 * MINUTE, 11 * 60),  # whoever misses it has none
        (MORE, DUE + HOUR, 0),
        (MORE, MORE.until + 10 * MINUTE, 0),
        (MORE, MORE.until + HOUR, 3600),
        (Extension("student1", DUE - HOUR), DUE + HOUR, 3600),  # changes nothing
    ],
)
def test_lateness_in_the_gradebook_is_that_of_the_exchange(url, extension, submitted, late):
    assert note_due(url, attempt(submitted), POLICY, extension)
    assert seconds_late(url, submitted) == late
    assert (in_time_until(submitted, POLICY, extension) >= submitted) == (late == 0)


def test_an_extension_counts_for_a_submission_that_was_graded_before_and_can_be_taken_back(url):
    late = DUE + HOUR
    note_due(url, attempt(late), POLICY, None)
    assert seconds_late(url, late) == 3600
    assert not note_due(url, attempt(late), POLICY, MORE)
    assert seconds_late(url, late) == 0
    note_due(url, attempt(late), POLICY, None)
    assert seconds_late(url, late) == 3600


def test_the_due_date_of_the_exchange_replaces_that_of_the_gradebook(url):
    with Gradebook(url) as gradebook:
        gradebook.update_or_create_assignment("homework", duedate=datetime(2026, 1, 1))
    assert note_due(url, attempt(DUE), POLICY, None)
    with Gradebook(url) as gradebook:
        assert gradebook.find_assignment("homework").duedate == DUE.replace(tzinfo=None)


def test_without_a_due_date_the_gradebook_stays_as_it_is(url):
    with Gradebook(url) as gradebook:
        gradebook.update_or_create_assignment("homework", duedate=datetime(2026, 1, 1))
    assert not note_due(url, attempt(DUE), Policy(), MORE)
    with Gradebook(url) as gradebook:
        assert gradebook.find_assignment("homework").duedate == datetime(2026, 1, 1)
        assert gradebook.students == []


def test_an_assignment_that_the_gradebook_does_not_know_is_left_to_grading(url):
    with Gradebook(url) as gradebook:
        gradebook.remove_assignment("homework")
    assert not note_due(url, attempt(DUE), POLICY, MORE)


def test_a_gradebook_that_cannot_be_written_is_named(made, tmp_path):
    (tmp_path / "gradebook.db").write_bytes(made.read_bytes()[:4096] + b"x" * 40960)
    with pytest.raises(GradebookError, match="student1 for homework were not noted"):
        note_due(f"sqlite:///{tmp_path / 'gradebook.db'}", attempt(DUE), POLICY, MORE)


def test_the_time_is_the_servers_whatever_was_submitted(tmp_path):
    folder = tmp_path / "submitted" / "student1" / "homework"
    contents = [("a.ipynb", [b"{", b"}"]), ("timestamp.txt", [b"2001-01-01 00:00:00 UTC"])]
    write_attempt(folder, attempt(DUE + timedelta(microseconds=1)), contents)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "a.ipynb": "{}",
        "timestamp.txt": "2026-11-30 12:00:00.000001 UTC",
    }
    write_attempt(folder, attempt(DUE), [("timestamp.txt/deep", [b""])])
    assert [path.name for path in folder.iterdir()] == ["timestamp.txt"]


def test_an_attempt_that_cannot_be_laid_out_leaves_the_one_before(tmp_path):
    folder = Path(tmp_path / "homework")
    write_attempt(folder, attempt(DUE), [("a.ipynb", [b"first"])])

    def damaged():
        yield "a.ipynb", [b"second"]
        raise ExchangeError("The file is damaged.")

    with pytest.raises(ExchangeError, match="damaged"):
        write_attempt(folder, attempt(DUE), damaged())
    assert (folder / "a.ipynb").read_bytes() == b"first"


@pytest.fixture
def server(tmp_path, url, monkeypatch) -> Iterator[Running]:
    """With attempts in time, in the grace, and late."""
    (tmp_path / "state").mkdir()
    with exchange_server(tmp_path / "state") as running:
        monkeypatch.setenv("ASSAY_EXCHANGE_URL", running.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token_of("instructor1"))
        rules = {"due": DUE.isoformat(), "grace_seconds": "600"}
        instructor = Client(running.url, token_of("instructor1"))
        instructor.release("deep-learning", "homework", io.BytesIO(tar({"homework.ipynb": b"{}"})), rules)
        for moment, text in ((DUE - HOUR, b"early"), (DUE + 5 * MINUTE, b"grace"), (DUE + HOUR, b"late")):
            with received(io.BytesIO(tar({"homework.ipynb": text})), running.exchange.blobs) as upload:
                store.submit(running.exchange.engine, "deep-learning", "homework", "student1", upload, moment)
        yield running


def collect(root: Path, **options: bool) -> bytes:
    """What lies in submitted/ afterwards."""
    coursedir = CourseDirectory(root=str(root), course_id="deep-learning", assignment_id="homework")
    HttpCollect(coursedir=coursedir, **options).start()
    return (root / "submitted" / "student1" / "homework" / "homework.ipynb").read_bytes()


def lateness(url: str) -> float:
    with Gradebook(url) as gradebook:
        return float(gradebook.find_submission("homework", "student1").total_seconds_late)


def test_the_last_attempt_is_collected_or_the_last_in_time(server, url, tmp_path):
    assert collect(tmp_path) == b"late"
    assert collect(tmp_path, before_duedate=True) == b"grace"
    assert collect(tmp_path) == b"grace"  # nothing is replaced that is there
    assert collect(tmp_path, update=True) == b"late"
    instructor = Client(server.url, token_of("instructor1"))
    instructor.extend("deep-learning", "homework", Extension("student1", DUE + 2 * HOUR))
    assert collect(tmp_path, before_duedate=True) == b"late"


def test_until_when_it_was_in_time_is_noted_of_the_attempt_that_lies_there(server, url, tmp_path):
    assert collect(tmp_path, before_duedate=True) == b"grace"
    assert seconds_late(url, DUE + 5 * MINUTE) == 0
    assert collect(tmp_path) == b"grace"  # though there is a later one
    assert lateness(url) == 0
    assert collect(tmp_path, update=True) == b"late"
    assert seconds_late(url, DUE + HOUR) == 3600
    Client(server.url, token_of("instructor1")).extend("deep-learning", "homework", MORE)
    assert collect(tmp_path) == b"late"
    assert lateness(url) == 0


def test_a_due_date_in_the_last_year_has_no_end_of_its_grace(server, tmp_path):
    instructor = Client(server.url, token_of("instructor1"))
    instructor.change_policy("deep-learning", "homework", {"due": "9999-12-31T23:59:59Z"})
    assert collect(tmp_path, before_duedate=True) == b"late"


def test_one_attempt_that_is_damaged_on_the_server_keeps_nobody_else_from_being_collected(server, tmp_path, caplog):
    exchange = server.exchange
    with received(io.BytesIO(tar({"homework.ipynb": b"whole"})), exchange.blobs) as upload:
        store.submit(exchange.engine, "deep-learning", "homework", "student2", upload, DUE)
    last = store.attempts(exchange.engine, "deep-learning", student="student1")[-1].files[0].sha256
    (exchange.blobs.folder / last[:2] / last).unlink()
    coursedir = CourseDirectory(root=str(tmp_path), course_id="deep-learning", assignment_id="homework")
    with pytest.raises(ShownByNbgrader, match="student1 .*not collected"):
        HttpCollect(coursedir=coursedir).start()
    assert "attempt 3 of student1" in caplog.text
    assert (tmp_path / "submitted" / "student2" / "homework" / "homework.ipynb").read_bytes() == b"whole"


def test_a_server_that_went_away_is_named_once(server, tmp_path, monkeypatch):
    coursedir = CourseDirectory(root=str(tmp_path), course_id="deep-learning", assignment_id="homework")
    collecting = HttpCollect(coursedir=coursedir)
    collecting.init_src()
    monkeypatch.setattr(collecting, "client", Client("http://127.0.0.1:9", ""))
    with pytest.raises(ExchangeError, match="cannot be reached"):
        collecting.copy_files()
