"""Which known mistakes are named, and when nothing is said, in a tiny exercise."""

import itertools
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.grading.diagnosis import adopt, diagnosed, prepare, worth_a_try
from assay.grading.witness import Heard, Witness, local_witness
from assay.outcome import CheckResult, Outcome
from tests.support.diagnosis import Clinic, secret_of
from tests.support.grading import CHECKS, REFERENCE, exercise_in

HALVED, IN_PLACE, NOTHING = "You halve x.", "The argument is overwritten.", "All you return is 0."
MUTANTS = f"""
    import numpy as np

    from assay.checks import mutant


    @mutant(of="double", says="{HALVED}")
    def halved(x):
        return x / 2


    @mutant(of="double", says="{IN_PLACE}")
    def in_place(x):
        x *= 2
        return x


    @mutant(of="double", says="{NOTHING}")
    def nothing(x):
        return 0 * x


    @mutant(of="double", says="Everything is the same.")
    def sevens(x):
        return 0 * x + 7


    @mutant(of="total", says="The first number is forgotten.")
    def without_the_first(x):
        return float(x[1:].sum())
"""
MORE = """

    @mutant(of="double", says="{}")
    def again{}(x):
        return x * 0.5
"""


def clinic(root: Path, *, mutants: str = MUTANTS, checks: str = CHECKS, **files: str) -> Clinic:
    return Clinic(exercise_in(root, mutants=mutants, checks=checks, **files))


def with_more(*sentences: str) -> str:
    return MUTANTS + "".join(MORE.format(says, number) for number, says in enumerate(sentences))


def shifted_in_place(x: np.ndarray) -> np.ndarray:
    y = 2 * x
    x += 1
    return y


def doubled_in_place(x: np.ndarray) -> np.ndarray:
    for i in range(len(x)):
        x[i] = x[i] + x[i]
    return x


ANSWERS: list[tuple[Callable[..., Any], tuple[str, ...]]] = [
    (lambda x: np.array([number / 2 for number in x]), (HALVED,)),
    (lambda x: [number / 2 for number in x], (HALVED,)),  # and a list where an array belongs
    (doubled_in_place, (IN_PLACE,)),
    (shifted_in_place, ()),  # overwritten, but with something else
    (lambda x: x / 3, ()),
    (lambda x: 2 * x, ()),
    (lambda x: np.zeros(len(x)), (NOTHING,)),  # the diagnosis names the number
    (lambda x: np.full(len(x), 7.0), ()),  # one number everywhere may come from anything
    (lambda x: x * np.nan, ()),
    (lambda x: 1 / 0, ()),
    (lambda x: None, ()),
]
NAMES = ["halved", "halved list", "in place", "shifted", "thirds", "right", "zeros", "sevens", "nan", "raises", "none"]


@pytest.mark.parametrize(("function", "told"), ANSWERS, ids=NAMES)
def test_what_yields_the_same_as_a_mutant_has_its_name(
    tmp_path: Path, function: Callable[..., Any], told: tuple[str, ...]
) -> None:
    assert clinic(tmp_path).told(function, "double") == told


@pytest.mark.parametrize("seconds", [math.inf, 0], ids=["prepared", "no time"])
def test_what_is_prepared_changes_no_diagnosis(tmp_path: Path, seconds: float) -> None:
    one = clinic(tmp_path).prepared(seconds=seconds)
    assert [one.told(function, "double") for function, _ in ANSWERS] == [told for _, told in ANSWERS]


def test_equal_candidates_are_all_told(tmp_path: Path) -> None:
    told = clinic(tmp_path, mutants=with_more("It is half of x.")).told(lambda x: x / 2, "double")
    assert told == (HALVED, "It is half of x.")


def test_a_sentence_is_told_once(tmp_path: Path) -> None:
    assert clinic(tmp_path, mutants=with_more(HALVED)).told(lambda x: x / 2, "double") == (HALVED,)


def test_too_many_candidates_say_nothing(tmp_path: Path) -> None:
    assert clinic(tmp_path, mutants=with_more("One.", "Two.", "Three.")).told(lambda x: x / 2, "double") == ()


def test_a_function_of_another_task_does_not_matter(tmp_path: Path) -> None:
    one = clinic(tmp_path)
    results = tuple(replace(check, outcome=Outcome.FAILED) for check in one.checks)
    changes = {"double": lambda x: x / 2, "total": lambda x: -1.0}
    with local_witness({**one.known.reference, **changes}, one.exercise.limits) as student:
        found = diagnosed(one.known, results, student, b"secret", seconds=math.inf, task_seconds=math.inf)
    assert {check.name: check.diagnosis for check in found if check.diagnosis} == {"double_values": (HALVED,)}


def test_an_answer_that_changes_from_call_to_call_has_no_name(tmp_path: Path) -> None:
    turns = itertools.cycle([2, 3])
    assert clinic(tmp_path).told(lambda x: x / next(turns), "double") == ()


