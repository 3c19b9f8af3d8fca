"""Functions of ours that student code calls back."""

import contextlib
from collections.abc import Callable

import numpy as np
import pytest

from assay.errors import AuthoringError, StudentError, StudentLost
from assay.sandbox import session as session_module
from assay.sandbox.limits import Limits
from assay.sandbox.local import local_student
from tests.support.workers import process_student

QUICK = Limits(call_seconds=0.5, load_seconds=5.0)
SLOW = Limits(call_seconds=30.0, load_seconds=60.0)


class TestCallbacks:
    def test_results_and_count(self) -> None:
        asked = []

        def gradient(x: np.ndarray) -> np.ndarray:
            asked.append(x)
            return 2 * x

        def descend(gradient: Callable, x: np.ndarray, steps: int) -> np.ndarray:
            for _ in range(steps):
                x = x - 0.1 * gradient(x)
            return x

        with local_student({"descend": descend}) as student:
            got = student.descend(gradient, np.ones(2), 3)
            assert np.allclose(got, 0.8**3) and len(asked) == 3 and student.calls[-1].callbacks == 3

    def test_in_a_real_process(self) -> None:
        cell = "def twice(f, x):\n    return f(f(x, scale=2.0), scale=2.0)"
        with process_student(cell) as student:
            assert student.twice(lambda x, scale: x * scale, np.ones(3)).tolist() == [4.0, 4.0, 4.0]

    def test_every_kind_of_callable(self) -> None:
        class Adder:
            def __call__(self, x: float) -> float:
                return x + 1

        with local_student({"apply": lambda f, x: f(x)}) as student:
            assert student.apply(Adder(), 1.5) == 2.5 and student.apply(np.sin, 0.0) == 0.0
            assert student.apply(float, 3) == 3.0

    def test_a_function_that_is_returned_is_our_own(self) -> None:
        def ours() -> None: ...

        with local_student({"same": lambda f: [f, f]}) as student:
            assert student.same(ours) == [ours, ours]

    def test_a_returned_closure_can_still_call_back(self) -> None:
        def derivative(f: Callable) -> Callable:
            return lambda x: (f(x + 1e-6) - f(x - 1e-6)) / 2e-6

        with local_student({"derivative": derivative}) as student:
            assert abs(student.derivative(lambda x: x**3)(2.0) - 12.0) < 1e-6

    def test_what_our_function_cannot_use_goes_back_without_its_secrets(self) -> None:
        def hidden(x: np.ndarray) -> np.ndarray:
            raise ValueError(f"the secret is 42, not {x}")

        def probe(f: Callable) -> str:
            try:
                return f(np.zeros((2, 3)))
            except ValueError as error:
                return str(error)

        with local_student({"probe": probe, "call": lambda f: f(1, "x")}) as student:
            assert student.probe(hidden) == (
                "the function passed by the check could not use an array of float64 with shape (2, 3)"
            )
            with pytest.raises(
                StudentError, match="TypeError: the function passed by the check could not use"
            ) as error:
                student.call("call", hidden)
            assert error.value.kind == "raised" and "hidden" not in error.value.message

    def test_errors_of_our_own_classes_are_not_named(self) -> None:
        class SecretPlanError(Exception): ...

        def ours() -> None:
            raise SecretPlanError

        with local_student({"f": lambda f: f()}) as student, pytest.raises(StudentError, match="RuntimeError") as error:
            student.f(ours)
        assert "Secret" not in error.value.message

    def test_an_assertion_of_ours_is_the_checks_verdict_whatever_the_student_does(self) -> None:
        def ours(x: int) -> None:
            assert x > 0, "steps must go forward"

        def swallow(f: Callable) -> int:
            with contextlib.suppress(BaseException):
                f(-1)
            return 3

        with local_student({"swallow": swallow, "f": lambda: 1}) as student:
            with pytest.raises(AssertionError, match="steps must go forward"):
                student.swallow(ours)
            assert student.f() == 1

    def test_what_ends_the_check_passes_through_and_the_next_check_gets_a_new_worker(self) -> None:
        class StopCheck(BaseException): ...

        def ours() -> None:
            raise StopCheck

        with local_student({"f": lambda f: f(), "g": lambda: 1}) as student:
            with pytest.raises(StopCheck):
                student.f(ours)
            assert student.g() == 1

    def test_what_our_function_returns_must_be_plain(self) -> None:
        with local_student({"f": lambda f: f(), "g": lambda: 1}) as student:
            with pytest.raises(AuthoringError, match="returned a set"):
                student.f(lambda: {1})
            assert student.g() == 1

    def test_objects_and_odd_values_cannot_be_passed_to_our_function(self) -> None:
        class Thing: ...

        with local_student({"f": lambda f: f(Thing()), "g": lambda f: f({1})}) as student:
            for name in ("f", "g"):
                with pytest.raises(StudentError, match="TypeError: a function passed by the check was given a"):
                    student.call(name, lambda x: x)

    def test_calling_the_student_from_a_callback_is_refused(self) -> None:
        with local_student({"f": lambda f: f(), "g": lambda: 1}) as student:
            with pytest.raises(StudentError, match="RuntimeError"):
                student.f(lambda: student.g())
            assert student.g() == 1

    def test_functions_of_an_earlier_example_are_gone(self) -> None:
        kept: list[Callable] = []

        def keep(f: Callable) -> float:
            kept.append(f)
            return kept[0](1.0)

        with local_student({"keep": keep, "outside": lambda: kept[0](1.0)}) as student:
            assert student.keep(lambda x: x) == 1.0
            assert student.outside() == 1.0
            student.forget()
            with pytest.raises(StudentError, match="RuntimeError"):
                student.keep(lambda x: x)

    def test_only_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(session_module, "CALLBACKS", 10)

        def ask(f: Callable, n: int) -> int:
            for _ in range(n):
                f()
            return n

        with local_student({"ask": ask}, SLOW) as student:
            assert student.ask(lambda: None, 10) == 10
            with pytest.raises(StudentLost) as lost:
                student.ask(lambda: None, 11)
            assert lost.value.kind == "timeout"

    def test_a_thread_of_the_students_cannot_call_back(self) -> None:
        cell = """
        import threading
        def f(ours):
            errors = []
            def run():
                try:
                    ours(1)
                except RuntimeError as error:
                    errors.append(str(error))
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            return errors
        """
        with process_student(cell) as student:
            assert "in its thread" in student.f(lambda x: x)[0]
