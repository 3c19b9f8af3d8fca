"""The rules of an assignment as they look over HTTP: release, due dates, extensions, attempts, feedback, receipts."""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from assay.errors import ExchangeError, JobError
from assay.exchange import store
from assay.exchange.receipts import read_public_key, verify
from assay.exchange.records import State
from assay.exchange.tar import received
from tests.support.exchange_server import Running, archive_of, exchange_server, tar

COURSE = "/courses/deep-learning"
PATH = f"{COURSE}/assignments/homework"
DAY = timedelta(days=1)
FILES = {"homework.ipynb": "{}"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with exchange_server(tmp_path) as server:
        yield server


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> datetime:
    return datetime.now(UTC)


def release(server: Running, files: Mapping[str, str] = FILES, **rules: object) -> Any:
    answer = server.call("PUT", PATH, "instructor1", data=tar(files), params=rules)
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(server: Running, **rules: object) -> Any:
    answer = server.call("PATCH", PATH, "instructor1", json=rules)
    assert answer.status_code == 200, answer.text
    return answer.json()


def extend(server: Running, student: str, until: datetime, **more: str) -> requests.Response:
    return server.call("PUT", f"{PATH}/extensions/{student}", "instructor1", json={"until": text(until), **more})


def submit(server: Running, who: str = "student1", files: Mapping[str, str] = FILES) -> requests.Response:
    return server.call("POST", f"{PATH}/attempts", who, data=tar(files))


def attempt(server: Running, who: str = "student1", files: Mapping[str, str] = FILES) -> Any:
    answer = submit(server, who, files)
    assert answer.status_code == 201, answer.text
    return answer.json()["attempt"]


def seen(server: Running, who: str = "student1") -> Any:
    return server.call("GET", PATH, who).json()


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_what_is_not_said_stays_as_it_was(server: Running) -> None:
    due = text(now() + DAY)
    first = release(server)
    assert [first[name] for name in ("release", "due", "grace_seconds", "attempts", "late")] == [
        None,
        None,
        0,
        None,
        "accept",
    ]
    rules = release(server, due=due, grace_seconds=90.5, attempts=3, late="refuse")
    kept = ("due", "grace_seconds", "attempts", "late")
    assert [rules[name] for name in kept] == [due, 90.5, 3, "refuse"]
    assert [release(server, {"other": "1"})[name] for name in kept] == [due, 90.5, 3, "refuse"]
    assert [release(server, attempts="")[name] for name in kept] == [due, 90.5, None, "refuse"]
    assert [change(server, late=None, attempts=2)[name] for name in kept] == [due, 90.5, 2, "accept"]
    assert [change(server, due=None, grace_seconds=None)[name] for name in kept] == [None, 0, 2, "accept"]


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ({"due": "tomorrow"}, "bad_time"),
        ({"due": "2026-11-30T12:00:00"}, "bad_time"),
        ({"due": "0001-01-01T00:00:00+14:00"}, "bad_time"),
        ({"due": 5}, "bad_request"),
        ({"grace_seconds": -1}, "bad_policy"),
        ({"grace_seconds": 1e300}, "bad_request"),
        ({"grace_seconds": "1 day"}, "bad_request"),
        ({"grace_seconds": True}, "bad_request"),
        ({"attempts": 0}, "bad_policy"),
        ({"attempts": 1.5}, "bad_policy"),
        ({"attempts": True}, "bad_policy"),
        ({"attempts": 10**12}, "bad_policy"),
        ({"late": "sometimes"}, "bad_policy"),
        ({"late": ["refuse"]}, "bad_request"),
        ({"deadline": "2026-11-30T12:00:00Z"}, "bad_request"),
        ([], "bad_request"),
        ("late", "bad_request"),
    ],
)
def test_rules_that_make_no_sense_change_nothing(server: Running, rules: Any, word: str) -> None:
    before = release(server, attempts=3)
    assert code(server.call("PATCH", PATH, "instructor1", json=rules)) == (422, word)
    assert seen(server, "instructor1") == before


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"late": NaN}', b"\xff", b"[" * 60_000, b'{"attempts": ' + b"9" * 10_000 + b"}", b'{"\\ud800": 1}'],
)
def test_a_body_that_is_no_json_is_refused(server: Running, body: bytes) -> None:
    release(server)
    assert code(server.call("PATCH", PATH, "instructor1", data=body)) == (422, "bad_request")


