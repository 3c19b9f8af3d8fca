"""A gradebook that is opened again and again is the one that lies there now, whoever has put it there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from assay.notebook.nbgrader_opened import opened_gradebook
from assay.notebook.nbgrader_release import quiet

pytestmark = pytest.mark.filterwarnings("ignore")  # of nbgrader's use of SQLAlchemy


@pytest.fixture(autouse=True)
def _alembic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def url(folder: Path, name: str = "gradebook") -> str:
    return f"sqlite:///{folder / name}.db"


def students(address: str) -> list[str]:
    with quiet(), opened_gradebook(address) as gradebook:
        return [student.id for student in gradebook.students]


def add(address: str, student: str) -> None:
    with quiet(), Gradebook(address) as gradebook:
        gradebook.add_student(student)


def test_what_others_write_in_between_is_seen(tmp_path: Path) -> None:
    for number in range(3):
        add(url(tmp_path), f"student{number}")
        assert len(students(url(tmp_path))) == number + 1


def test_another_gradebook_in_its_place_is_the_gradebook(tmp_path: Path) -> None:
    add(url(tmp_path), "student1")
    assert students(url(tmp_path)) == ["student1"]
    add(url(tmp_path, "copy"), "student2")
    os.replace(tmp_path / "copy.db", tmp_path / "gradebook.db")
    assert students(url(tmp_path)) == ["student2"]
    (tmp_path / "gradebook.db").unlink()
    assert students(url(tmp_path)) == []
    (tmp_path / "gradebook.db").write_bytes(b"")
    assert students(url(tmp_path)) == []


def test_nothing_stays_open_and_nobody_shares_it(tmp_path: Path) -> None:
    assert students(url(tmp_path)) == []
    with quiet(), opened_gradebook(url(tmp_path)) as one, opened_gradebook(url(tmp_path)) as other:
        assert one is not other
        one.add_student("student1")
        assert [student.id for student in other.students] == ["student1"]
    with quiet(), opened_gradebook(url(tmp_path)) as again:
        assert again in (one, other)
    links = (Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
    assert not [link for link in links if os.path.islink(link) and str(tmp_path) in os.readlink(link)]


def test_what_failed_is_not_kept(tmp_path: Path) -> None:
    assert students(url(tmp_path)) == []
    with pytest.raises(ZeroDivisionError), quiet(), opened_gradebook(url(tmp_path)) as gradebook:
        raise ZeroDivisionError
    with quiet(), opened_gradebook(url(tmp_path)) as again:
        assert again is not gradebook
