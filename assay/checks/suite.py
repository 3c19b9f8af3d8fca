"""Run all checks of one exercise against one student and say what each came to.

pytest collects and runs them, in this process, but reads no configuration, loads no other plugin, prints nothing
and writes nothing beside the checks.
"""

from __future__ import annotations

import gc
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from assay.checks import plugin
from assay.checks.bank import Bank
from assay.checks.collected import Collected, Seat, Session, Suite
from assay.checks.runner import SHRINK_SECONDS, Ran, Verdict
from assay.checks.siblings import load, siblings
from assay.course import Task
from assay.errors import AuthoringError
from assay.outcome import CheckResult, Outcome

UNUSED = ("cacheprovider", "terminal", "faulthandler", "warnings", "unraisableexception", "threadexception")
PYTEST = (
    "--noconftest",
    "--assert=plain",  # a rewritten assert quotes the check's own source, and a student reads the message
    "--import-mode=importlib",
    "--capture=sys",
    *(part for name in UNUSED for part in ("-p", f"no:{name}")),
)


def run_suite(
    checks: Path | None,
    reference: Path,
    tasks: tuple[Task, ...],
    student: Any,
    control: Any,
    secret: bytes,
    *,
    shrink_seconds: float = SHRINK_SECONDS,
    bank: Bank | None = None,
    only: frozenset[str] | None = None,
    told: Callable[[tuple[CheckResult, ...]], None] | None = None,
) -> tuple[CheckResult, ...]:
    """One result per check, in the order of `checks`; tasks it does not mention get the standing checks.

    `control` is the reference as a student: what fails there too is the author's, and BROKEN. A `bank` saves the
    drawing of what was drawn before; one is good for one suite. With `only`, just the checks of these names are run,
    each whether or not the one it comes after failed. `told` gets all results before smaller examples of those that
    failed on the bank's are looked for, unless it is still open whose failure one is.
    Raises AuthoringError where the checks or the reference cannot be used at all (see `broken_suite`).
    """
    seat = Seat(student, control, bank, only, told)
    with opened(checks, reference, tasks) as suite:
        return results_of(suite, lambda _: seat, secret, shrink_seconds=shrink_seconds)


def results_of(
    suite: Suite, admit: Callable[[Session], Seat], secret: bytes, *, shrink_seconds: float = SHRINK_SECONDS
) -> tuple[CheckResult, ...]:
    """The results of `run_suite` for whoever `admit` seats, which is called once the checks are collected.

    A process can be copied in there, so that each copy judges another student. Raises AuthoringError as `run_suite`.
    """
    session = Session(suite, admit, secret, shrink_seconds)
    session.tell = lambda: _tell(session)
    _run(session)
    seat = session.seat
    doubtful = frozenset(name for name, ran in session.ran.items() if ran.verdict is Verdict.DOUBTFUL)
    second = Session(suite, lambda _: Seat(seat.control, only=doubtful), secret, shrink_seconds)
    if doubtful:
        seat.student.forget()
        seat.student.close()  # nothing of the student's takes memory or time from the reference
        gc.collect()
        _run(second)
    return _results(session, second)


def point_sums(checks: Path | None, reference: Path, tasks: tuple[Task, ...]) -> dict[str, float]:
    """Points that the checks of each task add up to, without running any. Raises AuthoringError as `run_suite`."""
    with opened(checks, reference, tasks) as suite:
        session = Session(suite, lambda _: Seat(None, only=frozenset()))
        _run(session)
    sums = {task.name: 0.0 for task in tasks}
    for one in session.collected.values():
        sums[one.task] += one.points
    return sums


def wrong_sums(checks: Path | None, reference: Path, tasks: tuple[Task, ...]) -> tuple[str, ...]:
    """One sentence for each task whose checks do not add up to the points of its marker cell."""
    sums = point_sums(checks, reference, tasks)
    return tuple(
        f"The checks of {task.name} give {sums[task.name]:g} points, its cell in the notebook {task.points:g}. "
        "Make them equal."
        for task in tasks
        if not math.isclose(sums[task.name], task.points, abs_tol=1e-6)
    )