def test_a_json_body_has_a_limit(server: Running) -> None:
    release(server)
    assert code(server.call("PATCH", PATH, "instructor1", data=b" " * 70_000)) == (413, "too_large")
    assert code(server.call("GET", PATH, data=b" " * 70_000)) == (413, "too_large")


@pytest.mark.parametrize("query", ["?due=1&due=2", "?attempts=x", "?grace_seconds=nan", "?late=%ff", "?dew="])
def test_a_query_that_makes_no_sense_releases_nothing(server: Running, query: str) -> None:
    answer = server.call("PUT", PATH + query, "instructor1", data=tar(FILES))
    assert code(answer) == (422, "bad_request")
    assert server.call("GET", PATH, "instructor1").status_code == 404
    assert not [path for path in server.exchange.blobs.folder.rglob("*") if path.is_file()]


def test_before_its_release_an_assignment_is_announced_without_its_files(server: Running) -> None:
    release(server, release=text(now() + DAY))
    assert server.call("GET", f"{COURSE}/assignments").json() == [seen(server)]
    assert (seen(server)["released"], seen(server)["files"]) == (False, [])
    assert code(server.call("GET", f"{PATH}/files")) == (409, "not_released")
    assert code(submit(server)) == (409, "not_released")
    for_staff = seen(server, "instructor1")
    assert not for_staff["released"] and [file["path"] for file in for_staff["files"]] == ["homework.ipynb"]
    assert archive_of(server.call("GET", f"{PATH}/files", "instructor1").content) == {"homework.ipynb": b"{}"}
    change(server, release=text(now()))
    assert seen(server)["released"] and seen(server)["files"] == for_staff["files"]
    assert archive_of(server.call("GET", f"{PATH}/files").content) == {"homework.ipynb": b"{}"}
    assert submit(server).status_code == 201


def test_a_withdrawn_assignment_is_gone_for_students_and_their_attempts_stay(server: Running) -> None:
    release(server)
    number = attempt(server)["id"]
    assert server.call("DELETE", PATH, "instructor1").json()["withdrawn"]
    assert server.call("GET", f"{COURSE}/assignments").json() == []
    for path in (PATH, f"{PATH}/files", f"{PATH}/attempts"):
        assert code(server.call("GET", path)) == (404, "unknown_assignment")
    assert code(submit(server)) == (404, "unknown_assignment")
    assert server.call("GET", f"/attempts/{number}").status_code == 200
    assert [one["id"] for one in server.call("GET", f"{COURSE}/attempts").json()] == [number]
    (for_staff,) = server.call("GET", f"{COURSE}/assignments", "instructor1").json()
    assert for_staff["withdrawn"] and not for_staff["released"]
    assert server.call("GET", f"{PATH}/files", "instructor1").status_code == 200
    assert not release(server)["withdrawn"]
    assert submit(server).status_code == 201


def test_late_is_accepted_or_refused_and_grace_is_not_late(server: Running) -> None:
    release(server, due=text(now() - DAY / 2), grace_seconds=DAY.total_seconds())
    assert not attempt(server)["late"]
    change(server, grace_seconds=0)
    assert attempt(server)["late"]
    change(server, late="refuse")
    answer = submit(server)
    assert code(answer) == (409, "deadline_over") and "extension" in answer.json()["error"]
    assert len(server.call("GET", f"{PATH}/attempts").json()) == 2


def test_an_extension_counts_for_one_student_also_before_a_submission(server: Running) -> None:
    release(server, due=text(now() - DAY), late="refuse")
    until = now() + DAY
    answer = extend(server, "student1", until, reason="ill")
    assert answer.json() == {"student": "student1", "until": text(until), "reason": "ill"}
    mine, others = seen(server), seen(server, "student2")
    assert (mine["extension"], mine["due_for_you"]) == ({"until": text(until), "reason": "ill"}, text(until))
    assert (others["extension"], others["due_for_you"]) == (None, others["due"])
    assert not attempt(server)["late"] and code(submit(server, "student2")) == (409, "deadline_over")
    extensions = f"{PATH}/extensions"
    assert server.call("GET", extensions, "instructor1").json() == [answer.json()]
    assert server.call("GET", f"{extensions}/student1", "instructor1").json() == answer.json()
    assert code(server.call("GET", f"{extensions}/student2", "instructor1")) == (404, "unknown_extension")
    assert server.call("DELETE", f"{extensions}/student1", "instructor1").content == b""
    assert code(server.call("DELETE", f"{extensions}/student1", "instructor1")) == (404, "unknown_extension")
    assert code(submit(server)) == (409, "deadline_over")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "bad_request"),
        ({"until": None}, "bad_request"),
        ({"until": "soon"}, "bad_time"),
        ({"until": "2999-01-01T00:00:00Z", "reason": 1}, "bad_request"),
        ({"until": "2999-01-01T00:00:00Z", "reason": "x" * 1001}, "bad_request"),
        ({"until": "2999-01-01T00:00:00Z", "reason": "\ud800"}, "bad_request"),
        ({"until": "2999-01-01T00:00:00Z", "reason": "\0"}, "bad_request"),
        ({"until": "2999-01-01T00:00:00Z", "reason": "two\nlines"}, "bad_request"),
        ({"until": "2999-01-01T00:00:00Z", "why": "ill"}, "bad_request"),
    ],
)
def test_an_extension_that_makes_no_sense_is_refused(server: Running, given: Any, word: str) -> None:
    release(server)
    path = f"{PATH}/extensions"
    assert code(server.call("PUT", f"{path}/student1", "instructor1", json=given)) == (422, word)
    assert server.call("GET", path, "instructor1").json() == []


