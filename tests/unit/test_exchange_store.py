"""What the exchange keeps: attempts that never change, with all their files, as many as the policy allows."""

import io
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay.errors import ExchangeError, Refusal
from assay.exchange import rows, store, tables
from assay.exchange.blobs import Blobs, Upload, open_blobs, read
from assay.exchange.manifest import File
from assay.exchange.policy import Extension, Policy
from assay.exchange.receipts import compare
from assay.exchange.records import Attempt, Feedback, receipt_of
from assay.exchange.tables import open_database, reading, writing
from assay.exchange.tar import packed, received

NOON = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES = Policy(NOON - HOUR, NOON, HOUR / 2, 3, "refuse")


@dataclass(frozen=True)
class Exchange:
    engine: sa.Engine
    blobs: Blobs

    def upload(self, **files: str) -> AbstractContextManager[Upload]:
        contents = {name: text.encode() for name, text in files.items()}
        manifest = tuple(File(name, sha256(text).hexdigest(), len(text)) for name, text in contents.items())
        return received(io.BytesIO(b"".join(packed(manifest, lambda file: [contents[file.path]]))), self.blobs)

    def submit(self, student: str = "student1", moment: datetime = NOON, **files: str) -> Attempt:
        with self.upload(**(files or {"homework": "{}"})) as upload:
            return store.submit(self.engine, "course", "homework", student, upload, moment)

    def release(self, policy: Policy = RULES, name: str = "homework", **files: str) -> store.Assignment:
        with self.upload(**(files or {"homework": "release"})) as upload:
            return store.release(self.engine, "course", name, policy, upload)

    def text(self, file: File) -> str:
        return b"".join(read(self.blobs, file.sha256, file.size)).decode()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'exchange.sqlite'}"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def exchange(url: str, tmp_path: Path) -> Iterator[Exchange]:
    with open_database(url) as engine, open_blobs(tmp_path / "blobs") as blobs:
        yield Exchange(engine, blobs)


def code(refusal: pytest.ExceptionInfo[Refusal]) -> str:
    return refusal.value.code


def test_an_assignment_is_released_changed_and_withdrawn(exchange: Exchange) -> None:
    released = exchange.release(a="1", b="2")
    assert released == store.find_assignment(exchange.engine, "course", "homework")
    assert released.policy == RULES and [exchange.text(file) for file in released.files] == ["1", "2"]
    other = store.change_policy(exchange.engine, "course", "homework", Policy())
    assert other.policy == Policy() and other.files == released.files
    assert store.withdraw(exchange.engine, "course", "homework").withdrawn
    again = exchange.release(a="3")
    assert not again.withdrawn and [exchange.text(file) for file in again.files] == ["3"]
    exchange.release(name="another")
    assert [one.name for one in store.assignments(exchange.engine, "course")] == ["another", "homework"]
    assert store.assignments(exchange.engine, "other course") == ()


def test_attempts_are_numbered_and_kept_as_they_were(exchange: Exchange) -> None:
    exchange.release()
    first = exchange.submit(homework="1")
    second = exchange.submit(moment=NOON + HOUR / 4, homework="2")
    assert exchange.submit("student2").number == 1
    assert (first.number, first.submitted, first.late) == (1, NOON, False) and second.number == 2
    assert store.attempts(exchange.engine, "course", "homework", student="student1") == (first, second)
    assert len(store.attempts(exchange.engine, "course", "homework")) == 3
    assert store.find_attempt(exchange.engine, first.id) == first
    assert [exchange.text(file) for one in (first, second) for file in one.files] == ["1", "2"]


def test_a_receipt_names_what_was_taken(exchange: Exchange, tmp_path: Path) -> None:
    exchange.release()
    (tmp_path / "handed in").mkdir()
    (tmp_path / "handed in" / "homework").write_text("{}")
    receipt = receipt_of(attempt := exchange.submit())
    assert compare(receipt, tmp_path / "handed in").same
    assert (receipt.attempt, receipt.digest, receipt.submitted) == (attempt.id, attempt.digest, NOON)


