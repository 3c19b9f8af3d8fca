"""Workers that do their worst: no byte of theirs means anything but a value or a failed call."""

import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.errors import StudentError, StudentLost
from assay.sandbox.inside.wire import PREFIX
from assay.sandbox.limits import Limits
from assay.sandbox.proxy import NOTHING, Student
from tests.support.workers import Scripted, answer_load, frame, next_request, process_student, source

QUICK = Limits(call_seconds=0.5, load_seconds=5.0)
SLOW = Limits(call_seconds=30.0, load_seconds=60.0)


def scripted(
    behave: Callable[[socket.socket], object], limits: Limits = SLOW, reason: str = "stopped"
) -> tuple[Student, list[Scripted]]:
    """A student whose every worker loads, and then behaves so."""
    workers: list[Scripted] = []

    def connect() -> Scripted:
        workers.append(Scripted(lambda far: (answer_load(far), behave(far))[0], reason))
        return workers[-1]

    return Student(connect, source(), limits), workers


def reply(**parts: Any) -> Callable[[socket.socket], None]:
    """Answer the next request with the right id and these parts."""

    def behave(far: socket.socket) -> None:
        far.sendall(frame({"id": next_request(far)["id"], **parts}))
        far.recv(1)

    return behave


def raw(data: bytes | Callable[[int], bytes]) -> Callable[[socket.socket], None]:
    """Answer the next request with these bytes, which may depend on its id."""

    def behave(far: socket.socket) -> None:
        number = next_request(far)["id"]
        far.sendall(data if isinstance(data, bytes) else data(number))
        far.recv(1)

    return behave


ERROR = {"kind": "raised", "message": "x"}