def test_attempts_are_counted_and_limited(server: Running) -> None:
    release(server, attempts=2)
    for used in (0, 1):
        assert (seen(server)["attempts_used"], seen(server)["attempts_left"]) == (used, 2 - used)
        assert attempt(server, files={"homework.ipynb": str(used)})["number"] == used + 1
    assert code(submit(server)) == (409, "no_attempts_left")
    assert attempt(server, "student2")["number"] == 1
    (listed,) = server.call("GET", f"{COURSE}/assignments").json()
    assert (listed["attempts_used"], listed["attempts_left"]) == (2, 0)


def test_students_list_their_own_attempts_and_instructors_all(server: Running) -> None:
    release(server)
    mine, others = attempt(server), attempt(server, "student2")
    for path in (f"{PATH}/attempts", f"{COURSE}/attempts"):
        assert server.call("GET", path).json() == [mine]
        assert server.call("GET", path, params={"student": "student1"}).json() == [mine]
        assert code(server.call("GET", path, params={"student": "student2"})) == (403, "not_allowed")
        assert server.call("GET", path, "instructor1").json() == [mine, others]
        assert server.call("GET", path, "instructor1", params={"student": "student2"}).json() == [others]
        assert server.call("GET", path, "instructor1", params={"student": "nobody"}).json() == []


def test_a_receipt_is_signed_given_again_and_belongs_to_the_public_key(server: Running) -> None:
    release(server)
    answer = submit(server).json()
    again = server.call("GET", f"/attempts/{answer['attempt']['id']}/receipt")
    assert again.text == answer["receipt"]
    key = read_public_key(server.call("GET", "/key", None).text)
    receipt = verify(key, again.content)
    assert (receipt.student, receipt.attempt, receipt.digest) == (
        "student1",
        answer["attempt"]["id"],
        answer["attempt"]["digest"],
    )
    assert text(receipt.submitted) == answer["attempt"]["submitted"]


def give(server: Running, number: str, page: str, *, released: bool) -> None:
    """As the worker that grades gives it."""
    with received(io.BytesIO(tar({"page.html": page})), server.exchange.blobs) as upload:
        store.give_feedback(server.exchange.engine, number, upload, now(), released=released)


def page(server: Running, number: str, who: str) -> bytes | None:
    answer = server.call("GET", f"/attempts/{number}/feedback", who)
    shown = server.call("GET", f"/attempts/{number}", who).json()["feedback"]
    if shown is None:
        assert code(answer) == (404, "no_feedback")
        return None
    files = archive_of(answer.content)
    assert [file["path"] for file in shown["files"]] == [*files]
    return files["page.html"]


def test_feedback_is_seen_by_students_when_it_was_released(server: Running) -> None:
    release(server)
    number = attempt(server)["id"]
    path = f"/attempts/{number}/feedback"
    assert page(server, number, "student1") is None and page(server, number, "instructor1") is None
    give(server, number, "first", released=False)
    assert page(server, number, "student1") is None and page(server, number, "instructor1") == b"first"
    # The instructor puts back what there is: released.
    got = server.call("GET", path, "instructor1").content
    assert server.call("PUT", path, "instructor1", data=got).json()["released"]
    assert page(server, number, "student1") == b"first"
    # A regrade is not seen before it is released, too.
    give(server, number, "second", released=False)
    assert page(server, number, "student1") == b"first" and page(server, number, "instructor1") == b"second"
    give(server, number, "third", released=True)
    assert page(server, number, "student1") == b"third" == page(server, number, "instructor1")