def broken_suite(tasks: Iterable[Task], error: AuthoringError) -> tuple[CheckResult, ...]:
    """Results for a suite that cannot be used: full points for every task, and a note for staff."""
    sentence = "This exercise could not be checked; its author has been told"
    return tuple(
        CheckResult("suite", task.name, sentence, task.points, Outcome.BROKEN, staff_note=str(error)) for task in tasks
    )


@contextmanager
def opened(checks: Path | None, reference: Path, tasks: tuple[Task, ...]) -> Iterator[Suite]:
    """The files of an exercise, importable by name, and a process in which pytest leaves no trace."""
    settings = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in (*settings, "PYTEST_CURRENT_TEST", "PYTEST_VERSION")}
    with tempfile.TemporaryDirectory() as scratch, siblings(reference.parent), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are the author's to read, and no student's fault
        os.environ.update(settings)
        set_hypothesis_home_dir(scratch)
        try:
            yield Suite(checks, load(reference), tasks)
        finally:
            set_hypothesis_home_dir(None)
            for name, value in before.items():
                os.environ.pop(name, None)
                os.environ.update({} if value is None else {name: value})


def _run(session: Session) -> None:
    """Let pytest collect the suite and run it. Raises AuthoringError where that is impossible."""
    reference = Path(str(session.suite.reference.__file__))
    file = session.suite.checks or reference
    # Without --confcutdir, pytest lists every folder above the file.
    folder = str(file.parent)
    arguments = [*PYTEST, "-c", os.devnull, "--rootdir", folder, "--confcutdir", folder, str(file)]
    code = pytest.main(arguments, plugins=[plugin, session])
    os.chdir(session.folder or os.curdir)  # pytest goes back to where it began, which a fork has left
    if session.interrupted:
        raise KeyboardInterrupt
    if session.problem:
        raise AuthoringError(f"{file} cannot be used: {session.problem}")
    if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise AuthoringError(f"pytest could not run {file}. Run pytest on it to see why.")
    session.settle()


def _tell(session: Session) -> None:
    """Tell what all checks came to, unless the reference has still to say whose failure one is."""
    session.tell = lambda: None
    session.settle()
    if session.seat.told is not None and all(ran.verdict is not Verdict.DOUBTFUL for ran in session.ran.values()):
        session.seat.told(_results(session, Session(session.suite, session.admit)))


def _results(first: Session, second: Session) -> tuple[CheckResult, ...]:
    results: list[CheckResult] = []
    failed: dict[int, CheckResult] = {}
    only = first.seat.only
    for name, one in first.collected.items():
        if only is not None and name not in only:
            continue
        before = failed.get(id(one.check.after)) if only is None else None
        if before is None:
            result = _result(one, _blame(first.ran[name], second.ran.get(name)))
        else:
            result = _not_looked_at(one, before)
        if result.outcome is Outcome.FAILED:
            failed[id(one.check)] = result
        results.append(result)
    return tuple(results)


def _blame(ran: Ran, control: Ran | None) -> Ran:
    """Whose failure it is: where the reference in the student's place fails too, ours."""
    if ran.verdict is not Verdict.DOUBTFUL:
        return ran
    if control is not None and control.verdict is Verdict.PASSED:
        return replace(ran, verdict=Verdict.FAILED)
    note = "" if control is None else f"\nWith the reference in the student's place:\n{control.note}"
    return Ran(Verdict.BROKEN, note=ran.note + note)


def _result(one: Collected, ran: Ran) -> CheckResult:
    check = one.check
    failed = ran.verdict is Verdict.FAILED
    broken = ran.verdict is Verdict.BROKEN
    return CheckResult(
        name=one.name,
        task=one.task,
        sentence=check.sentence,
        points=one.points,
        outcome=Outcome.BROKEN if broken else Outcome.FAILED if failed else Outcome.PASSED,
        message=ran.message if failed else "",
        hint=check.hint,
        counterexample=ran.counterexample if failed else None,
        reveals=check.reveals,
        staff_note=ran.note,
    )


def _not_looked_at(one: Collected, before: CheckResult) -> CheckResult:
    what = "another check" if before.reveals == "nothing" else f'"{before.sentence}"'
    message = f"not looked at, because {what} failed first"
    check = one.check
    return CheckResult(
        one.name, one.task, check.sentence, one.points, Outcome.FAILED, message, reveals=check.reveals, looked_at=False
    )