def test_the_policy_is_asked_and_a_refused_submission_leaves_nothing(exchange: Exchange) -> None:
    exchange.release()
    before = [*exchange.blobs.folder.rglob("*")]
    for moment, word in ((NOON - 2 * HOUR, "not_released"), (NOON + HOUR, "deadline_over")):
        with pytest.raises(Refusal) as refusal:
            exchange.submit(moment=moment, homework=word)
        assert code(refusal) == word
    assert [*exchange.blobs.folder.rglob("*")] == before
    for _ in range(3):
        exchange.submit()
    with pytest.raises(Refusal, match="All 3 attempts are used"):
        exchange.submit()
    exchange.submit("student2")


def test_late_is_what_the_policy_said_then(exchange: Exchange) -> None:
    exchange.release(Policy(due=NOON))
    late = exchange.submit(moment=NOON + HOUR)
    store.change_policy(exchange.engine, "course", "homework", Policy(due=NOON + 2 * HOUR))
    assert late.late and store.find_attempt(exchange.engine, late.id).late
    assert not exchange.submit(moment=NOON + HOUR).late


def test_an_extension_is_given_before_any_submission(exchange: Exchange) -> None:
    exchange.release()
    extension = Extension("student1", NOON + 24 * HOUR, "ill")
    store.extend(exchange.engine, "course", "homework", Extension("student1", NOON + HOUR))
    store.extend(exchange.engine, "course", "homework", extension)
    assert store.extensions(exchange.engine, "course", "homework") == (extension,)
    assert store.find_extension(exchange.engine, "course", "homework", "student1") == extension
    assert not exchange.submit(moment=NOON + 24 * HOUR).late
    with pytest.raises(Refusal, match="deadline"):
        exchange.submit("student2", NOON + 24 * HOUR)
    assert store.take_extension_back(exchange.engine, "course", "homework", "student1")
    assert not store.take_extension_back(exchange.engine, "course", "homework", "student1")
    with pytest.raises(Refusal, match="deadline"):
        exchange.submit(moment=NOON + 24 * HOUR)


def test_feedback_is_replaced_and_its_history_stays(exchange: Exchange) -> None:
    exchange.release()
    attempt = exchange.submit()
    assert store.find_feedback(exchange.engine, attempt.id) is None
    for text in ("first", "second"):
        with exchange.upload(page=text) as upload:
            given = store.give_feedback(exchange.engine, attempt.id, upload, NOON, released=True)
    assert store.find_feedback(exchange.engine, attempt.id) == given
    history = store.feedback_history(exchange.engine, attempt.id)
    assert [exchange.text(one.files[0]) for one in history] == ["first", "second"]


def give(exchange: Exchange, attempt: Attempt, text: str, *, released: bool) -> Feedback:
    with exchange.upload(page=text) as upload:
        return store.give_feedback(exchange.engine, attempt.id, upload, NOON, released=released)


