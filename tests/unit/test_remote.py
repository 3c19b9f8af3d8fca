"""Objects of the student's that stay in the worker."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from assay.errors import StudentError
from assay.sandbox.limits import Limits
from assay.sandbox.local import local_student
from assay.sandbox.proxy import Remote, Student
from tests.support.workers import process_student

QUICK = Limits(call_seconds=0.5, load_seconds=5.0)
SLOW = Limits(call_seconds=30.0, load_seconds=60.0)


class Value:
    """A scalar with arithmetic."""

    def __init__(self, data: float, parents: tuple = ()) -> None:
        self.data = data
        self.parents = parents
        self._private = 5
        self.table = {"grad": np.ones(2)}

    def __add__(self, other: Any) -> "Value":
        return Value(self.data + (other.data if isinstance(other, Value) else other), (self, other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Value":
        return Value(self.data - (other.data if isinstance(other, Value) else other))

    def __rsub__(self, other: float) -> "Value":
        return Value(other - self.data)

    def __mul__(self, other: Any) -> "Value":
        return Value(self.data * (other.data if isinstance(other, Value) else other))

    __rmul__ = __matmul__ = __mul__

    def __truediv__(self, other: float) -> "Value":
        return Value(self.data / other)

    def __rtruediv__(self, other: float) -> "Value":
        return Value(other / self.data)

    def __pow__(self, other: float) -> "Value":
        return Value(self.data**other)

    def __neg__(self) -> "Value":
        return Value(-self.data)

    def __getitem__(self, key: int) -> int:
        return key

    def relu(self, slope: float = 0.0) -> "Value":
        return Value(max(self.data, slope * self.data))

    def step(self) -> None:
        self.data += 1


class Pretender:
    """Claims to be whatever it is asked to be."""

    def __eq__(self, other: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2, 3])

    def __float__(self) -> float:
        return 1.0

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.ones(3)

    __hash__ = object.__hash__


@pytest.fixture
def values() -> Iterator[Student]:
    with local_student(
        {"Value": Value, "Pretender": Pretender, "many": lambda n: [Value(i) for i in range(n)]}, SLOW
    ) as student:
        yield student


class TestRemoteObjects:
    def test_attributes_and_methods(self, values: Student) -> None:
        value = values.Value(3.0)
        assert type(value) is Remote and value.data == 3.0 and value._private == 5
        assert value.table["grad"].tolist() == [1.0, 1.0]
        assert value.relu().data == 3.0 and values.Value(-2.0).relu(slope=0.5).data == -1.0

    def test_effects_stay(self, values: Student) -> None:
        value = values.Value(1.0)
        value.step()
        assert value.data == 2.0

    def test_operators(self, values: Student) -> None:
        v = values.Value(4.0)
        got = [v + 1, 1 + v, v + v, v - 1, 1 - v, v * 2, 2 * v, v / 2, 2 / v, v**2, -v, v @ v]
        assert [each.data for each in got] == [5.0, 5.0, 8.0, 3.0, -3.0, 8.0, 8.0, 2.0, 0.5, 16.0, -4.0, 16.0]
        assert v[7] == 7

    def test_arrays_leave_the_operator_to_it(self, values: Student) -> None:
        assert (np.float64(2.0) * values.Value(4.0)).data == 8.0
        assert (values.Value(4.0) + np.ones(2)).data.tolist() == [5.0, 5.0]
        with pytest.raises(StudentError, match="an array of dtype object"):  # as numpy does with any such class
            _ = np.ones(2) + values.Value(4.0)

    def test_inside_containers_and_as_arguments(self, values: Student) -> None:
        first, second = values.many(2)
        assert (first + second).parents[1].data == 1

    @pytest.mark.parametrize(
        "use",
        [
            bool, len, list, float, int, complex, np.asarray, sum,
            lambda v: v == 1, lambda v: v == 1, lambda v: v != 1, lambda v: v < 1, lambda v: 1 in v,
            lambda v: np.ones(3) == v, lambda v: np.allclose(np.ones(3), v),
        ],
    )  # fmt: skip
    def test_it_is_never_taken_for_plain_data(self, values: Student, use: Callable) -> None:
        with pytest.raises(StudentError, match="an object of type Pretender, where a plain value is needed") as error:
            use(values.Pretender())
        assert error.value.kind == "type"

    def test_numpy_never_finds_it_equal(self, values: Student) -> None:
        assert np.array_equal(np.ones(3), values.Pretender()) is False

    def test_a_missing_attribute(self, values: Student) -> None:
        with pytest.raises(StudentError, match="an object of type Value has no attribute grad") as error:
            _ = values.Value(1.0).grad
        assert error.value.kind == "missing"

    def test_an_operator_that_it_has_not_got(self, values: Student) -> None:
        with pytest.raises(StudentError, match="TypeError") as error:
            _ = values.Value(1.0).relu + 1
        assert error.value.kind == "raised"

    def test_calls_and_operators_are_recorded(self, values: Student) -> None:
        value = values.Value(2.0)
        _ = value.relu(slope=1.0) + 1
        assert [call.function for call in values.calls] == ["Value", "Value.relu", "operator add"]

    def test_tools_that_look_at_it_get_no_answer_from_the_student(self, values: Student) -> None:
        value = values.Value(1.0)
        for name in ("__array_interface__", "__torch_function__", "_repr_html_", "_ipython_display_"):
            assert not hasattr(value, name)
        assert repr(value) == "<Value of the submission>" and copy.deepcopy([value])[0] is value
        assert {value: 1} and callable(value)

    def test_its_type_name_is_harmless(self) -> None:
        odd = type("\x1b[31m<script>" + "a" * 500, (), {})
        with local_student({"f": lambda: odd()}) as student:
            assert repr(student.f()).isprintable() and len(repr(student.f())) < 120

    def test_forgotten_objects_are_freed_in_the_worker(self) -> None:
        cell = """
        import gc, weakref
        class Thing: pass
        things = weakref.WeakSet()
        def make():
            thing = Thing()
            things.add(thing)
            return thing
        def alive():
            gc.collect()
            return len(things)
        """
        with process_student(cell) as student:
            first = student.make()
            student.make()
            student.forget()
            assert student.alive() == 1
            del first
            assert student.alive() == 0

    def test_it_dies_with_its_worker(self, values: Student) -> None:
        value = values.Value(1.0)
        values.close()
        other = values.Value(2.0)
        for use in (lambda: value.data, lambda: value(), lambda: value + 1, lambda: values.Value(value)):
            with pytest.raises(StudentError, match="an object of type Value is gone") as error:
                use()
            assert error.value.kind == "missing"
        assert other.data == 2.0
