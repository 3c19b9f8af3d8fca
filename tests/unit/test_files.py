"""Only regular files are read, no link is followed, and what an exercise does not take is moved away whole."""

import os
import socket
from pathlib import Path

import pytest

from assay.errors import SubmissionError
from assay.notebook import files
from assay.notebook.files import Admission, digest_of, is_plain_folder, read_regular, set_aside, side_files


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "submitted" / "honest" / "scale"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("secret")
    return path


def test_a_regular_file_is_read(folder):
    (folder / "a.ipynb").write_bytes(b"content")
    assert read_regular(folder / "a.ipynb") == b"content"
    assert read_regular(folder / "a.ipynb", most=7) == b"content"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path, secret: path.symlink_to(secret), "is a link"),
        (lambda path, secret: path.symlink_to("nowhere"), "is a link"),
        (lambda path, secret: os.link(secret, path), "hard link"),
        (lambda path, secret: os.mkfifo(path), "is a pipe"),
        (lambda path, secret: path.mkdir(), "is a folder"),
        (lambda path, secret: path.write_bytes(b"12345678"), "is larger than"),
        (lambda path, secret: None, "is not in the submission"),
    ],
    ids=["symlink", "dangling-symlink", "hard-link", "pipe", "folder", "too-large", "missing"],
)
def test_nothing_else_is_read(folder, secret, make, words):
    make(folder / "a.ipynb", secret)
    with pytest.raises(SubmissionError, match=words):
        read_regular(folder / "a.ipynb", most=7)


def test_a_socket_is_not_read(folder, monkeypatch):
    monkeypatch.chdir(folder)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.ipynb")
        with pytest.raises(SubmissionError, match="cannot be opened"):
            read_regular(folder / "a.ipynb")


def test_a_device_is_not_read():
    with pytest.raises(SubmissionError, match="is a device"):
        read_regular(Path("/dev/null"))


def test_side_files_are_those_named_that_can_be_read(folder, secret):
    (folder / "points.txt").write_text("1 2")
    (folder / "more").mkdir()
    (folder / "more" / "points.txt").write_text("3 4")
    (folder / "linked").symlink_to(secret.parent)
    (folder / "other.txt").symlink_to(secret)
    wanted = [
        "points.txt",
        "more/points.txt",
        "linked/secret.txt",
        "other.txt",
        "../../../secret.txt",
        str(secret),
        "none",
    ]
    assert side_files(folder, wanted) == {"points.txt": b"1 2", "more/points.txt": b"3 4"}


def test_what_is_not_taken_is_set_aside_and_nothing_is_lost(folder, secret, tmp_path):
    for name in ("scale.ipynb", "points.txt", "evil.py", "timestamp.txt"):
        (folder / name).write_text(name)
    (folder / "data.txt").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    (folder / "tree" / "deep").mkdir(parents=True)
    (folder / "tree" / "deep" / "x.html").write_text("<script>")
    (folder / ".ipynb_checkpoints").mkdir()
    away = tmp_path / "set_aside" / "honest" / "scale"
    admission = Admission(frozenset({"points.txt", "timestamp.txt"}), ignored=(".ipynb_checkpoints",))
    moved = set_aside(folder, away, admission)
    assert {item.name for item in moved} == {"data.txt", "evil.py", "pipe", "tree"}
    assert sorted(path.name for path in folder.iterdir()) == [
        ".ipynb_checkpoints", "points.txt", "scale.ipynb", "timestamp.txt",
    ]  # fmt: skip
    assert (away / "tree" / "deep" / "x.html").read_text() == "<script>"
    assert (away / "data.txt").is_symlink()
    assert "evil.py: is not among the files that this exercise takes" in away.with_name("scale.txt").read_text()
    assert secret.read_text() == "secret"
    assert set_aside(folder, away, admission) == ()


def test_a_second_file_of_the_same_name_does_not_replace_the_first(folder, tmp_path):
    away = tmp_path / "away"
    for content in ("one", "two", "three"):
        (folder / "evil.py").write_text(content)
        set_aside(folder, away, Admission(frozenset()))
    assert sorted(path.read_text() for path in away.iterdir()) == ["one", "three", "two"]