def test_feedback_is_released_or_not(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_MOST_AT_ONCE", 2)  # several queries
    exchange.release(Policy())
    attempts = [exchange.submit() for _ in range(5)]
    first = [give(exchange, one, "first", released=True) for one in attempts[:3]]
    second = give(exchange, attempts[0], "second", released=False)
    third = give(exchange, attempts[3], "third", released=False)
    numbers = [one.id for one in attempts]
    latest = dict(zip(numbers, [second, *first[1:], third], strict=False))
    assert store.latest_feedback(exchange.engine, numbers) == latest
    assert store.latest_feedback(exchange.engine, numbers, released_only=True) == dict(
        zip(numbers, first, strict=False)
    )
    assert store.find_feedback(exchange.engine, numbers[0], released_only=True) == first[0]
    assert store.latest_feedback(exchange.engine, []) == {}


def test_feedback_that_was_given_last_is_not_given_twice(exchange: Exchange) -> None:
    exchange.release()
    attempt = exchange.submit()
    given = [("a", True), ("a", True), ("a", False), ("b", True), ("a", True)]
    made = [give(exchange, attempt, text, released=released) for text, released in given]
    assert store.feedback_history(exchange.engine, attempt.id) == (made[0], *made[2:])


def test_rules_can_be_changed_from_what_they_were(exchange: Exchange) -> None:
    first = exchange.release()

    def less(policy: Policy) -> Policy:
        return replace(policy, attempts=1)

    assert store.change_policy(exchange.engine, "course", "homework", less).policy == less(first.policy)
    with exchange.upload(a="1") as upload:
        new = store.release(exchange.engine, "course", "other", less, upload)
    assert new.policy == Policy(attempts=1)


def test_a_whole_course_is_listed_at_once(exchange: Exchange) -> None:
    exchange.release(Policy(), "a")
    exchange.release(Policy(), "homework")
    mine = [exchange.submit(), exchange.submit()]
    other = exchange.submit("student2")
    assert store.attempts(exchange.engine, "course") == (*mine, other)
    assert store.attempts(exchange.engine, "course", student="student2") == (other,)
    assert store.attempts_used(exchange.engine, "course", "student1") == {"homework": 2}
    assert store.attempts_used(exchange.engine, "other", "student1") == {}
    extension = Extension("student1", NOON)
    store.extend(exchange.engine, "course", "a", extension)
    assert store.extensions_of(exchange.engine, "course", "student1") == {"a": extension}
    assert store.extensions_of(exchange.engine, "course", "student2") == {}


def test_what_is_unknown_or_withdrawn_is_refused(exchange: Exchange) -> None:
    engine = exchange.engine
    asked = [
        lambda: exchange.submit(),
        lambda: store.find_assignment(engine, "course", "homework"),
        lambda: store.change_policy(engine, "course", "homework", Policy()),
        lambda: store.withdraw(engine, "course", "homework"),
        lambda: store.extend(engine, "course", "homework", Extension("student1", NOON)),
        lambda: store.find_attempt(engine, "none"),
    ]
    for one in asked:
        with pytest.raises(Refusal) as refusal:
            one()
        assert code(refusal) in ("unknown_assignment", "unknown_attempt")
    exchange.release()
    kept = exchange.submit()
    store.withdraw(engine, "course", "homework")
    with pytest.raises(Refusal, match="hands out no assignment homework"):
        exchange.submit()
    assert store.find_attempt(engine, kept.id) == kept


def test_names_that_are_paths_are_refused(exchange: Exchange) -> None:
    exchange.release()
    for ask in (lambda: exchange.submit("../student2"), lambda: exchange.release(name="a/b")):
        with pytest.raises(Refusal) as refusal:
            ask()
        assert code(refusal) == "bad_name"


@pytest.mark.parametrize("change", [tables.attempt.update().values(late=True), tables.attempt.delete()])
def test_an_attempt_never_changes(exchange: Exchange, change: sa.Executable) -> None:
    exchange.release()
    attempt = exchange.submit()
    with pytest.raises(ExchangeError, match="an attempt never changes"), writing(exchange.engine) as connection:
        connection.execute(change)
    assert store.find_attempt(exchange.engine, attempt.id) == attempt


def test_submissions_at_the_same_moment_get_different_numbers_and_the_limit_holds(exchange: Exchange) -> None:
    exchange.release()

    def one(number: int) -> int | str:
        try:
            return exchange.submit(homework=str(number)).number
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        got = [*pool.map(one, range(8))]
    assert sorted(got, key=str) == [1, 2, 3] + ["no_attempts_left"] * 5
    assert [one.number for one in store.attempts(exchange.engine, "course", "homework")] == [1, 2, 3]


def test_of_several_who_release_the_same_each_sees_what_the_one_before_did(exchange: Exchange) -> None:
    def once_more(before: Policy) -> Policy:
        return replace(before, attempts=(before.attempts or 0) + 1)

    def one(number: int) -> None:
        if number % 2:
            with exchange.upload(a=str(number)) as upload:
                store.release(exchange.engine, "course", "homework", once_more, upload)
        else:
            with suppress(Refusal):  # not there yet
                store.change_policy(exchange.engine, "course", "homework", lambda policy: policy)

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(one, range(16))] == [None] * 16
    assert store.find_assignment(exchange.engine, "course", "homework").policy.attempts == 8