class TestHostileWorkers:
    @pytest.mark.parametrize(
        "behave",
        [
            raw(b"garbage, and not a frame at all"),
            raw(PREFIX.pack(2**32 - 1, 0)),
            raw(PREFIX.pack(2, 2**63) + b"{}"),
            raw(frame("not json")),
            raw(frame("[]")),
            raw(frame('{"id": NaN, "value": null}')),
            raw(lambda n: frame(f'{{"id": {n}, "value": 1.5}}')),
            raw(lambda n: frame(f'{{"id": {n}, "value": null, "value": true}}')),
            raw(lambda n: frame(f'{{"id": {n}.0, "value": null}}')),
            raw(lambda n: frame({"id": n + 1, "value": None})),
            raw(lambda n: frame({"id": str(n), "value": None})),
            raw(frame({"id": True, "value": None})),
            raw(frame({"value": None})),
            raw(lambda n: 2 * frame({"id": n, "value": None})),
            raw(lambda n: frame({"id": n, "value": ["a", "F64", [3]]}, b"garbage!" * 4)),
            raw(lambda n: frame({"id": n, "value": ["a", "F64", [1], 0]}, b"garbage!")),
            raw(lambda n: frame({"id": n, "value": ["a", "F64", [1], 0]})),
            reply(),
            reply(value=None, error=ERROR),
            reply(value=None, passed=True),
            reply(value=None, score=10),
            reply(value={"t": "handle"}),
            reply(value=["seed", "1"]),
            reply(value=["o", 1]),
            reply(value=["o", "1", "Value"]),
            reply(value=["o", 0, "Value"]),
            reply(value=["o", -1, "Value"]),
            reply(value=["o", 2**70, "Value"]),
            reply(value=["l", ["o", 4, "Value"], ["o", 4, "Value"]]),
            reply(value=["l", ["o", 4, "Value"], ["o", 3, "Value"]]),
            reply(value=["o", 1, 7]),
            reply(value=["c", 1]),
            reply(value=["c", 0]),
            reply(value=["c", "1"]),
            reply(value=["c"]),
            reply(error=None),
            reply(error="raised"),
            reply(error={"kind": "raised"}),
            reply(error={"kind": "passed", "message": "x"}),
            reply(error={"kind": ["raised"], "message": "x"}),
            reply(error={"kind": "raised", "message": ["x"]}),
            reply(error={**ERROR, "points": 4}),
            reply(value=None, after=[]),
            reply(value=None, after={"0": ["?"]}),
            reply(callback=1),
            reply(callback=1, args=[], kwargs={}),
            reply(callback="1", args=[], kwargs={}),
            reply(callback=True, args=[], kwargs={}),
            reply(callback=0, args=[], kwargs={}),
            reply(callback=1, args={}, kwargs={}),
            reply(callback=1, args=[], kwargs=[]),
            reply(callback=1, args=[["?"]], kwargs={}),
            reply(callback=1, args=[], kwargs={}, value=None),
        ],
    )
    def test_whatever_is_not_an_answer_stops_the_worker(self, behave: Callable) -> None:
        student, workers = scripted(behave)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "protocol" and workers[0].stopped == 1
        assert lost.value.message == "f wrote something to the channel that is not an answer"
        assert student.calls[-1].error is lost.value and student.calls[-1].returned is NOTHING

    def test_the_next_check_gets_a_new_worker(self) -> None:
        student, workers = scripted(
            lambda far: reply(value=["i", "7"])(far) if len(workers) > 1 else raw(b"x" * 50)(far)
        )
        with pytest.raises(StudentLost):
            student.f()
        assert student.f() == 7 and len(workers) == 2
        student.close()

    def test_an_answer_before_the_question(self) -> None:
        loaded, answered = threading.Event(), threading.Event()

        def behave(far: socket.socket) -> None:
            loaded.wait(5)
            far.sendall(frame({"id": 1, "value": None}))
            answered.set()
            far.recv(1)

        student, _ = scripted(behave)
        assert student.notes == ()
        loaded.set()
        answered.wait(5)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "protocol"

    def test_a_second_answer_is_found_with_the_next_request(self) -> None:
        returned, sent = threading.Event(), threading.Event()

        def behave(far: socket.socket) -> None:
            far.sendall(frame({"id": next_request(far)["id"], "value": True}))
            returned.wait(5)
            far.sendall(frame({"id": 1, "value": True}))
            sent.set()
            far.recv(1)

        student, _ = scripted(behave)
        assert student.f() is True
        returned.set()
        sent.wait(5)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "protocol"

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [("ended", "died"), ("crashed", "died"), ("memory", "memory"), ("cpu", "timeout"), ("disk", "died")],
    )
    def test_a_worker_that_ends(self, reason: str, kind: str) -> None:
        student, workers = scripted(lambda far: next_request(far), reason=reason)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == kind and workers[0].stopped == 1

    def test_a_frame_that_breaks_off(self) -> None:
        def behave(far: socket.socket) -> None:
            far.sendall(frame({"id": next_request(far)["id"], "value": None})[:-3])

        student, _ = scripted(behave)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "died"

    def test_a_worker_that_ended_between_two_calls(self) -> None:
        student, _ = scripted(lambda far: far.sendall(frame({"id": next_request(far)["id"], "value": True})))
        assert student.f() is True
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "died"

    def test_silence(self) -> None:
        student, workers = scripted(lambda far: next_request(far) and far.recv(1), QUICK)
        with pytest.raises(StudentLost, match="f took longer than allowed") as lost:
            student.f()
        assert lost.value.kind == "timeout" and workers[0].stopped == 1

    def test_dribbling(self) -> None:
        def behave(far: socket.socket) -> None:
            data = frame({"id": next_request(far)["id"], "value": "x" * 10_000})
            for index in range(len(data)):
                far.sendall(data[index : index + 1])
                time.sleep(0.05)

        student, workers = scripted(behave, QUICK)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "timeout" and workers[0].stopped == 1

    def test_flooding_with_callbacks(self) -> None:
        def behave(far: socket.socket) -> None:
            number = next_request(far)["id"]
            while True:
                far.sendall(frame({"id": number, "callback": 1, "args": [], "kwargs": {}}))
                next_request(far)

        student, _ = scripted(behave, QUICK)
        with pytest.raises(StudentLost) as lost:
            student.f(lambda: None)
        assert lost.value.kind == "timeout"

    def test_flooding_with_bytes_of_an_announced_frame(self) -> None:
        def behave(far: socket.socket) -> None:
            next_request(far)
            far.sendall(PREFIX.pack(10, 2**26))
            while True:
                far.sendall(bytes(2**20))

        student, workers = scripted(behave)
        with pytest.raises(StudentLost) as lost:
            student.f()
        assert lost.value.kind == "protocol" and workers[0].stopped == 1

    def test_never_reading_what_is_sent(self) -> None:
        def behave(far: socket.socket) -> None:
            time.sleep(2.0)

        student, workers = scripted(behave, QUICK)
        with pytest.raises(StudentLost) as lost:
            student.f(np.zeros(50 * 2**20, np.uint8))
        assert lost.value.kind == "timeout" and workers[0].stopped == 1

    def test_flooding_instead_of_reading(self) -> None:
        def behave(far: socket.socket) -> None:
            far.recv(1)
            while True:
                far.sendall(bytes(2**16))

        student, _ = scripted(behave)
        with pytest.raises(StudentLost) as lost:
            student.f(np.zeros(50 * 2**20, np.uint8))
        assert lost.value.kind == "protocol"

    def test_closing_instead_of_reading(self) -> None:
        student, _ = scripted(lambda far: far.recv(1))
        with pytest.raises(StudentLost) as lost:
            student.f(np.zeros(50 * 2**20, np.uint8))
        assert lost.value.kind == "died"

    def test_random_bytes(self) -> None:
        numbers = random.Random(3)
        for _ in range(50):
            student, _ = scripted(raw(numbers.randbytes(numbers.randrange(1, 400))), Limits(call_seconds=0.1))
            with pytest.raises(StudentLost) as lost:
                student.f()
            assert lost.value.kind in ("protocol", "timeout")

    def test_error_texts_are_cleaned_here_too(self) -> None:
        student, _ = scripted(reply(error={"kind": "raised", "message": "\x1b[2J\u202e" + "A" * 5000}))
        with pytest.raises(StudentError) as error:
            student.f()
        assert error.value.message.isprintable() and len(error.value.message) <= 500
        student.close()

    def test_a_claimed_answer_is_only_a_value(self) -> None:
        student, _ = scripted(reply(value=["d", ["id", ["i", "1"]], ["ok", True], ["outcome", "passed"]]))
        assert student.f() == {"id": 1, "ok": True, "outcome": "passed"}
        student.close()


