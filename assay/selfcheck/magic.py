"""`%selfcheck NAME`: the self-checks of one function, against what the notebook defines right now."""

from __future__ import annotations

import atexit
import contextlib
import io
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis.configuration import set_hypothesis_home_dir

from assay.outcome import CheckResult, Outcome
from assay.selfcheck.disk import notebook_of
from assay.selfcheck.running import Runs, SelfCheck, parameters_in, self_checks
from assay.selfcheck.shown import Shown

SHRINK_SECONDS = 0.4  # for all failing checks of one function together: the answer should come within a second
LEAST = 0.05


def register(shell: Any) -> None:
    """Make `%selfcheck` known to an IPython shell."""

    def selfcheck(line: str) -> None:
        """%selfcheck NAME runs the checks of one function, %selfcheck those of all."""
        from IPython.display import display

        display(selfchecked(line, Path.cwd(), shell.user_ns))

    shell.register_magic_function(selfcheck, magic_kind="line", magic_name="selfcheck")
    _keep_the_folder_clean()


def _keep_the_folder_clean() -> None:
    """Hypothesis would leave a folder beside the notebook, and the student would submit it."""
    scratch = tempfile.TemporaryDirectory()
    set_hypothesis_home_dir(scratch.name)
    atexit.register(scratch.cleanup)


def selfchecked(line: str, folder: Path, namespace: Mapping[str, object]) -> Shown:
    """What `%selfcheck LINE` shows in a notebook of that folder whose cells have defined `namespace`."""
    files = [path for path in sorted(folder.glob("test_*.py")) if notebook_of(path).is_file()]
    if not files:
        return Shown((), f"There is no file of self-checks, such as test_gradient_descent.py, in {folder}.")
    try:
        modules = [read_checks(path) for path in files]
    except Exception as error:
        return Shown((), f"The self-checks cannot be read ({type(error).__name__}: {error}). Get the file anew.")
    checks = [(module, one) for module in modules for one in self_checks(module)]
    known = list(dict.fromkeys(one.about for _, one in checks))
    wanted = line.split() or [name for name in known if name in namespace]
    for name in wanted:
        if name not in known:
            return Shown((), f"There is no self-check of {name}. There are some of {', '.join(known)}.")
        if name not in namespace:
            return Shown((), f"{name} is not defined yet. Run the cell that defines it, then this one again.")
    if not wanted:
        return Shown((), f"Run the cells that define your functions first: {', '.join(known)}.")
    results = [
        result
        for name in wanted
        for module in modules
        for result in _results(module, [one for each, one in checks if each is module and one.about == name], namespace)
    ]
    return Shown(tuple(results))


def _results(module: ModuleType, checks: Sequence[SelfCheck], namespace: Mapping[str, object]) -> list[CheckResult]:
    from assay.selfcheck.students import live_student

    left = SHRINK_SECONDS
    with live_student(namespace) as student, contextlib.redirect_stdout(io.StringIO()):
        runs = Runs(student, parameters_in(module))
        for one in checks:
            start = time.monotonic()
            result = runs.run(one, shrink_seconds=max(left / 2, LEAST))
            if result.outcome is Outcome.FAILED:
                left -= time.monotonic() - start
    return list(runs.results.values())


def read_checks(path: Path) -> ModuleType:
    """The file of checks as it is now. It is read anew each time, and no bytecode is left beside it."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module
