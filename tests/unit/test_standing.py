"""Standing checks: each catches the mistake it is for, and lets right answers pass."""

import numpy as np
import pytest

from assay.outcome import Outcome
from tests.support.suites import judge, write

NORMALISE = '''
import numpy as np
from assay.checks import Float

def f(x: Float["n d"]) -> Float["n d"]:
    """Softmax of every row."""
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
'''


def softmax(x):
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def in_place(x):
    x -= x.max(axis=1, keepdims=True)
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def overflowing(x):
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def one_shift_for_all_rows(x):
    shifted = np.exp(x - x.max())
    return shifted / shifted.sum(axis=1, keepdims=True)


def with_memory():
    calls = [0]

    def f(x):
        calls[0] += 1
        return softmax(x) + 1e-3 * (calls[0] % 2)

    return f


@pytest.fixture
def exercise(tmp_path):
    return write(tmp_path, checks=None, reference=NORMALISE)


def failed(results):
    looked_at = {name: result for name, result in results.items() if "not looked at" not in result.message}
    return {name for name, result in looked_at.items() if result.outcome is Outcome.FAILED}


@pytest.mark.parametrize("answer", [softmax, lambda x: np.asfortranarray(softmax(x)), lambda x: softmax(x.copy())])
def test_right_answers_earn_everything(exercise, answer):
    results = judge(exercise, {"f": answer})
    assert sum(result.earned for result in results.values()) == pytest.approx(10)


def test_the_values_are_worth_most(exercise):
    results = judge(exercise)
    assert {name: result.points for name, result in results.items()} == pytest.approx(
        {"f_values": 7, "f_purity": 1, "f_same_twice": 1, "f_extremes": 1}
    )


@pytest.mark.parametrize(
    ("answer", "caught_by"),
    [
        (lambda x: softmax(x.T).T, "f_values"),
        (lambda x: softmax(x).astype(np.float32), "f_values"),
        (lambda x: softmax(x).tolist(), "f_values"),
        (lambda x: softmax(x)[0], "f_values"),
        (in_place, "f_purity"),
        (overflowing, "f_extremes"),
        (one_shift_for_all_rows, "f_extremes"),
    ],
)
def test_each_mistake_is_caught(exercise, answer, caught_by):
    assert failed(judge(exercise, {"f": answer})) == {caught_by}


def test_zeros_of_the_right_shape_earn_nothing(exercise):
    results = judge(exercise, {"f": np.zeros_like})
    assert sum(result.earned for result in results.values()) == 0


def test_memory_from_call_to_call_is_caught(tmp_path):
    folder = write(tmp_path, checks="check_twice = repeatable(f, points=10)", reference=NORMALISE)
    (result,) = judge(folder, {"f": with_memory()}).values()
    assert result.outcome is Outcome.FAILED
    (result,) = judge(folder).values()
    assert result.outcome is Outcome.PASSED


def test_what_the_call_changed_is_named(exercise):
    purity = judge(exercise, {"f": in_place})["f_purity"]
    assert purity.message == "the call changed x"
    assert purity.counterexample.got != purity.counterexample.expected


def test_options_reach_the_values_check(tmp_path):
    checks = 'check = agrees_with(f, points=10, atol=1e9, sentence="f is roughly right", hint="h", sizes={"n": 1})'
    results = judge(write(tmp_path, checks=checks, reference=NORMALISE), {"f": np.zeros_like})
    assert (results["check"].earned, results["check"].sentence, results["check"].hint) == (
        10,
        "f is roughly right",
        "h",
    )


def test_only_float_arguments_are_enlarged_and_only_those_asked_for(tmp_path):
    reference = '''
    from assay.checks import Float, Int

    def f(x: Float["n"], y: Float["n"], k: Int["n"]) -> Float["n"]:
        """A sum."""
        return x + y + k
    '''
    seen = []

    def f(x, y, k):
        seen.append([np.abs(value).max() > 15 for value in (x, y, k)])
        return x + y + k

    folder = write(tmp_path, checks='check = stays_finite(f, only=("x",), points=10)', reference=reference)
    assert judge(folder, {"f": f})["check"].outcome is Outcome.PASSED
    assert [any(column) for column in zip(*seen, strict=True)] == [True, False, False]


def test_parts_of_several_outputs_are_named(tmp_path):
    reference = '''
    from assay.checks import Float

    def f(x: Float["n"]) -> tuple[float, Float["n"]]:
        """Sum and its gradient."""
        return float(x.sum()), 0 * x + 1
    '''
    folder = write(tmp_path, checks='check = agrees_with(f, points=10, parts=("sum", "dx"))', reference=reference)
    result = judge(folder, {"f": lambda x: (float(x.sum()), x)})["check"]
    assert result.message.startswith("dx: ")


def test_callbacks_count_anew_for_every_call(tmp_path):
    reference = '''
    import numpy as np
    from assay.checks import Float, Gradient, st

    def f(grad: Gradient["d"], x0: Float["d"], steps: st.integers(0, 3)) -> Float["k d"]:
        """Gradient descent."""
        path = [x0]
        for _ in range(steps):
            path.append(path[-1] - 0.1 * grad(path[-1]))
        return np.array(path)
    '''
    checks = """
    check_values = agrees_with(f, points=8)

    @check("one gradient a step", points=2, after=check_values)
    @given(inputs_of(f))
    def check_calls(student, a):
        student.f(*a.values())
        assert len(a["grad"].asked) == a["steps"]
    """
    folder = write(tmp_path, checks=checks, reference=reference)

    def asks_twice(grad, x0, steps):
        path = [x0]
        for _ in range(steps):
            grad(path[-1])
            path.append(path[-1] - 0.1 * grad(path[-1]))
        return np.array(path)

    assert failed(judge(folder)) == set()
    results = judge(folder, {"f": asks_twice})
    assert failed(results) == {"check_calls"}
    shown = dict(results["check_calls"].counterexample.calls[0].arguments)
    assert shown["grad"].startswith("x -> A @ x - b with A = [[")
    assert shown["steps"] == "1"