class TestForgersInAProcess:
    """Student code that finds the channel and writes on it."""

    FIND = """
    import os, socket, struct, json, stat
    def channels():
        for name in os.listdir("/proc/self/fd"):
            try:
                if int(name) > 2 and stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    yield int(name)
            except OSError:
                pass
    def frame(message):
        header = json.dumps(message).encode()
        return struct.pack("<IQ", len(header), 0) + header
    """

    @pytest.mark.parametrize(
        "body",
        [
            "os.write(c, b'garbage')",
            "os.write(c, frame({'id': 1, 'value': True, 'outcome': 'passed'}))",
            "os.write(c, struct.pack('<IQ', 2 ** 32 - 1, 2 ** 63))",
            "[os.write(c, frame({'id': n, 'value': True})) for n in range(100)]",
        ],
    )
    def test_no_byte_means_anything_but_a_value(self, body: str) -> None:
        cell = f"def f(x):\n    for c in channels():\n        {body}\n    return 0 * x\ndef g(): return 3"
        with process_student(self.FIND, cell, limits=SLOW) as student:
            with pytest.raises(StudentLost) as lost:
                student.f(np.ones(3))
            assert lost.value.kind == "protocol"
            assert student.g() == 3

    def test_the_right_frame_for_the_right_request_is_a_value_of_the_students(self) -> None:
        cell = """
        import sys
        def f(x):
            running = sys._getframe(2).f_locals["self"]
            for c in channels():
                os.write(c, frame({"id": running.request, "value": ["i", "7"]}))
            os._exit(0)
        """
        with process_student(self.FIND, cell, limits=SLOW) as student:
            assert student.f(np.ones(3)) == 7