def test_the_same_feedback_is_given_once(server: Running) -> None:
    release(server)
    number = attempt(server)["id"]
    given = [
        server.call("PUT", f"/attempts/{number}/feedback", "instructor1", data=tar({"page.html": text})).json()["given"]
        for text in ("a", "a", "b", "a")
    ]
    assert given[0] == given[1] and len(set(given)) == 3
    assert len(store.feedback_history(server.exchange.engine, number)) == 3


def test_the_queue_is_told_of_what_was_recorded(server: Running) -> None:
    release(server, attempts=1)
    number = attempt(server)["id"]
    submit(server)
    assert [one.id for one in server.submitted] == [number]


@pytest.mark.parametrize("part", ["submitted", "states"])
def test_a_queue_that_fails_costs_nobody_a_submission(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    away = ["away"]

    def fails(_attempts: object) -> Mapping[str, State]:
        if away:
            raise JobError("The queue is away.")
        return {}

    with exchange_server(tmp_path, **{part: fails}) as server:
        release(server)
        answer = submit(server)
        assert answer.status_code == 201 and answer.json()["attempt"]["state"]["name"] == "received"
        assert "The queue is away." in caplog.text
        away.clear()
        assert [one["id"] for one in server.call("GET", f"{PATH}/attempts").json()] == [answer.json()["attempt"]["id"]]


def test_the_state_of_grading_is_shown(tmp_path: Path) -> None:
    def states(attempts: Sequence[str]) -> Mapping[str, State]:
        return {attempts[0]: State("queued", 3)}

    with exchange_server(tmp_path, states=states) as server:
        release(server)
        attempt(server)
        attempt(server)
        shown = [one["state"] for one in server.call("GET", f"{PATH}/attempts").json()]
    assert shown == [{"name": "queued", "place": 3}, {"name": "received", "place": None}]


@pytest.mark.parametrize(
    ("error", "answer"),
    [(ExchangeError("/srv/secret is full"), (503, "unavailable")), (ValueError("/srv/secret"), (500, "failed"))],
)
def test_a_fault_of_ours_is_in_the_log_and_not_in_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, answer: tuple[int, str]
) -> None:
    def states(_attempts: Sequence[str]) -> Mapping[str, State]:
        raise error

    with exchange_server(tmp_path, states=states) as server:
        got = server.call("GET", f"{COURSE}/attempts")
    assert code(got) == answer
    assert "not your fault" in got.text and "secret" not in got.text and "Traceback" not in got.text
    assert "/srv/secret" in caplog.text


def test_the_moment_is_when_the_headers_were_read(server: Running) -> None:
    """A body that takes its time makes nobody late."""
    release(server)
    released = []

    def slow_body() -> Iterator[bytes]:
        data = tar(FILES)
        yield data[:600]
        while not server.exchange.uploading:  # the headers were read
            time.sleep(0.001)
        change(server, due=text(now()), late="refuse")
        released.append(True)
        yield data[600:]

    answer = server.call("POST", f"{PATH}/attempts", data=slow_body())
    assert released and answer.status_code == 201 and not answer.json()["attempt"]["late"]
    assert code(submit(server)) == (409, "deadline_over")


@pytest.mark.parametrize("name", ["%00", "a%0Ab", "%ff", "%ED%A0%80"])
def test_a_name_with_characters_that_are_not_shown_leads_nowhere(server: Running, name: str) -> None:
    answer = server.call("GET", f"{COURSE}/assignments/{name}", "instructor1")
    assert code(answer) == (404, "unknown_path")


def test_nobody_is_looked_for_by_a_name_with_characters_that_are_not_shown(server: Running) -> None:
    for path in ("/courses/deep-learning/attempts", f"{PATH}/attempts"):
        assert code(server.call("GET", f"{path}?student=a%00", "instructor1")) == (422, "bad_request")


def test_names_that_cannot_be_folders_are_refused(server: Running) -> None:
    for name in ("%2e%2e", ".hidden", "a%2Fb", "a%5Cb", "x" * 300):
        answer = server.call("PUT", f"{COURSE}/assignments/{name}", "instructor1", data=tar(FILES))
        assert code(answer) in ((422, "bad_name"), (404, "unknown_path")), name
    release(server)
    assert code(extend(server, ".student", now())) == (422, "bad_name")