def test_a_folder_that_holds_a_wanted_file_is_searched(folder, tmp_path):
    (folder / "data").mkdir()
    (folder / "data" / "points.txt").write_text("1")
    (folder / "data" / "other.txt").write_text("2")
    moved = set_aside(folder, tmp_path / "away", Admission(frozenset({"data/points.txt"})))
    assert [item.name for item in moved] == ["data/other.txt"]


def test_without_a_list_of_names_files_stay_that_no_browser_runs(folder, tmp_path):
    for name in ("helper.py", "data.csv", "page.html", "picture.svg", "page.xhtml", "script.js", "large.bin"):
        (folder / name).write_text("x")
    (folder / "large.bin").write_bytes(b"x" * 11)
    moved = set_aside(folder, tmp_path / "away", Admission(None, largest=10))
    assert {item.name for item in moved} == {"page.html", "picture.svg", "page.xhtml", "script.js", "large.bin"}


def test_names_are_made_printable(folder, tmp_path):
    (folder / "evil\n\x1b[31m").write_text("x")
    (moved,) = set_aside(folder, tmp_path / "away", Admission(frozenset()))
    assert moved.name == "evil??[31m"


def test_a_link_to_a_folder_is_not_a_folder(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert is_plain_folder(folder)
    assert not is_plain_folder(tmp_path / "link")
    assert not is_plain_folder(tmp_path / "nothing")


def test_files_that_are_too_many_or_too_large_together_are_set_aside(folder, tmp_path):
    for number in range(12):
        with open(folder / f"{number:02}.bin", "wb") as file:
            file.truncate(30 * files.MiB)  # a hole: nothing on disk, all of it in memory and in a copy
    (folder / "many").mkdir()
    for number in range(files.MOST_FILES):
        (folder / "many" / f"{number}.txt").touch()
    moved = set_aside(folder, tmp_path / "away", Admission(None))
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in left) <= files.SUBMISSION_BYTES
    assert len(left) <= files.MOST_FILES and (folder / "00.bin").is_file()
    assert {item.reason.partition(" ")[0] for item in moved} == {"would", "comes"}


def test_side_files_are_read_while_there_is_room(folder, monkeypatch):
    monkeypatch.setattr(files, "SUBMISSION_BYTES", 7)
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(b"1234" if name != "c" else b"1")
    assert side_files(folder, ["a", "b", "c"]) == {"a": b"1234", "c": b"1"}


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, os.fsdecode(b"\xff" * 255)], ids=["ascii", "umlauts", "bytes"])
def test_names_as_long_as_they_can_be_are_set_aside_again_and_again(folder, tmp_path, name):
    away = tmp_path / "away"
    for _ in range(3):
        (folder / name).touch()
        set_aside(folder, away, Admission(frozenset()))
    assert len(list(away.iterdir())) == 3


def test_a_digest_changes_with_whatever_changes(folder, secret):
    (folder / "a.ipynb").write_bytes(b"one")
    (folder / "data").mkdir()
    (folder / "data" / "b.txt").write_bytes(b"two")
    seen = [digest_of(folder, ("*.pyc",))]

    def changed() -> bool:
        seen.append(digest_of(folder, ("*.pyc",)))
        return seen[-1] not in seen[:-1]

    (folder / "c.pyc").write_bytes(b"ignored")
    assert not changed()
    for change in (
        lambda: (folder / "a.ipynb").write_bytes(b"eno"),
        lambda: (folder / "data" / "b.txt").rename(folder / "data" / "c.txt"),
        lambda: (folder / "data" / "c.txt").rename(folder / "c.txt"),
        lambda: (folder / "link").symlink_to(secret),
        lambda: os.mkfifo(folder / "pipe"),
        lambda: os.link(folder / "a.ipynb", secret.with_name("second")),
        lambda: (folder / "c.txt").unlink(),
    ):
        change()
        assert changed()
    before = seen[-1]
    secret.write_text("another secret")
    assert digest_of(folder, ("*.pyc",)) == before  # no link is followed
