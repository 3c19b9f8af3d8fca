"""A student as the checks see it: calls, records, loading, time."""

import socket
import threading
from typing import Any

import numpy as np
import pytest

from assay.errors import StudentError, StudentLost
from assay.sandbox.limits import Limits
from assay.sandbox.local import local_student
from assay.sandbox.proxy import KEPT_BYTES, LOSSES, NOTHING, Student
from tests.support.workers import Process, Scripted, frame, next_request, process_student, source

QUICK = Limits(call_seconds=0.5, load_seconds=5.0)
SLOW = Limits(call_seconds=30.0, load_seconds=60.0)


def conv2d(x: Any, w: Any, stride: int = 1) -> Any:
    return x * w * stride


class TestCalls:
    def test_by_attribute_and_by_name(self) -> None:
        with local_student({"conv2d": conv2d, "close": lambda: "mine"}) as student:
            assert student.conv2d(np.ones(2), 3, stride=2).tolist() == [6.0, 6.0]
            assert student.call("conv2d", 1, 2) == 2 and student.call("close") == "mine"

    def test_tools_that_look_for_private_names_find_none(self) -> None:
        with local_student({}) as student:
            assert not hasattr(student, "_pytestfixturefunction") and not hasattr(student, "__wrapped__")

    def test_calls_are_recorded_until_forgotten(self) -> None:
        with local_student({"conv2d": conv2d}) as student:
            x = np.ones(2)
            student.conv2d(x, 3, stride=2)
            with pytest.raises(StudentError):
                student.conv2d(x)
            first, second = student.calls
            assert first.function == "conv2d" and first.args[0] is x and first.kwargs == {"stride": 2}
            assert first.returned.tolist() == [6.0, 6.0] and first.error is None
            assert second.returned is NOTHING and isinstance(second.error, StudentError)
            student.forget()
            assert student.calls == []

    def test_only_the_latest_calls_are_kept(self) -> None:
        with local_student({"f": lambda n: n}) as student:
            for n in range(250):
                student.f(n)
            assert [call.args[0] for call in student.calls] == list(range(50, 250))

    def test_large_answers_are_not_hoarded(self) -> None:
        with local_student({"f": lambda n: np.zeros(n, np.uint8)}) as student:
            for _ in range(9):
                student.f(KEPT_BYTES // 4)
            assert len(student.calls) == 4
        with local_student({"f": lambda n: np.zeros(n, np.uint8)}, Limits(frame=2 * KEPT_BYTES)) as student:
            student.f(1)
            student.f(KEPT_BYTES + 1)
            assert [call.args for call in student.calls] == [(KEPT_BYTES + 1,)]

    def test_closing_twice_and_calling_again(self) -> None:
        with local_student({"f": lambda: 1}) as student:
            assert student.f() == 1
            student.close()
            student.close()
            assert student.f() == 1

    def test_the_worker_starts_with_the_first_call(self) -> None:
        started = []
        student = Student(lambda: started.append(1) or Process(), source("def f(): return 1"), SLOW)  # type: ignore[func-returns-value]
        assert started == []
        assert student.f() == 1 and student.f() == 1 and started == [1]
        student.close()


class TestLoading:
    @pytest.mark.parametrize("notes", [None, ["d"], ["l", None, ["i", "3"]], "x"])
    def test_notes_are_text_or_nothing(self, notes: Any) -> None:
        def behave(far: socket.socket) -> None:
            far.sendall(frame({"id": next_request(far)["id"], "value": notes}))
            far.recv(1)

        student = Student(lambda: Scripted(behave), source(), QUICK)
        assert student.notes == ()
        student.close()

    def test_notes_are_cleaned_and_few(self) -> None:
        def behave(far: socket.socket) -> None:
            notes = ["l", *["\x1b[2J" + "A" * 5000] * 150]
            far.sendall(frame({"id": next_request(far)["id"], "value": notes}))
            far.recv(1)

        student = Student(lambda: Scripted(behave), source(), QUICK)
        assert len(student.notes) == 100 and all(note.isprintable() and len(note) <= 700 for note in student.notes)
        student.close()

    def test_a_submission_that_cannot_be_loaded_is_tried_twice(self) -> None:
        workers: list[Scripted] = []

        def connect() -> Scripted:
            workers.append(Scripted(lambda far: next_request(far)))
            return workers[-1]

        student = Student(connect, source("import os; os._exit(0)"), QUICK)
        for _ in range(5):
            with pytest.raises(StudentLost, match="could not be loaded: the code ended the whole process") as lost:
                student.f()
            assert lost.value.kind == "died"
        assert len(workers) == 2 and all(worker.stopped for worker in workers)
        assert student.notes == ("the submission could not be loaded: the code ended the whole process",)


class TestTime:
    def test_a_loop_is_stopped_and_the_next_call_works(self) -> None:
        cell = "def loop():\n    while True: pass\ndef f(): return 1"
        with process_student(cell, limits=QUICK) as student:
            with pytest.raises(StudentLost, match="loop took longer than allowed") as lost:
                student.loop()
            assert lost.value.kind == "timeout" and student.f() == 1

    def test_native_code_that_never_returns(self) -> None:
        with process_student("def f(): return 10 ** (10 ** 8) % 7", limits=QUICK) as student:
            with pytest.raises(StudentLost) as lost:
                student.f()
            assert lost.value.kind == "timeout"

    def test_a_process_that_ends_itself(self) -> None:
        cell = "import os\ndef f(): os._exit(0)\ndef g(): return 1"
        with process_student(cell, limits=SLOW) as student:
            with pytest.raises(StudentLost, match="f ended the whole process") as lost:
                student.f()
            assert lost.value.kind == "died" and student.g() == 1

    def test_all_calls_together(self) -> None:
        cell = "import time\ndef f(): time.sleep(0.2)"
        with process_student(cell, limits=Limits(seconds=1.0)) as student:
            with pytest.raises(StudentLost) as lost:
                for _ in range(20):
                    student.f()
            assert lost.value.kind == "timeout"
            with pytest.raises(StudentLost, match="all calls together took longer than 1 seconds"):
                student.f()


def test_a_function_that_costs_one_worker_after_another_is_not_called_for_ever() -> None:
    cells = "import os\ncalls = 0\ndef f():\n    os._exit(1)\ndef g():\n    return 1"
    with process_student(cells) as student:
        for _ in range(LOSSES):
            with pytest.raises(StudentLost, match="f ended the whole process$"):
                student.f()
        with pytest.raises(StudentLost, match="so it is not called again") as lost:
            student.f()
        assert lost.value.kind == "died"
        assert student.g() == 1


def test_trusted_code_that_loops_is_ended_too() -> None:
    looping = []

    def loop() -> None:
        while True:
            looping.append(threading.current_thread())
            del looping[1:]

    with local_student({"loop": loop, "f": lambda: 1}, QUICK) as student:
        with pytest.raises(StudentLost, match="loop took longer than allowed"):
            student.loop()
        assert not looping[0].is_alive() and student.f() == 1