def test_a_mistake_may_come_with_a_breakdown_elsewhere(tmp_path: Path) -> None:
    """Half of x is the known mistake; on large inputs the function breaks down besides."""
    checks = CHECKS + "    double_large = stays_finite(double, factor=1e6)\n    double_twice = repeatable(double)\n"

    def breaks_down(x: np.ndarray) -> np.ndarray:
        return np.where(np.abs(x) > 1e3, np.nan, x / 2)

    assert clinic(tmp_path, checks=checks).told(breaks_down, "double") == (HALVED,)


@pytest.mark.parametrize("reveals", ["sentence", "nothing"])
def test_inputs_that_stay_hidden_name_nothing(tmp_path: Path, reveals: str) -> None:
    checks = CHECKS.replace("points=3", f"points=3, reveals='{reveals}'").replace(", after=double_values", "")
    hidden = clinic(tmp_path, checks=checks)
    assert hidden.told(doubled_in_place, "double") == (IN_PLACE,)  # by the check of the arguments
    only = clinic(tmp_path / "only", checks=checks.replace("points=1", f"points=1, reveals='{reveals}'"))
    assert only.told(lambda x: x / 2, "double") == ()
    failed = [replace(check, outcome=Outcome.FAILED) for check in only.checks if check.task == "double"]
    assert not worth_a_try(failed)


def test_standing_checks_serve_as_well(tmp_path: Path) -> None:
    alone = clinic(tmp_path)
    alone.exercise.checks.unlink()
    assert alone.told(lambda x: x - x / 2, "double") == (HALVED,)


def test_the_time_for_it_is_limited(tmp_path: Path) -> None:
    one = clinic(tmp_path)
    with local_witness({**one.known.reference, "double": lambda x: x / 2}, one.exercise.limits) as student:
        results = failed(one.checks)
        assert diagnosed(one.known, results, student, b"secret", seconds=0) == results


@pytest.mark.parametrize(("heavy", "told"), [("sndhdr", (HALVED,)), ("wave", ())])
def test_no_framework_is_loaded_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heavy: str, told: tuple[str, ...]
) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    one = clinic(tmp_path, reference=REFERENCE.replace("return 2 * x", "import wave\n        return 2 * x"))
    assert one.checks
    monkeypatch.delitem(sys.modules, "wave")
    monkeypatch.setattr("assay.grading.diagnosis.HEAVY", {heavy})
    results = failed([check for check in one.checks if check.task == "double"])
    with local_witness({**one.known.reference, "double": lambda x: x / 2}, one.exercise.limits) as student:
        found = diagnosed(one.known, results, student, b"secret", seconds=math.inf, task_seconds=math.inf)
    assert found[0].diagnosis == told


