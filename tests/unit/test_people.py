"""Folders and uids of users: safe, of one user each, and for good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import SandboxError
from assay.hub import people
from assay.settings import Settings

ODD = (
    "student 1",
    "student@one.example",
    "Zoë",
    "zoe",
    "学生",
    "a/b",
    "..",
    ".",
    "",
    "-rf",
    "STUDENT",
    "x" * 300,
    "a~b",
)
TAKE = """
import sys
from pathlib import Path
from assay.hub.people import own_user
from assay.settings import Settings
for number in range(20):
    own_user(Settings(home=Path(sys.argv[1])), f"student{number}")
"""


def test_a_plain_name_is_its_folder() -> None:
    assert [people.folder_name(user) for user in ("student1", "a-b_c")] == ["student1", "a-b_c"]


def test_odd_names_get_safe_folders_of_their_own() -> None:
    folders = [people.folder_name(user) for user in (*ODD, "student1")]
    assert len(set(folders)) == len(folders)
    for folder in folders:
        assert folder.isascii() and "/" not in folder and not folder.startswith((".", "-", "~")) and len(folder) < 40
        assert people.folder_name(folder) == folder or "~" in folder


def test_nobody_can_be_called_like_the_folder_of_another() -> None:
    taken = people.folder_name("student@one.example")
    assert people.folder_name(taken) != taken


def test_a_uid_stays_and_is_never_given_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = people.own_user(settings, "student1")
    second = people.own_user(settings, "student2")
    assert first >= people.FIRST and second == first + 1
    assert people.own_user(settings, "student1") == first
    table = settings.hub / people.TABLE
    table.write_text(table.read_text().replace(f'"student2": {second}', '"student3": 1'))  # somebody was removed
    assert people.own_user(settings, "student4") == second + 1
    assert table.stat().st_mode & 0o777 == 0o600


def test_two_processes_never_give_the_same_uid(tmp_path: Path) -> None:
    started = [subprocess.Popen([sys.executable, "-c", TAKE, str(tmp_path)]) for _ in range(3)]
    assert [one.wait(60) for one in started] == [0, 0, 0]
    settings = Settings(home=tmp_path)
    assert len({people.own_user(settings, f"student{number}") for number in range(20)}) == 20


def test_no_uid_is_left(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    people.own_user(settings, "student1", count=1)
    with pytest.raises(SandboxError, match="Widen the range"):
        people.own_user(settings, "student2", count=1)


@pytest.mark.parametrize("text", ["", "[]", '{"next": 5, "users": {"a": 7}}', '{"next": 9, "users": {"a": 7, "b": 7}}'])
def test_a_spoilt_table_is_not_believed(tmp_path: Path, text: str) -> None:
    settings = Settings(home=tmp_path)
    settings.hub.mkdir()
    (settings.hub / people.TABLE).write_text(text)
    with pytest.raises(SandboxError, match="backup"):
        people.own_user(settings, "student1")


def test_a_home_is_made_once_and_closed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    home = people.make_home(settings, "student@one.example")
    (home / "kept").write_text("kept")
    home.chmod(0o755)
    assert people.make_home(settings, "student@one.example") == home
    assert home.stat().st_mode & 0o777 == 0o700 and (home / "kept").read_text() == "kept"


def test_a_home_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.homes.mkdir()
    (settings.homes / "student1").symlink_to(tmp_path)
    with pytest.raises(SandboxError, match="should be a folder"):
        people.make_home(settings, "student1")
