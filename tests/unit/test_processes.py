"""Processes of ours: every item is worked on once, errors come with their item, and nobody is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.errors import AssayError, CourseError
from assay.grading.processes import Pool, spread
from assay.sandbox.inside.supervise import descendants


@contextmanager
def counting(folder: Path) -> Iterator[Path]:
    """Tools that leave a file for each process that opened and closed them."""
    (folder / f"opened {os.getpid()}").touch()
    yield folder
    (folder / f"closed {os.getpid()}").touch()


@contextmanager
def refused(reason: str) -> Iterator[None]:
    raise CourseError(reason)
    yield


class Foreign(Exception):
    """Cannot be rebuilt from its arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def work(folder: Path, item: int) -> int:
    if item == 3:
        raise CourseError("three")
    if item == 4:
        raise Foreign(1, 2)
    return item * item


def lost(folder: Path, item: int) -> str:
    """Some items end the process: odd ones once, 6 every time."""
    with open(folder / f"tried {item}", "a") as file:
        file.write(".")
    tries = (folder / f"tried {item}").stat().st_size
    if item == 6 or item % 2 and tries == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{item}" if item % 2 == 0 else f"{item} again"


def surroundings(folder: Path, item: int) -> tuple[bool, str | None, str, bool]:
    """Whether a module was loaded before any item came, and what a program that we start would find."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return "colorsys" in sys.modules, os.environ.get("ASSAY_TEST"), os.getcwd(), ignored and not blocked


def double(item: int) -> int:
    return 2 * item


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_item_comes_with_its_result_or_its_error(tmp_path: Path, jobs: int) -> None:
    begun: list[int] = []
    with Pool(jobs, counting, tmp_path) as pool:
        found = dict(pool.each(work, range(6), on_start=begun.append))
        again = dict(pool.each(work, [7, 8]))
    assert sorted(begun) == list(range(6))
    assert (again, [found[n] for n in (0, 1, 2, 5)]) == ({7: 49, 8: 64}, [0, 1, 4, 25])
    assert isinstance(found[3], CourseError) and str(found[3]) == "three"
    assert isinstance(found[4], AssayError) and str(found[4]) == "Foreign: 1 and 2"
    opened = [path.name.split()[1] for path in tmp_path.glob("opened *")]
    assert len(opened) <= jobs
    if jobs == 1:
        assert opened == [str(os.getpid())]


def test_a_lost_process_is_replaced_and_its_item_tried_again(tmp_path: Path) -> None:
    before = set(descendants(os.getpid()))
    with Pool(2, counting, tmp_path) as pool:
        found = dict(pool.each(lost, range(4, 9), retries=1))
        assert len(multiprocessing.active_children()) <= 2
        assert len(set(descendants(os.getpid())) - before) <= 4  # they, and multiprocessing's own two
    assert [found[n] for n in (4, 5, 7, 8)] == ["4", "5 again", "7 again", "8"]
    assert "A process was lost while it worked on 6" in str(found[6])
    assert (tmp_path / "tried 6").read_text() == ".."


def test_processes_begin_with_what_was_loaded_and_where_we_are_now(tmp_path: Path) -> None:
    script = """
import os
import sys
from pathlib import Path
from assay.grading.processes import Pool, load_ahead
from tests.unit.test_processes import counting, surroundings
def main(folder):
    load_ahead("colorsys")
    os.environ["ASSAY_TEST"] = "new"
    os.chdir(folder)
    with Pool(2, counting, Path(folder)) as pool:
        print(set(outcome for _, outcome in pool.each(surroundings, range(4))))
if __name__ == "__main__":
    main(sys.argv[1])
"""
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path)]
    environment = {**os.environ, "ASSAY_TEST": "old", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.strip() == str({(True, "new", str(tmp_path), True)})


@pytest.mark.parametrize("jobs", [1, 2])
def test_tools_that_cannot_be_opened_end_it(jobs: int) -> None:
    with Pool(jobs, refused, "no tools") as pool, pytest.raises(CourseError, match="no tools"):
        dict(pool.each(work, [1, 2, 3]))


def test_spread_raises_what_its_work_raises() -> None:
    assert dict(spread(double, [1, 2, 3], jobs=2)) == {1: 2, 2: 4, 3: 6}
    with pytest.raises(TypeError):
        dict(spread(len, [1, 2], jobs=2))
