"""Why a call gave no value, in the words a student reads."""

from dataclasses import replace

import pytest

from assay.errors import StudentError
from assay.outcome import CheckResult, Counterexample, Outcome
from assay.sandbox.explain import NOT_ANSWERED, explanation, without_noise

MISSING = StudentError("missing", "conv2d is not defined")
STOPPED = "conv2d_answer stopped at line 3: ZeroDivisionError: division by zero."
OTHER = "cell 4 stopped before its first line, because it is not Python: SyntaxError."
LEFT_OUT = "cell 2: %timeit was left out, because it is not Python."


@pytest.mark.parametrize(
    ("error", "answered", "notes", "words"),
    [
        (MISSING, (), (), NOT_ANSWERED),
        (MISSING, ("pool_answer",), (OTHER, LEFT_OUT), NOT_ANSWERED),
        (MISSING, ("conv2d_answer",), (), "conv2d is not defined"),
        (MISSING, ("conv2d_answer",), (LEFT_OUT,), "conv2d is not defined"),
        (MISSING, ("conv2d_answer",), (OTHER, STOPPED), f"conv2d is not defined. The cell {STOPPED}"),
        (MISSING, ("conv2d_answer",), (LEFT_OUT, OTHER), f"conv2d is not defined. The cell {OTHER}"),
        (StudentError("raised", "NotImplementedError (cell conv2d_answer, line 2)"), (), (), NOT_ANSWERED),
        (StudentError("raised", "ValueError: full points"), (), (), "your conv2d raised ValueError: full points"),
        (StudentError("type", "a set, which has no order"), (), (), "your conv2d returned a set, which has no order"),
    ],
)
def test_the_cell_at_fault_is_named(error: StudentError, answered: tuple, notes: tuple, words: str) -> None:
    assert explanation(error, "conv2d", answered, notes) == words


CHECK = CheckResult(
    "check", "conv2d", "computes", 2.0, Outcome.FAILED, hint="Flip it?", counterexample=Counterexample(())
)


@pytest.mark.parametrize("message", [NOT_ANSWERED, f"conv2d is not defined. The cell {STOPPED}"])
def test_where_the_message_says_all_nothing_else_is_said_even_of_hidden_inputs(message: str) -> None:
    said = without_noise(replace(CHECK, message=message, reveals="sentence"))
    assert (said.message, said.hint, said.counterexample, said.reveals) == (message, "", None, "counterexample")


def test_other_results_are_left_as_they_are() -> None:
    for check in (
        replace(CHECK, message="got 1, expected 2"),
        replace(CHECK, message=NOT_ANSWERED, reveals="nothing"),
        replace(CHECK, message="got 'f is not defined. The cell ', expected 'secret'", reveals="sentence"),
        replace(CHECK, outcome=Outcome.PASSED),
        replace(CHECK, outcome=Outcome.BROKEN),
    ):
        assert without_noise(check) is check
