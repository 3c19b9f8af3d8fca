"""Which tier is chosen where, and that it works: with namespaces and without, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from assay.errors import SandboxError
from assay.sandbox.doctor import as_lines, doctor, examine
from assay.sandbox.inside import landlock
from assay.sandbox.isolation import Job, Warm, choose, open_door
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from assay.sandbox.isolation.self_test import try_to_break
from assay.sandbox.isolation.users import others_can_reach
from tests.support.untrusted import untrusted

REPOSITORY = Path(__file__).parents[2]
SUPPORT = REPOSITORY / "tests" / "support"
NOBODY = "65534"
PRINTED = [{"output_type": "stream", "name": "stdout", "text": "42\n"}]


def python_for_all() -> str:
    """An interpreter like this one that an ordinary user can start."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (Path(sys.executable).resolve(), Path("/usr/bin", version), Path("/usr/local/bin", version)):
        if place.exists() and others_can_reach(place):
            return str(place)
    pytest.skip(f"not run: no {version} here that another user could start")


def everyone_can_read(path: Path) -> None:
    if not others_can_reach(path):
        pytest.skip(f"not run: another user cannot read {path}")


def tried(*command: str, guard: Path | None = None) -> dict[str, Any]:
    """What tests/support/try_isolation.py finds when it is started by the command."""
    libraries = os.pathsep.join((str(REPOSITORY), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    arguments = [*command, str(SUPPORT / "try_isolation.py"), *([str(guard)] if guard else [])]
    done = subprocess.run(
        arguments,
        env={**os.environ, "PYTHONPATH": libraries, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def withstands(found: dict[str, Any], tier: str) -> None:
    assert found.get("tier") == tier, found
    assert found["warm"]
    assert found["double"] == [2.0, 4.0]
    assert found["readable"] == []
    assert "MemoryError" in found["hog"]
    assert found["bomb"] in ("timeout", "died")
    assert found["notebook"] == PRINTED


def as_nobody(*command: str) -> tuple[str, ...]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("not run: only root can become another user")
    everyone_can_read(SUPPORT / "try_isolation.py")
    everyone_can_read(Path(sysconfig.get_path("purelib")))
    return ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", *command)


def without_namespaces(python: str, *options: str) -> tuple[str, ...]:
    return (python, str(SUPPORT / "without_namespaces.py"), *options, python)


def needs_namespaces() -> None:
    if not try_to_break(Bubblewrap()).holds:
        pytest.skip("not run: this machine forbids namespaces, or has no bubblewrap")


def needs_landlock() -> None:
    if landlock.abi() == 0:
        pytest.skip("not run: this kernel has no Landlock")


def test_with_namespaces() -> None:
    needs_namespaces()
    withstands(tried(sys.executable), "bubblewrap")


def test_without_namespaces() -> None:
    needs_landlock()
    withstands(tried(*without_namespaces(sys.executable)), "confined process")


def test_an_ordinary_user_with_namespaces() -> None:
    needs_namespaces()
    withstands(tried(*as_nobody(python_for_all())), "bubblewrap")


def test_an_ordinary_user_without_namespaces() -> None:
    needs_landlock()
    withstands(tried(*as_nobody(*without_namespaces(python_for_all()))), "confined process")


def test_refused_where_not_even_a_file_can_be_kept_secret() -> None:
    for command in (
        without_namespaces(sys.executable, "--without-landlock"),
        as_nobody(*without_namespaces(python_for_all(), "--without-landlock")),
    ):
        refused = tried(*command)["refused"]
        assert "nothing is graded" in refused
        assert "apt-get install bubblewrap" in refused


@pytest.fixture
def course() -> Iterator[Path]:
    """A folder that other users can get to, were it not for its own permissions."""
    folder = Path(tempfile.mkdtemp(prefix="assay-course-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_permissions_alone_are_enough_for_root(course: Path) -> None:
    """Without namespaces and Landlock a course that others cannot enter stays secret from a uid of its own."""
    if os.geteuid() != 0:
        pytest.skip("not run: only root can give a program a uid of its own")
    (course / "kept").write_text("the answers")
    command = without_namespaces(python_for_all(), "--without-landlock")
    assert "refused" in tried(*command, guard=course)
    course.chmod(0o700)
    found = tried(*command, guard=course)
    assert found.get("tier") == "own user", found
    assert str(course / "kept") not in found["readable"]


def test_a_course_with_a_long_path_is_guarded_like_any_other(course: Path) -> None:
    """No socket can have a name of more than 107 bytes."""
    deep = course / ("deep-learning-" * 8) / "course"
    deep.mkdir(parents=True)
    found = tried(sys.executable, guard=deep)
    assert found.get("tier") == tried(sys.executable, guard=course)["tier"], found


def test_the_choice_is_made_once() -> None:
    assert choose() is choose()


def test_what_does_not_fork_safely_is_started_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object, job: Job) -> NoReturn:
        raise SandboxError("no zygote here")

    for tier in (Bubblewrap, Confined):
        monkeypatch.setattr(tier, "start_zygote", refused)
    found = examine()
    assert found.tier is not None
    assert not found.tier.warm
    part = next(part for part in found.parts if part.name == "warm start")
    assert (part.state, "no zygote here" in part.mend) == ("does not hold", True)
    with Warm(found.tier) as warm, untrusted(warm, "def double(x): return 2 * x") as program:
        assert program.student.double(2) == 4


def test_the_open_door_says_so() -> None:
    assert "keeps nothing secret" in open_door().name


def test_the_doctor_says_which_tier_and_what_it_withstood(capsys: pytest.CaptureFixture[str]) -> None:
    found = examine()
    lines = "\n".join(as_lines(found))
    assert found.tier is not None
    assert lines.startswith(f"Submissions are graded in: {found.tier.name}\n")
    assert "yes  files of this machine stay secret" in lines
    assert f"\n{found.tier.name}, warm start: holds" in lines
    assert doctor() == 0
    assert found.tier.name in capsys.readouterr().out


def test_the_doctor_says_what_to_do_where_nothing_holds() -> None:
    script = "import sys; from assay.sandbox.doctor import doctor; sys.exit(doctor())"
    command = [*without_namespaces(sys.executable, "--without-landlock"), "-c", script]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "nothing real is" in done.stdout
    assert "5.13" in done.stdout
