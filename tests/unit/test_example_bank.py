"""Examples that were drawn before, in this process or another, and what was computed of them."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.checks import assert_close, check
from assay.checks.bank import Bank, Kept
from assay.checks.callbacks import Quadratic
from assay.checks.drawn import fresh
from assay.checks.runner import Verdict, run_check
from tests.support.direct import Direct


@check("f doubles")
@given(st.integers(0, 9).map(np.full((2,), 1.0).__mul__), st.builds(Kept))
def doubles(student, x, kept):
    expected = kept("expected", lambda: _twice(x))
    got = student.f(x)
    x += 1000
    assert_close(got, expected)


asked: list[float] = []


def _twice(x):
    asked.append(float(x[0]))
    return 2 * x


def judged(answer, bank, *, function=doubles, name="doubles"):
    student = Direct({"f": answer})
    return run_check(function, {"student": student}, student, name=name, seed=1, shrink_seconds=0.0, bank=bank).verdict


@pytest.fixture
def bank():
    filled = Bank()
    assert judged(lambda x: 2 * x, filled) is Verdict.PASSED
    asked.clear()
    return filled


def test_the_reference_is_not_asked_again(bank):
    assert judged(lambda x: x + x, bank) is Verdict.PASSED
    assert judged(lambda x: x + x, bank) is Verdict.PASSED
    assert asked == []


def test_a_wrong_answer_is_drawn_anew(bank):
    assert judged(lambda x: 3 * x, bank) is Verdict.FAILED
    assert asked
    assert judged(lambda x: 2 * x, bank) is Verdict.PASSED


def test_nobody_sees_what_another_student_was_given(bank):
    seen = []
    for _ in range(3):
        judged(lambda x: seen.append(x.tolist()) or 2 * x, bank)
    assert seen[: len(seen) // 3] * 3 == seen


def test_a_bank_goes_from_process_to_process(bank):
    again = Bank.loads(bank.dumps())
    assert judged(lambda x: 2 * x, again) is Verdict.PASSED
    assert asked == []
    assert judged(lambda x: 2 * x + (x > 3), again) is Verdict.FAILED


def test_who_judges_one_alone_gets_the_examples_themselves(bank):
    once = Bank.loads(bank.dumps(), once=True)
    (key,) = once._examples
    kept, first = once._examples[key], once.get(*key)
    assert first is kept
    first[0]["x"] += 1000
    assert once.get(*key)[0]["x"].tolist() == bank.get(*key)[0]["x"].tolist()  # who asks again gets them as they were
    assert bank.get(*key)[0] is not bank.get(*key)[0]
    once = Bank.loads(bank.dumps(), once=True)
    assert judged(lambda x: 2 * x, once) is Verdict.PASSED
    assert asked == []


def test_what_cannot_be_pickled_is_run_live():
    @check("f is called with a function")
    @given(st.sampled_from([lambda x: x, lambda x: -x]))
    def unnamed(student, g):
        assert_close(student.f(g(np.ones(2))), g(np.ones(2)) * 2)

    bank = Bank()
    assert judged(lambda x: 2 * x, bank, function=unnamed, name="unnamed") is Verdict.PASSED
    assert judged(lambda x: 2 * x, bank) is Verdict.PASSED
    assert bank.get("unnamed", 1)
    again = Bank.loads(bank.dumps())
    assert again.get("doubles", 1) and not again.get("unnamed", 1)
    assert judged(lambda x: 2 * x, again, function=unnamed, name="unnamed") is Verdict.PASSED
    assert judged(lambda x: 3 * x, again, function=unnamed, name="unnamed") is Verdict.FAILED


def test_what_is_not_there_any_more_is_run_live(bank, monkeypatch):
    class Gone:
        pass

    Gone.__qualname__ = "Gone"
    monkeypatch.setitem(globals(), "Gone", Gone)
    bank.keep("gone", 1, [{"x": Gone()}])
    data = bank.dumps()
    monkeypatch.delitem(globals(), "Gone")
    again = Bank.loads(data)
    assert again.get("doubles", 1) and not again.get("gone", 1)


def test_a_cleared_bank_is_empty(bank):
    bank.clear()
    assert judged(lambda x: 2 * x, bank) is Verdict.PASSED
    assert asked


def test_kept_computes_once_and_forgets_errors():
    kept = Kept()
    with pytest.raises(ZeroDivisionError):
        kept("a", lambda: 1 / 0)
    assert [kept("a", lambda: 1), kept("a", lambda: 2), kept("b", lambda: 3)] == [1, 1, 3]
    assert pickle.loads(pickle.dumps(kept))("b", lambda: 4) == 3


def test_fresh_arguments_share_nothing():
    grad = Quadratic(np.eye(2), np.ones(2))
    grad(np.zeros(2))
    given = {"x": np.ones((2, 3)).T, "n": 3, "grad": grad, "parts": [np.zeros(1)], "objects": np.array([[]], object)}
    copies = fresh(given)
    assert copies["x"].strides == given["x"].strides
    copies["x"] += 1
    copies["parts"][0] += 1
    copies["grad"](np.ones(2))
    copies["grad"].A += 1
    assert given["x"].sum() == 6 and given["parts"][0] == 0
    assert len(grad.asked) == 1 and len(copies["grad"].asked) == 2 and grad.A.sum() == 2
