"""`nbgrader submit` when something fails after the server has taken a submission."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError as ShownByNbgrader

from assay.exchange import store
from assay.exchange.client import Client
from assay.exchange.nbgrader_submit import HttpSubmit
from tests.support.exchange_server import Running, exchange_server, tar, token_of

COURSE = "deep-learning"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """With an assignment that can be submitted once, fetched by student1 into the folder they are in."""
    (tmp_path / "state").mkdir()
    work = tmp_path / "home" / COURSE / "homework"
    work.mkdir(parents=True)
    (work / "homework.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path / "home")
    with exchange_server(tmp_path / "state") as running:
        monkeypatch.setenv("ASSAY_EXCHANGE_URL", running.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token_of("student1"))
        monkeypatch.setenv("JUPYTERHUB_USER", "student1")
        files = io.BytesIO(tar({"homework.ipynb": b"{}"}))
        Client(running.url, token_of("instructor1")).release(COURSE, "homework", files, {"attempts": "1"})
        yield running


def test_who_has_no_room_for_the_receipt_is_told_that_the_submission_was_taken(server: Running) -> None:
    Path("receipts").write_text("")  # as where the disk is full: nothing can be written there
    coursedir = CourseDirectory(course_id=COURSE, assignment_id="homework")
    with pytest.raises(ShownByNbgrader, match="Attempt 1 was taken.*receipts.* cannot be written"):
        HttpSubmit(coursedir=coursedir).start()
    assert len(store.attempts(server.exchange.engine, COURSE, student="student1")) == 1
