"""A tiny notebook with self-checks, as it lies in a student's folder."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.notebooks import Cell, answer, code, locked_code, manual, marker, notebook, text

CHECKS = '''
    """Checks for tiny.ipynb."""

    from assay.selfcheck import *


    def double(x: Float["n"]) -> Float["n"]: ...


    @check("twice 3 is 6", task="double", hint="Two times.")
    def test_double_example(student):
        assert_close(student.double(np.array([3.0])), np.array([6.0]))


    test_double_shape = right_shape(double, sentence="as many numbers come out as go in")
    test_double_law = linear_in(double, "x", sentence="sums go to sums", after=test_double_example)


    @check("1 and 2 are 3", task="total")
    def test_total(student):
        assert_close(student.total(np.array([1.0, 2.0])), 3.0)
'''
RIGHT = {"double": "def double(x):\n    return 2 * x", "total": "def total(x):\n    return float(x.sum())"}
UNANSWERED = {name: f"def {name}(x):\n    raise NotImplementedError()" for name in RIGHT}
LOADING = """
    try:
        %load_ext assay.selfcheck
    except ImportError:
        get_ipython().register_magic_function(lambda name: print("needs assay"), magic_name="selfcheck")
"""


def cells(**answers: str) -> list[Cell]:
    """The cells of the notebook, with the right answer of each function that is not given another."""
    given = {**RIGHT, **answers}
    return [
        locked_code("import numpy as np", "imports"),
        locked_code(LOADING, "selfcheck", tags=["example"]),
        answer(given["double"], "double_answer"),
        locked_code("raise SystemExit('an example')", "double_example", tags=["example"]),
        code("%selfcheck double", id="selfcheck-double", tags=["example"]),
        marker("double", 3),
        answer(given["total"], "total_answer"),
        code("%selfcheck", id="selfcheck-all", tags=["example"]),
        marker("total", 1),
        manual("raise SystemExit('a plot')", "plot", 1, kind="code"),
    ]


def write_tiny(folder: Path, *, checks: str = CHECKS, **answers: str) -> Path:
    """Write tiny.ipynb and test_tiny.py into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.ipynb").write_text(json.dumps(notebook(*cells(**answers))))
    (folder / "test_tiny.py").write_text(text(checks) + "\n")
    return folder