def test_the_same_feedback_at_the_same_moment_is_given_once(exchange: Exchange) -> None:
    exchange.release()
    attempt = exchange.submit()

    def one(_: int) -> None:
        with exchange.upload(page="<p>") as upload:
            store.give_feedback(exchange.engine, attempt.id, upload, NOON, released=True)

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(one, range(8))] == [None] * 8
    assert len(store.feedback_history(exchange.engine, attempt.id)) == 1


def test_readers_do_not_wait_for_a_writer(exchange: Exchange) -> None:
    released = exchange.release()
    with writing(exchange.engine):
        assert store.find_assignment(exchange.engine, "course", "homework") == released


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_leaves_no_attempt_without_its_files(url: str, tmp_path: Path, moment: str) -> None:
    """`before` the files are kept, or `after` that but before the row is there."""
    script = """
        import os, sys
        from pathlib import Path
        from tests.unit.test_exchange_store import *
        with open_database(sys.argv[1]) as engine, open_blobs(Path(sys.argv[2])) as blobs:
            exchange = Exchange(engine, blobs)
            exchange.release()
            exchange.submit(homework="1")
            keep = Upload.keep
            Upload.keep = lambda upload: (sys.argv[3] == "after" and keep(upload), os._exit(9))
            exchange.submit(homework="2")
    """
    command = [sys.executable, "-c", textwrap.dedent(script), url, str(tmp_path / "blobs"), moment]
    assert subprocess.run(command, check=False, cwd=Path(__file__).parents[2]).returncode == 9
    with open_database(url) as engine, open_blobs(tmp_path / "blobs") as blobs:
        exchange = Exchange(engine, blobs)
        (kept,) = store.attempts(engine, "course", "homework")
        assert exchange.text(kept.files[0]) == "1" and exchange.submit().number == 2


def test_a_disk_that_is_full_at_the_last_moment_leaves_no_row(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange.release()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        with pytest.raises(ExchangeError, match="No space left"):
            exchange.submit()
    assert store.attempts(exchange.engine, "course", "homework") == ()
    assert exchange.submit().number == 1


def test_sqlite_is_set_to_keep_promises(tmp_path: Path) -> None:
    place = tmp_path / "state" / "exchange.sqlite"
    with open_database(f"sqlite:///{place}") as engine, reading(engine) as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert found == ["wal", 2, 1, 30_000]
    assert place.stat().st_mode & 0o777 == 0o600


def test_databases_that_cannot_be_used_are_explained(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    for place in ("nonsense", "sqlite://", "nothing://x", f"sqlite:///{tmp_path / 'text'}", f"sqlite:///{tmp_path}"):
        with pytest.raises(ExchangeError, match="database"), open_database(place):
            pass


def test_a_damaged_row_is_explained(tmp_path: Path) -> None:
    place = tmp_path / "exchange.sqlite"
    with open_database(f"sqlite:///{place}") as engine, open_blobs(tmp_path / "blobs") as blobs:
        Exchange(engine, blobs).release()
        with sqlite3.connect(place) as raw:
            raw.execute("UPDATE assignment SET manifest = '['")
        raw.close()
        with pytest.raises(ExchangeError, match="Restore it from a backup"):
            store.assignments(engine, "course")
