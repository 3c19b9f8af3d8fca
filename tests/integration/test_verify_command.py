"""`assay verify` as a command: its processes, its pictures, its words."""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.cli import main
from assay.grading.bench import Bench
from assay.grading.kills import kills_on
from assay.grading.kills_svg import as_svg
from tests.support.grading import CHECKS, REFERENCE, course_of, exercise_in

MUTANTS = """
    from assay.checks import mutant


    @mutant(of="double", says="x is <halved> & more.")
    def halved(x):
        return x / 2


    @mutant(of="double", says="Nothing is wrong.")
    def not_wrong(x):
        return 2 * x
"""
STUCK = REFERENCE.replace(
    "return 2 * x",
    "import os, pathlib, time; pathlib.Path(__file__).with_name(f'{os.getpid()}.pid').touch(); time.sleep(60)",
)


def verified(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay.cli", "--course", str(root), "verify", *options]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def said(output: str) -> str:
    """Without the progress and what it took."""
    return re.sub(r" +verify .*\n|\d+%", "", output)


def test_what_is_found_does_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path, mutants=MUTANTS)
    picture = course_of(exercise).kills("tiny")
    one = verified(tmp_path, "tiny", "--seeds", "2", "--jobs", "1")
    drawn = picture.read_bytes()
    picture.unlink()
    two = verified(tmp_path, "tiny", "--seeds", "2", "--jobs", "2")
    assert one.returncode == two.returncode == 1, one.stderr + two.stderr
    assert said(one.stdout) == said(two.stdout)
    assert picture.read_bytes() == drawn


def test_it_names_what_is_owed_and_where_the_picture_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exercise_in(tmp_path, mutants=MUTANTS)
    assert main(["--course", str(tmp_path), "verify", "--seeds", "2", "--jobs", "1"]) == 1
    output = capsys.readouterr().out
    assert "tiny, mutants: The mutant not_wrong of double gets full points on seed 0." in output
    assert "The same on seeds 1." in output and "assay release tiny" in output
    assert ".assay/verify/tiny.svg" in output and "2 wrong answers" not in output


def test_one_that_is_named_is_shown_closely(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exercise_in(tmp_path, mutants=MUTANTS)
    main(["--course", str(tmp_path), "verify", "tiny", "--seeds", "1", "--jobs", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert "double  2 wrong answers, 0 right ones" in lines
    assert any(re.match(r"halved +[●#] [·.] +x is <halved> & more\.", line) for line in lines), lines
    assert any(re.match(r"! not_wrong +[·.] [·.] ", line) for line in lines), lines


@pytest.mark.parametrize("option", ["--seeds", "--jobs"])
def test_less_than_one_is_refused(tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--course", str(tmp_path), "verify", option, "0"])
    assert f"argument {option}" in capsys.readouterr().err


@contextmanager
def stuck(root: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """The command while both its processes wait for a reference that does not return, and their ids."""
    exercise = exercise_in(root, reference=STUCK, mutants=MUTANTS)
    command = [sys.executable, "-m", "assay.cli", "--course", str(root), "verify", "--jobs", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            until = time.monotonic() + 60
            while len(found := list(exercise.folder.glob("*.pid"))) < 2:
                assert process.poll() is None and time.monotonic() < until, process.communicate()
                time.sleep(0.05)
            yield process, [int(path.stem) for path in found]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def gone(process: int) -> bool:
    """Whether a process has ended, within a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("to_all", [True, False], ids=["as the terminal sends it", "to the command alone"])
def test_control_c_ends_it_with_all_its_processes(tmp_path: Path, to_all: bool) -> None:
    with stuck(tmp_path) as (process, workers):
        (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130 and error.splitlines()[-1].startswith("assay: interrupted.")
        assert "Traceback" not in error
        assert all(map(gone, workers))


def test_its_processes_do_not_outlive_it(tmp_path: Path) -> None:
    with stuck(tmp_path) as (process, workers):
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert all(map(gone, workers))


def test_a_process_that_is_lost_is_an_error(tmp_path: Path) -> None:
    reference = REFERENCE.replace("return 2 * x", "import os; os._exit(3)")
    exercise_in(tmp_path, reference=reference)
    done = verified(tmp_path, "--jobs", "2")
    assert done.returncode == 2 and "A process was lost while it worked on tiny, seed" in done.stderr


def test_an_exercise_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    exercise_in(tmp_path, checks="import nothing_of_that_name")
    done = verified(tmp_path, "--jobs", "2")
    assert done.returncode == 2 and "nothing_of_that_name" in done.stderr and "Traceback" not in done.stderr


class TestPicture:
    SVG = "{http://www.w3.org/2000/svg}"

    @pytest.fixture
    def picture(self, tmp_path: Path) -> ElementTree.Element:
        checks = CHECKS.replace("points=2", "points=1")
        checks += "\n    there = check('is there', points=1, task='total')(lambda student: None)\n"
        exercise = exercise_in(tmp_path, mutants=MUTANTS, checks=checks)
        return ElementTree.fromstring(as_svg(kills_on(Bench(exercise))))

    def test_every_pair_of_a_check_and_a_wrong_answer_is_in_it_once(self, picture: ElementTree.Element) -> None:
        titles = [title.text or "" for title in picture.iter(f"{self.SVG}title")]
        pairs = [
            title for title in titles if re.search(r"^double_\w+ (fails|does not fail|is the first check) ", title)
        ]
        assert sorted(pairs) == [
            "double_inputs does not fail halved",
            "double_inputs does not fail not_wrong",
            "double_values does not fail not_wrong",
            "double_values is the first check to take points from halved: x is <halved> & more.",
        ]

    def test_shapes_say_what_colours_say(self, picture: ElementTree.Element) -> None:
        squares = [one.get("class") for one in picture.iter(f"{self.SVG}rect")]
        radii = {(one.get("class"), one.get("r")) for one in picture.iter(f"{self.SVG}circle")}
        assert squares == ["first"] * 2 and radii == {("also", "5"), ("none", "1.5")}  # one of each in the legend

    def test_it_says_all_of_it_in_words(self, picture: ElementTree.Element) -> None:
        words = picture.findtext(f"{self.SVG}desc") or ""
        assert "double_values fails 1 and takes the points first of 1." in words
        assert "No check takes points from not_wrong." in words
        assert picture.get("role") == "img" and picture.get("aria-labelledby") == "title described"

    def test_what_is_owed_is_marked(self, picture: ElementTree.Element) -> None:
        texts = [text.text for text in picture.iter(f"{self.SVG}text")]
        assert "! not_wrong" in texts and "! fails nobody" in texts
