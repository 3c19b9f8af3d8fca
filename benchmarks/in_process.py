"""The same checks, run by Hypothesis in one warm process, without a sandbox: what the work in the checks costs.

    python -m benchmarks.in_process COURSE EXERCISE

Reads notebooks from COURSE/submitted, prints one line of JSON for each submission. Libraries, the checks and the
reference are loaded once; each submission is judged in a fork of this process, with every check live. Nothing is
confined, so this is for submissions of our own alone.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from assay.checks.suite import run_suite
from assay.course import Exercise, open_course
from assay.errors import StudentError
from assay.grading.bench import Bench
from assay.outcome import CheckResult, Outcome
from assay.sandbox.inside.tensors import found_in
from assay.sandbox.libraries import modules_of
from assay.sandbox.proxy import Recorded


class InProcess:
    """A student whose functions are called where they are."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.calls: list[Recorded] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return functools.partial(self._call, name)

    def _call(self, name: str, *args: Any) -> Any:
        try:
            value = plain(self._namespace[name](*args))
        except Exception as error:
            raise StudentError("raised", f"{type(error).__name__}: {error}") from error
        self.calls.append(Recorded(name, args, {}, value, args, None))
        return value

    def forget(self) -> None:
        self.calls = []

    def close(self) -> None:
        """There is nothing to end."""


def plain(value: Any) -> Any:
    """Tensors as arrays, as checks get them."""
    if isinstance(value, (tuple, list)):
        return tuple(map(plain, value))
    found = found_in(value)
    return value if found is None else found


def judged(exercise: Exercise, namespace: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[CheckResult, ...]:
    """All checks, live."""
    student, control = InProcess(namespace), InProcess(reference)
    return run_suite(exercise.checks, exercise.reference, exercise.tasks, student, control, b"benchmark")


def loaded(notebook: Path) -> dict[str, Any]:
    """What the code cells of a notebook define; a cell that raises is passed over, as notebooks do."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "example" not in cell["metadata"].get("tags", ()):
            with suppress(Exception):
                exec(compile("".join(cell["source"]), notebook.name, "exec"), namespace)
    return namespace


def main() -> None:
    warnings.simplefilter("ignore")
    exercise = open_course(sys.argv[1])[sys.argv[2]]
    for library in exercise.libraries:
        for module in modules_of(library):
            importlib.import_module(module)
    reference = Bench(exercise).reference
    judged(exercise, reference, reference)  # pytest and Hypothesis are warm from here on
    print(json.dumps({"ready": time.time()}), flush=True)
    for folder in sorted(exercise.course.submitted.iterdir()):
        started = time.perf_counter()
        if not (child := os.fork()):
            try:
                with redirect_stdout(sys.stderr):
                    results = judged(exercise, loaded(folder / exercise.name / f"{exercise.name}.ipynb"), reference)
                right = {task.name: all(_passed(r) for r in results if r.task == task.name) for task in exercise.tasks}
                seconds = time.perf_counter() - started
                print(json.dumps({"student": folder.name, "seconds": seconds, "right": right}), flush=True)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


def _passed(result: CheckResult) -> bool:
    return result.outcome is Outcome.PASSED or not result.points


if __name__ == "__main__":
    main()
