"""Small exercises, written into a folder and judged in this process."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from assay.checks.siblings import load, siblings
from assay.checks.suite import run_suite
from assay.course import Task
from assay.outcome import CheckResult
from assay.sandbox.limits import Limits
from assay.sandbox.local import local_student

GCN = '''
import numpy as np
from assay.checks import Adjacency, Float

def gcn_layer(A: Adjacency["n n"], H: Float["n f"], W: Float["f g"]) -> Float["n g"]:
    """One graph-convolution layer."""
    A = A + np.eye(len(A))
    d = A.sum(1) ** -0.5
    return (d[:, None] * A * d) @ H @ W
'''
CHECKS = """
check_values = agrees_with(gcn_layer, points=6)
check_purity = leaves_inputs_alone(gcn_layer, points=1, after=check_values)

@check("sqrt(degree) is a fixed point", points=2, hint="Is it symmetric?", after=check_values)
@given(inputs_of(gcn_layer))
def check_fixed_point(student, graph):
    d = np.sqrt(graph["A"].sum(1, keepdims=True) + 1)
    assert_close(student.gcn_layer(graph["A"], d, np.eye(1)), d)

@points(1)
def test_one_node(student):
    '''One node keeps its features'''
    assert_close(student.gcn_layer(np.zeros((1, 1)), np.ones((1, 2)), np.eye(2)), np.ones((1, 2)))
"""


def write(folder: Path, *, checks: str | None, reference: str = GCN) -> Path:
    """An exercise folder; `checks` without its imports, or None for none."""
    (folder / "reference.py").write_text(textwrap.dedent(reference))
    if checks is not None:
        header = "from assay.checks import *\nfrom reference import *\n"
        (folder / "checks.py").write_text(header + textwrap.dedent(checks))
    return folder


def judge(
    folder: Path,
    answers: Mapping[str, object] | None = None,
    *,
    points: float | Mapping[str, float] = 10.0,
    secret: bytes = b"secret",
    limits: Limits | None = None,
    **options: object,
) -> dict[str, CheckResult]:
    """Results by name, for the reference with some functions replaced by `answers`."""
    with siblings(folder):
        functions = {name: value for name, value in vars(load(folder / "reference.py")).items() if callable(value)}
    tasks = (
        tuple(Task(*task) for task in points.items())
        if isinstance(points, Mapping)
        else (Task("gcn_layer" if "gcn_layer" in functions else "f", points),)
    )
    checks = folder / "checks.py"
    with (
        local_student({**functions, **(answers or {})}, limits) as student,
        local_student(functions) as control,
    ):
        results = run_suite(
            checks if checks.exists() else None,
            folder / "reference.py",
            tasks,
            student,
            control,
            secret,
            **options,
        )
    return {result.name: result for result in results}


def row_normalised(A, H, W):
    A = A + np.eye(len(A))
    return A / A.sum(1, keepdims=True) @ H @ W
