"""Backup while submissions come in, and restore: every attempt with its files, receipt and feedback."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from assay import database
from assay.errors import AssayError, ExchangeError
from assay.exchange import receipts, store
from assay.exchange.blobs import Blobs, Upload, open_blobs, read
from assay.exchange.manifest import File, digest_of
from assay.exchange.policy import Policy
from assay.exchange.records import Attempt, receipt_of
from assay.exchange.tables import open_database
from assay.exchange.tar import packed, received
from assay.hub import accounts
from assay.jobs import table
from assay.serving import backup, copied
from assay.settings import Settings, load
from tests.support.object_store import object_store

pytestmark = pytest.mark.xdist_group("backup")
SETTINGS = 'admins = ["operator"]\n[courses.course]\nroot = "/srv/course"\n'


@dataclass(frozen=True)
class Site:
    """A server's folder, and how another one like it is made."""

    home: Path
    environ: dict[str, str]
    again: dict[str, str]  # the environment of the restored one

    @property
    def settings(self) -> Settings:
        return load(self.home, self.environ)


@pytest.fixture(params=["one folder", "PostgreSQL and object store"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    home = tmp_path / "home"
    (home / "secrets").mkdir(parents=True, mode=0o700)
    (home / "settings.toml").write_text(SETTINGS)
    (home / "secrets" / "exchange.token").write_text("t" * 64)
    if request.param == "one folder":
        yield Site(home, {}, {})
        return
    postgres = request.getfixturevalue("postgres")
    with object_store(tmp_path / "objects") as kept:
        for name, value in kept.environ.items():
            monkeypatch.setenv(name, value)
        places = [{"ASSAY_DATABASE": postgres.new_database(), "ASSAY_BLOB_STORE": kept.new_place()} for _ in range(2)]
        yield Site(home, places[0], places[1])


def upload(blobs: Blobs, text: str) -> AbstractContextManager[Upload]:
    content = text.encode()
    manifest = (File("homework", sha256(content).hexdigest(), len(content)),)
    return received(io.BytesIO(b"".join(packed(manifest, lambda _: [content]))), blobs)


def submit(engine: sa.Engine, blobs: Blobs, student: str, text: str) -> Attempt:
    with upload(blobs, text) as files:
        return store.submit(engine, "course", "homework", student, files, datetime.now(UTC))


def release(engine: sa.Engine, blobs: Blobs) -> None:
    with upload(blobs, "to be done") as files:
        store.release(engine, "course", "homework", Policy(), files)


def test_what_comes_in_meanwhile_is_whole_or_not_there(site: Site, tmp_path: Path) -> None:
    settings, target = site.settings, tmp_path / "backup.tar"
    password = accounts.set_new_password(settings, "operator")
    key, signed = receipts.open_key(settings.receipt_key), {}
    over = threading.Event()
    with (
        open_database(settings.exchange_database) as engine,
        open_blobs(settings.blobs, settings.blob_store) as blobs,
    ):
        jobs = table.opened(settings.jobs_database)
        release(engine, blobs)

        def keep_on() -> None:
            number = 0
            while not over.is_set():
                number += 1
                attempt = submit(engine, blobs, f"student{number % 5}", f"attempt {number}")
                signed[attempt.id] = receipts.sign(key, receipt_of(attempt))
                table.enqueue(jobs, "grading-course", attempt.id, "1")
                with upload(blobs, f"feedback {number}") as page:
                    store.give_feedback(engine, attempt.id, page, datetime.now(UTC), released=True)

        coming = threading.Thread(target=keep_on)
        coming.start()
        try:
            while len(signed) < 5:
                over.wait(0.01)
            before = dict(signed)
            count = backup.backup(settings, target)
        finally:
            over.set()
            coming.join()
        after = len(signed)
        jobs.dispose()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    home = tmp_path / "restored"
    assert backup.restore(home, site.again, target) == count
    found = load(home, site.again)
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    assert (home / "secrets" / "exchange.token").read_text() == "t" * 64
    public = receipts.read_public_key(receipts.public_text(receipts.open_key(found.receipt_key)))
    with open_database(found.exchange_database) as engine, open_blobs(found.blobs, found.blob_store) as blobs:
        attempts = {one.id: one for one in store.attempts(engine, "course")}
        assert before.keys() <= attempts.keys() and len(attempts) <= after
        for attempt in attempts.values():
            feedback = store.find_feedback(engine, attempt.id)
            for file in (*attempt.files, *(feedback.files if feedback is not None else ())):
                assert sum(map(len, read(blobs, file.sha256, file.size))) == file.size
            assert digest_of(attempt.files) == attempt.digest
            if attempt.id in signed:
                assert receipts.verify(public, signed[attempt.id]).attempt == attempt.id
        jobs = table.opened(found.jobs_database)
        assert {job.subject for job in table.in_state(jobs, "waiting")} <= attempts.keys()
        jobs.dispose()
        submit(engine, blobs, "student9", "it goes on")
    assert password_counts(found, "operator", password)


def password_counts(settings: Settings, name: str, password: str) -> bool:
    with accounts._database(settings) as session:
        return bool(accounts._find(session, name).is_valid_password(password))


def made(site: Site, target: Path) -> Path:
    settings = site.settings
    kept = open_blobs(settings.blobs, settings.blob_store)
    with open_database(settings.exchange_database) as engine, kept as blobs:
        release(engine, blobs)
    table.opened(settings.jobs_database).dispose()
    backup.backup(settings, target)
    return target


def test_what_is_there_is_never_overwritten(site: Site, tmp_path: Path) -> None:
    target = made(site, tmp_path / "backup.tar")
    with pytest.raises(ExchangeError, match="is there already"):
        backup.backup(site.settings, target)
    with pytest.raises(ExchangeError, match="is not empty"):
        backup.restore(site.home, site.again, target)
    if site.environ:
        with pytest.raises(ExchangeError, match="is not empty"):  # the database of the one that runs
            backup.restore(tmp_path / "new", site.environ, target)
        assert not [*(tmp_path / "new").iterdir()]


@pytest.mark.parametrize("site", ["one folder"], indirect=True)
def test_a_damaged_backup_is_refused_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    target = made(site, tmp_path / "backup.tar")
    content = target.read_bytes()
    for damaged in (content.replace(b"to be done", b"to be Done"), content[:5000], b"text", b""):
        target.write_bytes(damaged)
        with pytest.raises(ExchangeError, match="damaged|cannot be restored"):
            backup.restore(tmp_path / "new", {}, target)
        assert not [*(tmp_path / "new").iterdir()]
    with tarfile.open(target, "w") as archive:
        for name, text in (("about.json", b'{"format": 1, "postgresql": false}'), ("../outside", b"x")):
            header = tarfile.TarInfo(name)
            header.size = len(text)
            archive.addfile(header, io.BytesIO(text))
    with pytest.raises(ExchangeError, match="no name of a file"):
        backup.restore(tmp_path / "new", {}, target)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("site", ["one folder"], indirect=True)
def test_a_damaged_file_of_the_server_is_told_when_it_is_copied(site: Site, tmp_path: Path) -> None:
    made(site, tmp_path / "backup.tar")
    (kept,) = [path for path in site.settings.blobs.rglob("*") if path.is_file()]
    kept.write_bytes(b"damaged")
    with pytest.raises(AssayError, match="damaged on the disk"):
        backup.backup(site.settings, tmp_path / "second.tar")
    assert not [name for name in os.listdir(tmp_path) if "second" in name or name.startswith(".backup")]


@pytest.mark.parametrize("site", ["one folder"], indirect=True)
def test_a_backup_is_not_restored_into_another_kind_of_database(site: Site, tmp_path: Path) -> None:
    target = made(site, tmp_path / "backup.tar")
    with pytest.raises(ExchangeError, match="do not agree"):
        backup.restore(tmp_path / "new", {"ASSAY_DATABASE": "postgresql:///nowhere"}, target)


@pytest.mark.parametrize("site", ["PostgreSQL and object store"], indirect=True)
def test_a_backup_that_takes_long_is_not_cut_off(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, held = copied._postgresql, []
    engine = sa.create_engine(database.address(site.settings.database, ExchangeError))
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in %'"

    def slow(*arguments: Any) -> None:
        program(*arguments)
        with engine.connect() as connection:  # as long as a dump of a large database takes
            connection.execute(sa.text("SELECT pg_sleep(3)"))

    def look(*_: int) -> None:
        with engine.connect() as connection:
            held.append(connection.execute(sa.text(idle)).scalar_one())

    made(site, tmp_path / "first.tar")
    monkeypatch.setattr(database, "IDLE", "1s")
    monkeypatch.setattr(copied, "_postgresql", slow)
    assert backup.backup(site.settings, tmp_path / "backup.tar", look) == 1
    assert held == [0]  # no transaction is open while files are copied, which can take hours
    engine.dispose()


@pytest.mark.parametrize("site", ["one folder"], indirect=True)
def test_a_file_beside_the_backup_stays_and_the_folder_may_be_called_anything(site: Site, tmp_path: Path) -> None:
    beside = tmp_path / "backup.tar.new"
    beside.write_text("somebody's own")
    moved = Site(site.home.rename(tmp_path / "home #1"), {}, {})
    made(moved, tmp_path / "backup.tar")
    assert beside.read_text() == "somebody's own" and not (tmp_path / "home ").exists()
    assert backup.restore(tmp_path / "restored", {}, tmp_path / "backup.tar") == 1
    with open_database(load(tmp_path / "restored", {}).exchange_database) as engine:
        assert [one.name for one in store.assignments(engine, "course")] == ["homework"]


@pytest.mark.parametrize("site", ["one folder"], indirect=True)
def test_what_is_no_folder_is_not_filled(site: Site, tmp_path: Path) -> None:
    target = made(site, tmp_path / "backup.tar")
    with pytest.raises(ExchangeError, match=r"backup\.tar cannot be filled"):
        backup.restore(target, {}, target)
    assert target.is_file()
