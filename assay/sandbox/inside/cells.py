"""Run the cells of a notebook one after another in one namespace, as Jupyter would.

An error stops its cell and no other. Beyond Jupyter: a failing import and what needs it are passed over, because the
worker has fewer libraries than a student's server; and no cell may use more than half of the time that is left, so
that a long experiment costs at most itself.
"""

from __future__ import annotations

import ast
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .absent import LibraryAbsent, stand_in
from .ipython import as_python
from .messages import CELL, clean, told

NOTES = 100  # at most
_FUTURE = annotations.compiler_flag  # the one feature that is not yet the rule


class CellTimeout(BaseException):
    """The cell has had its time."""


class Shell:
    """Stands in for `get_ipython()`: every method is there and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def run_cells(cells: Iterable[Sequence[Any]], namespace: dict[str, Any], seconds: float) -> list[str]:
    """Run (name, text, whether the instructor wrote it) in turn; what did not run, a sentence each.

    `seconds` is the wall time for all of them. Of the instructor's cells only those that stopped are told.
    """
    namespace.setdefault("display", _nothing)
    namespace.setdefault("get_ipython", Shell)
    until = time.monotonic() + seconds
    notes: list[str] = []
    for name, text, instructor in cells:
        passed_over, stopped = run_cell(name, text, namespace, max((until - time.monotonic()) / 2, 0.05))
        notes += [] if instructor else passed_over
        notes += [] if stopped is None else [stopped]
    return notes[:NOTES]


def run_cell(name: str, text: str, namespace: dict[str, Any], seconds: float) -> tuple[list[str], str | None]:
    """Run one cell. What was passed over, a sentence each, and why the cell stopped before its end, if it did."""
    shown = clean(name, 80)
    file = f"{CELL}{shown}>"
    code, left_out = as_python(text)
    notes = [f"{shown}: {clean(command, 80)} was left out, because it is not Python." for command in left_out]
    try:
        tree = ast.parse(code, file)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return notes, f"{shown} stopped before its first line, because it is not Python: {told(error)}."
    try:
        with time_limit(seconds):
            return notes, _run(tree.body, file, namespace, shown, notes)
    except CellTimeout:
        return notes, f"{shown} stopped after {seconds:.1f} seconds: the checks wait no longer for one cell."


def _run(body: list[ast.stmt], file: str, namespace: dict[str, Any], shown: str, notes: list[str]) -> str | None:
    """Run statements in turn; why they stopped, or None."""
    flags = 0
    for statement in body:
        try:
            code = compile(ast.Module([statement], []), file, "exec", flags=flags, dont_inherit=True)
            flags |= code.co_flags & _FUTURE
            exec(code, namespace)
        except CellTimeout:
            raise
        except LibraryAbsent as error:
            notes.append(f"{shown}: line {statement.lineno} was left out: {clean(str(error), 200)}.")
        except BaseException as error:  # SystemExit and KeyboardInterrupt end a cell too, never the worker
            if not (_is_import(statement) and issubclass(type(error), Exception)):
                return f"{shown} stopped at line {statement.lineno}: {_told_once(error, shown, statement)}."
            stand_in(statement, namespace)  # type: ignore[arg-type]
            said = _told_once(error, shown, statement)
            notes.append(f"{shown}: the import in line {statement.lineno} failed: {said}.")
    return None


def _told_once(error: BaseException, shown: str, statement: ast.stmt) -> str:
    """The error, with its place only where that is another than the statement."""
    return told(error).removesuffix(f" (cell {shown}, line {statement.lineno})")


def _is_import(statement: ast.stmt) -> bool:
    return type(statement) in (ast.Import, ast.ImportFrom)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise CellTimeout in the code below after that many seconds of wall time. Only in a main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: object) -> None:
        raise CellTimeout

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _nothing(*args: object, **kwargs: object) -> None:
    """Stands in for `display` and for IPython's own functions."""
