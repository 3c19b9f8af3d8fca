"""What others do while somebody's files are kept: nobody waits for them, and the rules of the end count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from assay import database
from assay.errors import Refusal
from assay.exchange import store
from assay.exchange.blobs import Upload, open_blobs
from assay.exchange.policy import Policy
from assay.exchange.tables import open_database
from tests.unit.test_exchange_store import NOON, RULES, Exchange, code


@pytest.fixture(params=["sqlite", "postgresql"])
def exchange(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Exchange]:
    url = f"sqlite:///{tmp_path / 'exchange.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    with open_database(url) as engine, open_blobs(tmp_path / "blobs") as blobs:
        yield Exchange(engine, blobs)


def meanwhile(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> list[object]:
    """Has it done while files are being kept, once; what it came to."""
    keep, done = Upload.keep, []

    def slow(upload: Upload) -> None:
        monkeypatch.setattr(Upload, "keep", keep)
        done.append(action())
        keep(upload)

    monkeypatch.setattr(Upload, "keep", slow)
    return done


@pytest.mark.parametrize("what", ["release", "submit", "feedback"])
def test_nobody_waits_while_the_files_of_somebody_else_are_kept(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    exchange.release()
    before = exchange.submit()
    done = meanwhile(monkeypatch, lambda: exchange.submit("student2").number)
    if what == "release":
        exchange.release(homework="anew")
    elif what == "submit":
        assert exchange.submit().number == 2
    else:
        with exchange.upload(page="<p>") as upload:
            assert store.give_feedback(exchange.engine, before.id, upload, NOON, released=True).files
    assert done == [1]


def test_what_is_forbidden_while_files_are_kept_is_not_taken(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange.release(replace(RULES, attempts=1))
    done = meanwhile(monkeypatch, lambda: exchange.submit(homework="the other window").number)
    with pytest.raises(Refusal) as refusal:
        exchange.submit()
    assert done == [1] and code(refusal) == "no_attempts_left"
    meanwhile(monkeypatch, lambda: store.withdraw(exchange.engine, "course", "homework"))
    with pytest.raises(Refusal) as refusal:
        exchange.submit("student2")
    assert code(refusal) == "unknown_assignment" and len(store.attempts(exchange.engine, "course")) == 1


def test_threads_of_one_process_take_turns_with_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT", 0.0)  # SQLite itself waits for nobody
    with open_database(f"sqlite:///{tmp_path / 'exchange.sqlite'}") as engine, open_blobs(tmp_path / "blobs") as blobs:
        exchange = Exchange(engine, blobs)
        exchange.release(Policy())
        with ThreadPoolExecutor(8) as pool:
            numbers = [*pool.map(lambda number: exchange.submit(homework=str(number)).number, range(32))]
    assert sorted(numbers) == [*range(1, 33)]
