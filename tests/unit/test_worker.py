"""A worker in a real process: what its functions return arrives exactly, and nothing they do ends it."""

import os
import socket
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from assay.errors import AuthoringError, StudentError
from assay.sandbox.inside.values import Seed, Torch
from assay.sandbox.inside.worker import serve
from assay.sandbox.limits import Limits
from assay.sandbox.proxy import NOTHING, Remote, Student
from tests.support.workers import process_student

TORCH = """
import torch
from dataclasses import dataclass


def kinds():
    grid = torch.arange(12.0).reshape(3, 4)
    return {
        "float32": grid, "float64": grid.double(), "float16": grid.half(), "int64": grid.long(), "bool": grid > 3,
        "0-d": torch.tensor(2.5), "empty": torch.zeros(0, 3), "transposed": grid.T, "strided": grid[:, ::2],
        "expanded": torch.ones(1, 3).expand(4, 3), "requires_grad": torch.ones(2, requires_grad=True),
        "with history": torch.ones(2, requires_grad=True) * 3, "parameter": torch.nn.Parameter(torch.ones(3)),
        "negated": torch.zeros(2, dtype=torch.complex64).conj().imag, "size": grid.shape,
    }


class Lying(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.zeros(99)

    def numpy(self):
        return 0

    detach = cpu = contiguous = numpy


def subclass():
    return torch.arange(3.0).as_subclass(Lying)


def bfloat16():
    return torch.ones(2, dtype=torch.bfloat16)


def complex():
    return torch.ones(2, dtype=torch.complex64)


def sparse():
    return torch.eye(2).to_sparse()


def meta():
    return torch.ones(2, device="meta")


def quantized():
    return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


def takes(x):
    kind = type(x).__name__, str(x.dtype)
    x *= 2
    return kind


def layer(x):
    return torch.nn.Linear(3, 2)
"""


@pytest.fixture(scope="module")
def torch_student() -> Iterator[Student]:
    with process_student(TORCH, limits=Limits(load_seconds=60.0, call_seconds=30.0)) as student:
        yield student


class TestTorch:
    def test_tensors_of_every_layout(self, torch_student: Student) -> None:
        got = torch_student.kinds()
        grid = np.arange(12.0).reshape(3, 4)
        expected = {
            "float32": grid.astype(np.float32),
            "float64": grid,
            "float16": grid.astype(np.float16),
            "int64": grid.astype(np.int64),
            "bool": grid > 3,
            "0-d": np.array(2.5, np.float32),
            "empty": np.zeros((0, 3), np.float32),
            "transposed": grid.T.astype(np.float32),
            "strided": grid[:, ::2].astype(np.float32),
            "expanded": np.ones((4, 3), np.float32),
            "requires_grad": np.ones(2, np.float32),
            "with history": np.full(2, 3, np.float32),
            "parameter": np.ones(3, np.float32),
            "negated": np.zeros(2, np.float32),
        }
        assert got.pop("size") == (3, 4)
        assert got.keys() == expected.keys()
        for name, array in expected.items():
            assert type(got[name]) is np.ndarray and got[name].dtype == array.dtype, name
            assert got[name].shape == array.shape and np.array_equal(got[name], array), name

    def test_a_subclass_crosses_as_its_numbers(self, torch_student: Student) -> None:
        assert torch_student.subclass().tolist() == [0.0, 1.0, 2.0]

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("bfloat16", "a tensor of dtype torch.bfloat16"),
            ("complex", "a tensor of dtype torch.complex64"),
            ("sparse", "a sparse tensor"),
            ("meta", "without data"),
            ("quantized", "a tensor of dtype torch.qint8"),
        ],
    )
    def test_tensors_that_cannot_cross(self, torch_student: Student, name: str, says: str) -> None:
        with pytest.raises(StudentError, match=says) as error:
            torch_student.call(name)
        assert error.value.kind == "type"

    def test_an_argument_becomes_a_tensor_and_its_change_is_seen(self, torch_student: Student) -> None:
        torch_student.forget()
        assert torch_student.takes(Torch(np.ones((2, 2), np.float32))) == ("Tensor", "torch.float32")
        assert torch_student.calls[0].after[0].tolist() == [[2.0, 2.0], [2.0, 2.0]]

    def test_a_module_stays_in_the_worker(self, torch_student: Student) -> None:
        layer = torch_student.layer(None)
        assert type(layer) is Remote and layer(Torch(np.zeros((4, 3), np.float32))).shape == (4, 2)
        assert layer.weight.shape == (2, 3) and layer.training is True


