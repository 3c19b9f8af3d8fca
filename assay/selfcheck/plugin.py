"""pytest plugin of a released file of self-checks: the student's notebook, and one table instead of tracebacks.

Loaded by the file itself, so that nothing changes for anybody else's tests.
"""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from assay.errors import SubmissionError
from assay.feedback.text import as_text
from assay.outcome import CheckResult, Outcome
from assay.selfcheck.disk import notebook_of
from assay.selfcheck.running import Runs, parameters_in, self_check, table
from assay.selfcheck.students import OwnStudent, student_on_disk

RUNS = pytest.StashKey[dict[Path, Runs]]()


@pytest.fixture(scope="module")
def student(request: pytest.FixtureRequest) -> Iterator[OwnStudent]:
    """The functions of the notebook beside the file of checks."""
    os.environ["MPLBACKEND"] = "agg"  # plots are for the notebook
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in grading; many threads only wait for each other on small data
    path = request.path
    try:
        person = student_on_disk(notebook_of(path))
    except SubmissionError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.TESTS_FAILED)
    request.config.stash.setdefault(RUNS, {})[path] = Runs(person, parameters_in(request.module))
    with chdir(path.parent):
        yield person
    person.close()


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis would leave a folder beside the notebook, and the student would submit it."""
    scratch = tempfile.TemporaryDirectory()
    set_hypothesis_home_dir(scratch.name)
    config.add_cleanup(scratch.cleanup)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where all tests are self-checks, the table says everything; else failures are told as pytest does, too."""
    option = session.config.option
    if not session.testsfailed and all(map(_is_self_check, session.items)) and option.tbstyle == "auto":
        option.tbstyle = "no"
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and option.reportchars == "fE":
            terminal.reportchars = "E"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not _is_self_check(pyfuncitem):
        return None
    runs = pyfuncitem.config.stash[RUNS][pyfuncitem.path]
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: value for name, value in pyfuncitem.funcargs.items() if name in wanted}
    result = runs.run(self_check(pyfuncitem.name, pyfuncitem.obj), arguments)
    if not result.looked_at:
        pytest.skip(result.message)
    if result.outcome is Outcome.FAILED:
        pytest.fail(_text([result]), pytrace=False)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for path, runs in config.stash.get(RUNS, {}).items():
        terminalreporter.section(f"{notebook_of(path).name}, as it is saved")
        for line in _text(runs.results.values(), runs, colour=terminalreporter.hasmarkup).splitlines():
            terminalreporter.write_line(line)
        failed = [result for result in runs.results.values() if result.outcome is Outcome.FAILED]
        if failed and failed[0].task:
            terminalreporter.write_line(f"The checks of one function alone: pytest {path.name} -k {failed[0].task}")


def _text(results: Iterable[CheckResult], runs: Runs | None = None, *, colour: bool = False) -> str:
    report, tasks = table(tuple(results), runs.student.notes if runs is not None else ())
    return as_text(report, tasks, colour=colour)


def _is_self_check(item: pytest.Item) -> bool:
    """Whether its `student` is the one of this file."""
    fixtures: Any = getattr(item, "_fixtureinfo", None)
    found: Sequence[Any] = fixtures.name2fixturedefs.get("student", ()) if fixtures is not None else ()
    return bool(found) and bool(found[-1].func.__module__ == __name__)
