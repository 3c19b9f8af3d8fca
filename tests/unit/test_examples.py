"""What is kept of a failing example: text, and no value of a student's."""

import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from assay.checks import assert_close, check, given, st
from assay.checks.runner import Verdict, run_check
from assay.checks.suite import run_suite
from assay.course import Task
from assay.outcome import Call
from assay.sandbox.local import local_student

PARAMETERS = {"f": {"x": None}}


@pytest.mark.parametrize("drawn", [True, False])
@pytest.mark.parametrize("fails", ["mismatch", "assertion", "type"])
def test_no_value_outlives_its_check(drawn: bool, fails: str) -> None:
    returned: list[weakref.ref] = []

    def body(student, n: int) -> None:
        got = student.f(n)
        returned.append(weakref.ref(got))
        if fails == "mismatch":
            assert_close(got, np.ones(3))
        assert fails == "type"
        got.no_such_method()

    @check("drawn")
    @given(st.integers(0, 3))
    def of_drawn(student, n):
        body(student, n)

    @check("plain")
    def plain(student):
        body(student, 0)

    with local_student({"f": lambda n: np.zeros(3)}) as student:
        ran = run_check(
            of_drawn if drawn else plain, {"student": student}, student, name="f", seed=1, parameters=PARAMETERS
        )
        student.forget()
    assert ran.verdict is (Verdict.DOUBTFUL if fails == "type" else Verdict.FAILED)
    assert ran.counterexample is not None
    assert ran.counterexample.calls == (Call("f", (("x", "0"),), "[0, 0, 0]"),)
    assert ran.counterexample.expected == ("[1, 1, 1]" if fails == "mismatch" else None)
    if not drawn:  # Hypothesis has cycles of its own, which end with a collection
        assert returned and all(ref() is None for ref in returned)


def test_the_reference_has_the_machine_to_itself(tmp_path) -> None:
    (tmp_path / "reference.py").write_text("def f(x):\n    return x\n")
    (tmp_path / "checks.py").write_text(
        "from assay.checks import *\n\n@check('adds', points=1)\n@given(st.integers(0, 3))\n"
        "def adds(student, n):\n    student.f(n) + 1\n"
    )
    stopped: list[str] = []
    seen = SimpleNamespace(calls=None, stopped=None)

    def control_f(x):
        seen.calls, seen.stopped = list(student.calls), list(stopped)
        return x

    with local_student({"f": lambda x: "text"}) as student, local_student({"f": control_f}) as control:
        connect = student._connect

        def noted():
            worker = connect()
            stop = worker.stop
            worker.stop = lambda: (stopped.append("worker"), stop())[1]
            return worker

        student._connect = noted
        (result,) = run_suite(
            tmp_path / "checks.py", tmp_path / "reference.py", (Task("f", 1.0),), student, control, b"secret"
        )
    assert result.outcome.value == "failed"
    assert seen.calls == [] and seen.stopped == ["worker"]