CELLS = """
import numpy as np
import os, sys, threading, warnings


def echo(x):
    return x


def describe(x):
    return type(x).__name__, x.dtype.str if hasattr(x, "dtype") else "", bool(getattr(x, "flags", echo) is not None)


def owns(x):
    return x.flags.owndata and x.flags.writeable


def draw(rng):
    return type(rng).__name__, rng.standard_normal(3)


def raises(name):
    own = type("Odd", (BaseException,), {})("\\x1b[31mred\\n")
    raise {"exit": SystemExit("x"), "interrupt": KeyboardInterrupt(), "own": own}[name]


def recurse(n=0):
    return recurse(n + 1)


def hoard():
    return np.zeros(10**15)


def deep(n):
    x = 1
    for _ in range(n):
        x = [x]
    return x


def itself():
    x = []
    x.append(x)
    return x


def huge():
    return np.zeros((5, 1000, 1000))


def long():
    return "x" * 3_000_000


def broken_property():
    class Odd:
        @property
        def __class__(self):
            raise RuntimeError("no class")
    return Odd()


def mutate(x, items, table, same):
    x += 1
    items.append(x.sum())
    table["new"] = items
    return None


def mutate_and_raise(x):
    x[0] = 9
    raise ValueError("after the damage")


def spoil(items):
    items.append({1, 2})


def reshape(x):
    x.shape = (x.size,)


def noisy(x):
    print("out" * 100_000)
    sys.stderr.write("err")
    os.write(1, b"native")
    warnings.warn("look")
    return x


def main_is():
    import __main__
    return __name__, __main__.echo is echo, __main__.__dict__ is globals()


def descriptors():
    return [int(name) for name in os.listdir("/proc/self/fd")]


def child_descriptors():
    import subprocess
    listing = [sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"]
    return subprocess.run(listing, capture_output=True, text=True).stdout


not_a_function = 3
broken = None
"""


@pytest.fixture(scope="module")
def student() -> Iterator[Student]:
    with process_student(CELLS, limits=Limits(frame=8 * 2**20, call_seconds=20.0)) as student:
        yield student


@pytest.fixture(autouse=True)
def fresh(student: Student) -> None:
    student.forget()


class TestCalls:
    def test_arguments_arrive_as_what_they_are(self, student: Student) -> None:
        value = {"a": (1, [2.5, None, True]), 3: {"b": np.float32(2)}}
        assert student.echo(value) == value
        assert student.describe(np.zeros((2, 3), np.float16)) == ("ndarray", "<f2", True)
        assert student.describe(np.float32(1))[:2] == ("float32", "<f4")
        assert student.owns(np.zeros((2, 3))) is True

    def test_keyword_arguments(self, student: Student) -> None:
        assert student.echo(x=3) == 3

    def test_a_seed_becomes_a_generator(self, student: Student) -> None:
        name, drawn = student.draw(Seed(7))
        assert name == "Generator" and np.array_equal(drawn, np.random.default_rng(7).standard_normal(3))

    def test_what_cannot_be_sent_is_the_authors_error(self, student: Student) -> None:
        for value in ({1, 2}, np.zeros(2, complex), object()):
            with pytest.raises(AuthoringError, match="An argument cannot be sent"):
                student.echo(value)
        assert student.echo(1) == 1

    @pytest.mark.parametrize("name", ["nowhere", "not_a_function", "broken"])
    def test_missing_functions(self, student: Student, name: str) -> None:
        assert student.defines(name) is False
        with pytest.raises(StudentError, match=name) as error:
            student.call(name)
        assert error.value.kind == "missing"

    def test_defines(self, student: Student) -> None:
        assert student.defines("echo") is True

    def test_output_is_no_answer(self, student: Student) -> None:
        assert student.noisy(3) == 3

    def test_the_namespace_is_main(self, student: Student) -> None:
        assert student.main_is() == ("__main__", True, True)

    def test_the_channel_is_out_of_the_way_and_not_inherited(self, student: Student) -> None:
        highest = max(student.descriptors())
        assert highest > 200 and all(number < 20 for number in student.descriptors() if number != highest)
        assert str(highest) not in student.child_descriptors()