def failed(checks: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    return tuple(replace(check, outcome=Outcome.FAILED) for check in checks)


@pytest.mark.parametrize(("plural", "told"), [("Counter", ("No * from the left.",)), ("Other", ())])
def test_a_class_is_heard_through_all_that_is_done_with_it(tmp_path: Path, plural: str, told: tuple[str, ...]) -> None:
    found = clinic(tmp_path, checks=COUNTING, reference=COUNTER, mutants=COUNTERS).told(CLASSES[plural], "double")
    assert found == told


COUNTER = """
    from assay.checks import *


    class double:
        def __init__(self, data):
            self.data = data

        def __mul__(self, other):
            return double(self.data * other)

        def __rmul__(self, other):
            return self * other

    def total(x: Float["n"]) -> float:
        return float(x.sum())
"""
COUNTING = """
    from assay.checks import *
    from reference import total

    @check("products", points=4, task="double")
    @given(st.integers(2, 9), st.booleans())
    def products(student, number, left):
        value = student.double(number)
        assert_close((3 * value if left else value * 3).data, 3 * number)

    total_values = agrees_with(total, points=2)
"""
COUNTERS = """
    from reference import double

    from assay.checks import mutant


    @mutant(of="double", says="No * from the left.")
    class NoLeft(double):
        def __rmul__(self, other):
            return NotImplemented
"""


def test_once_prepared_only_the_student_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clinic(tmp_path).prepared()
    results = one.results(lambda x: x / 2, "double")
    asked = listeners(monkeypatch)
    with local_witness({**one.known.reference, "double": lambda x: x / 2}, one.exercise.limits) as student:
        found = diagnosed(one.known, results, student, secret_of(0))
    assert asked == {id(student)}
    assert found[0].diagnosis == (HALVED,)


def test_another_round_is_not_what_was_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clinic(tmp_path).prepared(seed=1)
    asked = listeners(monkeypatch)
    assert one.told(lambda x: x / 2, "double", seed=0) == (HALVED,)
    assert len(asked) > 1


def listeners(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Will hold whoever is listened to."""
    asked: set[int] = set()
    listen = Witness.listen

    def noted(self: Witness, *args: Any, **kwargs: Any) -> tuple[Heard, ...]:
        asked.add(id(self))
        return listen(self, *args, **kwargs)

    monkeypatch.setattr(Witness, "listen", noted)
    return asked


@pytest.mark.parametrize("where", ["reference", "checks"])
def test_examples_may_be_of_classes_of_the_exercise(tmp_path: Path, where: str) -> None:
    files = {"reference": REFERENCE + BOX, "checks": BOXES + "    from reference import Box\n" + IN_BOXES}
    if where == "checks":
        files = {"reference": REFERENCE, "checks": BOXES + BOX + IN_BOXES}
    one = clinic(tmp_path, **files).prepared()
    assert {type(example["box"]).__module__ for example in drawn_for(one, "boxes")} == {where}
    assert where not in sys.modules
    assert one.told(lambda x: x / 2, "double") == (HALVED,)


def test_what_cannot_be_pickled_is_drawn_again(tmp_path: Path) -> None:
    one = clinic(tmp_path, checks=BOXES + BOX + "        function: Any = abs\n" + IN_BOXES).prepared()
    assert drawn_for(one, "boxes")
    with_functions = BOX + "        function: Any = field(default_factory=lambda: lambda: 0)\n"
    other = clinic(tmp_path / "other", checks=BOXES + with_functions + IN_BOXES).prepared()
    assert not drawn_for(other, "boxes")
    assert other.told(lambda x: x / 2, "double") == (HALVED,)


def test_more_examples_begin_with_the_fewer(tmp_path: Path) -> None:
    one, other = clinic(tmp_path).known, clinic(tmp_path / "other").known
    for name in one.checks:
        few = [repr(probe.example) for probe in one.draw(name, seed=1, count=3)]
        many = [repr(probe.example) for probe in other.draw(name, seed=1, count=9)]
        assert many[:3] == few == [repr(probe.example) for probe in other.draw(name, seed=1, count=3)]
        assert len(many) == 9


def drawn_for(one: Clinic, check: str) -> list[dict[str, Any]]:
    """The examples of a check that there are by now."""
    return [probe.example for (name, _), drawn in one.known.drawn.items() if name == check for probe in drawn.probes]


@pytest.mark.parametrize(("numbers", "is_kept"), [(100, True), (101, False)])
def test_what_is_large_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: int, is_kept: bool
) -> None:
    monkeypatch.setattr("assay.grading.known.LARGE", 800)
    reference = REFERENCE.replace("return 2 * x", f"return np.full({numbers}, 2 * x[0])")
    mutants = MUTANTS.replace("return x / 2", f"return np.full({numbers}, x[0] / 2)")
    one = clinic(tmp_path, reference=reference, mutants=mutants).prepared()
    assert bool(one.known.memory("double", "halved").heard) is is_kept
    assert one.told(lambda x: np.repeat(0.5 * x[0], numbers), "double") == (HALVED,)


def test_a_mutant_that_does_not_end_is_awaited_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = clinic(tmp_path, mutants=MUTANTS + ENDLESS)
    quick = replace(one.known, limits=replace(one.known.limits, call_seconds=0.2))
    data = prepare(quick, secret_of(0), seconds=math.inf)
    assert quick.memory("double", "waits").lost
    adopt(one.known, data)
    asked = listeners(monkeypatch)
    results = one.results(lambda x: x / 2, "double")
    with local_witness({**one.known.reference, "double": lambda x: x / 2}, one.exercise.limits) as student:
        found = diagnosed(one.known, results, student, secret_of(0))
    assert found[0].diagnosis == (HALVED,)
    assert asked == {id(student)}


BOXES = """
    from dataclasses import dataclass, field
    from typing import Any

    from assay.checks import *

"""
BOX = """

    from dataclasses import dataclass


    @dataclass
    class Box:
        numbers: list
"""
IN_BOXES = """

    @check("double doubles the numbers of a box", points=4, task="double")
    @given(st.builds(Box, st.lists(st.integers(-9, 9), min_size=3, max_size=3)))
    def boxes(student, box):
        x = np.array(box.numbers, float)
        assert_close(student.double(x), 2 * x)
"""
ENDLESS = """

    @mutant(of="double", says="It never ends.")
    def waits(x):
        while True:
            pass
"""


class Counter:
    def __init__(self, data: int) -> None:
        self.data = data

    def __mul__(self, other: int) -> "Counter":
        return Counter(other * self.data)


class Other(Counter):
    def __rmul__(self, other: int) -> "Counter":
        raise TypeError("not yet")


Counter.__name__ = Other.__name__ = "double"  # as a student would call it
CLASSES = {"Counter": Counter, "Other": Other}
