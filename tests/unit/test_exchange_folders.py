"""Folders that are sent and written: no link is followed, and nothing of a student's is overwritten."""

import hashlib
import os
import tarfile
import tempfile
import uuid
from functools import partial
from pathlib import Path

import pytest
from nbgrader.utils import ignore_patterns

from assay.errors import ExchangeError, Refusal
from assay.exchange.folders import add_missing, chosen, packed, write_folder, write_over
from assay.exchange.manifest import File


def nothing(_folder: str, _names: list[str]) -> list[str]:
    return []


def told(contents: dict[str, bytes]) -> list[tuple[str, list[bytes]]]:
    return [(path, [content]) for path, content in contents.items()]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failing():
    yield "first.txt", [b"new"]
    raise ExchangeError("The connection broke.")


def test_links_are_left_out_and_named(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("private")
    folder = tmp_path / "work"
    (folder / "more").mkdir(parents=True)
    (folder / "more" / "a.txt").write_text("a")
    (folder / "file").symlink_to(secret / "key")
    (folder / "folder").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    left_out: list[str] = []
    assert chosen(folder, nothing, left_out.append) == ["more/a.txt"]
    assert sorted(left_out) == ["file", "folder", "pipe"]


def test_what_nbgrader_ignores_is_not_chosen(tmp_path):
    for path in ("a.ipynb", "b.pyc", "feedback/old/a.html", "large.bin", "sub/c.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" * (3000 if path == "large.bin" else 10))
    ignored = ignore_patterns(exclude=["*.pyc", "feedback"], include=["*"], max_file_size=2)
    assert chosen(tmp_path, ignored, [].append) == ["a.ipynb", "sub/c.txt"]


def test_a_packed_folder_is_an_archive_of_its_files(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ä.txt").write_bytes(b"hello")
    (tmp_path / "empty").write_bytes(b"")
    with packed(tmp_path, ["sub/ä.txt", "empty"]) as parcel:
        with tarfile.open(fileobj=parcel.archive) as archive:
            members = {member.name: (member.size, member.uid, member.mtime) for member in archive}
        assert parcel.manifest == (
            File("empty", hashlib.sha256(b"").hexdigest(), 0),
            File("sub/ä.txt", hashlib.sha256(b"hello").hexdigest(), 5),
        )
    assert members == {"empty": (0, 0, 0), "sub/ä.txt": (5, 0, 0)}


@pytest.mark.parametrize("size", [10, 100_000])
def test_where_there_is_no_room_for_the_archive_that_is_said(tmp_path, monkeypatch, size):
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(open, "/dev/full", "r+b"))
    (tmp_path / "a").write_bytes(bytes(size))
    with pytest.raises(ExchangeError, match="No space left.*Make room there"), packed(tmp_path, ["a"]):
        pass


def test_a_file_that_became_a_link_is_not_packed(tmp_path):
    (tmp_path / "a").symlink_to("/etc/hostname")
    with pytest.raises(ExchangeError, match="a cannot be read"), packed(tmp_path, ["a"]):
        pass


def test_a_name_that_no_server_takes_is_refused_before_it_is_sent(tmp_path):
    (tmp_path / "a\nb").write_text("x")
    with pytest.raises(Refusal, match="not shown"), packed(tmp_path, ["a\nb"]):
        pass


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "submitted"
    write_folder(folder, told({"a": b"1", "b/c": b"2"}))
    write_folder(folder, told({"b/c": b"3"}))
    assert files_of(folder) == {"b/c": b"3"}
    assert os.listdir(tmp_path) == ["submitted"]


def test_a_folder_that_cannot_be_written_stays_as_it_was(tmp_path):
    folder = tmp_path / "submitted"
    write_folder(folder, told({"a": b"1"}))
    with pytest.raises(ExchangeError, match="broke"):
        write_folder(folder, failing())
    assert files_of(tmp_path) == {"submitted/a": b"1"}
    assert os.listdir(tmp_path) == ["submitted"]


def test_what_a_crash_left_is_removed_an_hour_later(tmp_path):
    folder = tmp_path / "submitted"
    dead = [f".submitted.{uuid.uuid4().hex}.{kind}" for kind in ("new", "old")]
    alive, other = (f".{name}.{uuid.uuid4().hex}.new" for name in ("submitted", "other"))
    mine = [".submitted.1.old", ".submitted.old"]  # of a student, who saved earlier work under such a name
    for name in (*dead, alive, other, *mine):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("")
        if name != alive:
            os.utime(tmp_path / name, (0, 0))
    write_folder(folder, told({"a": b"1"}))
    assert sorted(os.listdir(tmp_path)) == sorted([alive, other, *mine, "submitted"])


def test_a_new_folder_never_takes_the_place_of_one_that_came_meanwhile(tmp_path):
    folder = tmp_path / "homework"

    def meanwhile():
        yield "a.ipynb", [b"handed out"]
        folder.mkdir()
        (folder / "a.ipynb").write_bytes(b"the student's work")

    with pytest.raises(ExchangeError, match="homework cannot be written"):
        write_folder(folder, meanwhile(), new=True)
    assert files_of(tmp_path) == {"homework/a.ipynb": b"the student's work"}
    assert os.listdir(tmp_path) == ["homework"]


def test_a_folder_that_cannot_be_read_is_not_left_out_in_silence(tmp_path):
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "pipe")

    def left_out(_path: str) -> None:  # after "data" was seen, and before it is looked into
        (tmp_path / "data").rmdir()

    with pytest.raises(ExchangeError, match="data cannot be read"):
        chosen(tmp_path, nothing, left_out)


def test_a_file_that_is_gone_while_a_folder_is_listed_is_explained(tmp_path):
    (tmp_path / ".~homework.ipynb").write_text("as Jupyter saves")

    def saved(_folder: str, _names: list[str]) -> list[str]:
        os.replace(tmp_path / ".~homework.ipynb", tmp_path / "homework.ipynb")
        return []

    with pytest.raises(ExchangeError, match="cannot be read .*try again"):
        chosen(tmp_path, saved, [].append)


@pytest.mark.parametrize("write", [write_folder, add_missing, write_over])
def test_nothing_is_written_outside_of_a_folder(tmp_path, write):
    (tmp_path / "in").mkdir()
    with pytest.raises(Refusal, match="outside"):
        write(tmp_path / "in", told({"../out": b"1"}))
    assert files_of(tmp_path) == {}


def test_only_missing_files_are_added(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"the student's work")
    (tmp_path / "linked").symlink_to(tmp_path / "nowhere")
    added = add_missing(tmp_path, told({"a.ipynb": b"handed out", "b/data": b"handed out", "linked": b"handed out"}))
    assert added == ["b/data"]
    assert files_of(tmp_path) == {"a.ipynb": b"the student's work", "b/data": b"handed out"}


def test_files_are_written_over_one_by_one(tmp_path):
    (tmp_path / "a.html").write_bytes(b"old")
    (tmp_path / "notes").write_bytes(b"kept")
    assert write_over(tmp_path, told({"a.html": b"new"})) == ["a.html"]
    assert files_of(tmp_path) == {"a.html": b"new", "notes": b"kept"}


def test_a_place_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExchangeError, match="file.* cannot be written .*Make room"):
        write_over(tmp_path / "file", told({"a.html": b"new"}))