class TestErrorsLeaveTheWorkerAlive:
    @pytest.mark.parametrize(
        ("name", "args", "kind", "says"),
        [
            ("raises", ("exit",), "raised", "SystemExit: x"),
            ("raises", ("interrupt",), "raised", "KeyboardInterrupt"),
            ("raises", ("own",), "raised", r"Odd:  \[31mred \(cell cell 1, line"),
            ("raises", ("unknown",), "raised", "KeyError: 'unknown'"),
            ("recurse", (), "raised", "RecursionError"),
            ("hoard", (), "raised", "MemoryError"),
            ("echo", (1, 2), "raised", "TypeError: echo\\(\\) takes 1 positional argument but 2 were given"),
            ("deep", (17,), "size", "more than 16 deep"),
            ("itself", (), "size", "more than 16 deep"),
            ("huge", (), "size", "more than 8388608 bytes"),
            ("long", (), "size", "more than 1048576 bytes"),
        ],
    )
    def test_and_say_why(self, student: Student, name: str, args: tuple, kind: str, says: str) -> None:
        before = student.echo(os.getpid())
        with pytest.raises(StudentError, match=says) as error:
            student.call(name, *args)
        assert error.value.kind == kind and error.value.message.isprintable() and len(error.value.message) <= 500
        assert student.echo(before) == before and student.calls[-2].error is error.value

    def test_an_object_that_denies_its_class_is_an_object(self, student: Student) -> None:
        assert type(student.broken_property()) is Remote


class TestArgumentsAfterTheCall:
    def test_what_changed_comes_back(self, student: Student) -> None:
        x, items, table = np.zeros(3), [1, (2, np.ones(2))], {"a": 1}
        student.mutate(x, items, table, np.arange(3))
        after = student.calls[-1].after
        assert after[0].tolist() == [1.0, 1.0, 1.0] and after[1][-1] == 3.0 and after[2]["new"][-1] == 3.0
        assert x.tolist() == [0, 0, 0] and len(items) == 2 and table == {"a": 1}

    def test_what_did_not_change_is_what_was_sent(self, student: Student) -> None:
        arguments = (np.array([np.nan, -0.0]), [1, np.ones(2)], "x", np.zeros((0, 3)), np.array(2.0), None)
        student.call("echo", arguments)
        assert student.calls[-1].after[0] is arguments
        for argument in arguments:
            student.echo(argument)
            assert student.calls[-1].after[0] is argument

    def test_also_where_the_call_raised(self, student: Student) -> None:
        with pytest.raises(StudentError, match="after the damage"):
            student.mutate_and_raise(np.zeros(2))
        assert student.calls[-1].after[0].tolist() == [9.0, 0.0] and student.calls[-1].returned is NOTHING

    def test_a_new_shape_is_a_change(self, student: Student) -> None:
        student.reshape(np.zeros((2, 3)))
        assert student.calls[-1].after[0].shape == (6,)

    def test_what_cannot_cross_any_more_is_nothing(self, student: Student) -> None:
        student.spoil([1])
        assert student.calls[-1].after == (NOTHING,)


class TestLoading:
    def test_cells_run_in_order_and_notes_come_back(self) -> None:
        with process_student("x = 2", "def f(): return x\n1 / 0", "x = 3") as student:
            assert student.notes == ("cell 2 stopped at line 2: ZeroDivisionError: division by zero.",)
            assert student.f() == 3

    def test_an_endless_cell_costs_only_itself(self) -> None:
        with process_student("def f(): return 1", "while True: pass", limits=Limits(load_seconds=4.0)) as student:
            assert student.f() == 1 and "cell 2 stopped after" in student.notes[0]

    def test_patched_builtins_and_modules_break_nobody_else(self) -> None:
        cell = """
        import builtins, sys, types
        builtins.abs = builtins.max = lambda *values: 0.0
        sys.modules["numpy"] = types.SimpleNamespace(ndarray=object)
        list = dict = str = None
        def f(x):
            return x
        """
        with process_student(cell) as student:
            assert student.f(np.arange(3)).tolist() == [0, 1, 2]


def test_serve_with_a_namespace_touches_nothing_else_in_the_process() -> None:
    main = sys.modules["__main__"]
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs, {"f": len}), daemon=True)
    thread.start()
    ours.close()
    thread.join(timeout=5)
    assert not thread.is_alive() and sys.modules["__main__"] is main
    theirs.close()
