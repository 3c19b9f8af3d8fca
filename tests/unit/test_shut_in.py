"""What a server of a person is shown, as it is told to bubblewrap."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.hub import machine, shut_in
from assay.sandbox.isolation import gpu
from assay.settings import CourseSettings, Settings


def shown(arguments: tuple[str, ...]) -> set[str]:
    """Where something of this machine is shown."""
    binds = ("--bind", "--ro-bind", "--dev-bind-try")
    return {arguments[place + 2] for place, word in enumerate(arguments) if word in binds}


def test_a_student_is_shown_no_folder_of_the_repository_but_the_package(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "server", courses=(CourseSettings("deep", machine.PACKAGE.parent),))
    places = shown(shut_in.student(settings, "student1", tmp_path / "home", 70000).arguments)
    repository = machine.PACKAGE.parent
    inside = {place for place in places if Path(place).is_relative_to(repository)}
    programs = (*machine.trees(), *machine.other_places())
    assert inside == {str(place) for place in programs if place.is_relative_to(repository)}
    assert not {place for place in places if place.startswith("/etc/")} & {"/etc/passwd", "/etc/shadow", "/etc/ssl"}


def test_only_the_own_home_is_writable(tmp_path: Path) -> None:
    arguments = shut_in.student(Settings(home=tmp_path), "student1", tmp_path / "home", 70000).arguments
    writable = [arguments[place + 1] for place, word in enumerate(arguments) if word == "--bind"]
    assert writable == [str(tmp_path / "home")]


def test_what_lies_in_a_shown_folder_is_covered(tmp_path: Path) -> None:
    for name in ("tree/state", "tree/course", "outside"):
        (tmp_path / name).mkdir(parents=True)
    places = [tmp_path / name for name in ("tree/state", "tree/course", "outside", "tree")] + [tmp_path]
    words = list(machine.out_of_sight(places, [tmp_path / "tree"]))
    assert [words[place + 1] for place, word in enumerate(words) if word == "--tmpfs"] == [
        str(tmp_path / "tree" / "state"),
        str(tmp_path / "tree" / "course"),
    ]


def test_a_course_covers_the_state_and_the_courses_that_lie_in_it(tmp_path: Path) -> None:
    for name in ("server", "second", "source"):
        (tmp_path / name).mkdir()
    courses = (CourseSettings("first", tmp_path), CourseSettings("second", tmp_path / "second"))
    arguments = shut_in.course(Settings(home=tmp_path / "server", courses=courses), courses[0]).arguments
    covered = {arguments[place + 1] for place, word in enumerate(arguments) if word == "--tmpfs"}
    assert {str(tmp_path / "server"), str(tmp_path / "second")} <= covered
    assert str(tmp_path / "source") not in covered
    of_second = shut_in.course(Settings(home=tmp_path / "server", courses=courses), courses[1]).arguments
    assert str(tmp_path) not in shown(of_second) and str(tmp_path / "second") in shown(of_second)


def test_a_home_never_hides_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shut_in.home_inside("student1") == "/home/student1"
    monkeypatch.setattr(machine, "PACKAGE", Path("/home/student1/assay/assay"))
    assert shut_in.home_inside("student1") == "/homes/student1"
    assert shut_in.home_inside("deep", Path("/home/deep/course")) == "/homes/deep"


def test_the_environment_holds_nothing_of_the_operator() -> None:
    variables = {"PLANTED": "secret", "PATH": "/planted", "PYTHONPATH": "/planted", "JUPYTERHUB_CRYPT_KEY": "secret"}
    found = shut_in.environment({**variables, "JUPYTERHUB_API_TOKEN": "own"}, "student1", "/home/student1")
    assert not {"PLANTED", "PYTHONPATH", "JUPYTERHUB_CRYPT_KEY"} & set(found)
    assert "/planted" not in found["PATH"] and found["JUPYTERHUB_API_TOKEN"] == "own"
    assert found["HOME"] == "/home/student1"


def test_a_user_with_an_odd_name_has_one_line_among_the_accounts(tmp_path: Path) -> None:
    enclosure = shut_in.student(Settings(home=tmp_path), "x:0:0\nroot", tmp_path, 70000)
    accounts = dict(enclosure.files)["/etc/passwd"].splitlines()
    assert len(accounts) == 2 and accounts[0].split(":")[2:4] == ["70000", "70000"]


def test_a_temporary_folder_of_its_own_never_hides_what_is_shown(tmp_path: Path) -> None:
    """The installation may lie in /tmp."""
    words = shut_in.student(Settings(home=tmp_path), "student1", tmp_path / "home", 70000).arguments
    places = {one: place for place, one in enumerate(words) if words[place - 1] == "--tmpfs"}
    assert places["/tmp"] < words.index("--ro-bind") and places["/tmp"] < words.index("--bind")


def test_a_server_with_a_gpu_sees_where_the_driver_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same folders as for a job that is graded there."""
    monkeypatch.setattr(gpu, "hardware", lambda: (Path("/sys/bus/pci"), Path("/sys/module/nvidia")))
    site, home = Settings(home=tmp_path), tmp_path / "home"
    found = shut_in.student(site, "student1", home, 70000, ["/dev/nvidia0"]).arguments
    assert {"/dev/nvidia0", "/sys/bus/pci", "/sys/module/nvidia"} <= shown(found)
    assert not {"/sys/bus/pci", "/sys/module/nvidia"} & shown(shut_in.student(site, "student1", home, 70000).arguments)


def test_an_environment_behind_a_link_is_found_by_both_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lies, link = Path(sys.prefix).resolve(), tmp_path / "current"
    link.symlink_to(lies)
    monkeypatch.setattr(sys, "prefix", str(link))
    words = list(machine.words(Settings(home=tmp_path / "server")))
    binds = [tuple(words[at + 1 : at + 3]) for at, word in enumerate(words) if word == "--ro-bind"]
    assert (str(lies), str(link)) in binds and (str(lies), str(lies)) in binds
    hiding = list(machine.words(Settings(home=lies / "server")))
    assert str(link) not in hiding, "the state of the server would be seen by that name"
