"""Calls that are made before a check asks for them: the verdict is the same, whatever the student does."""

import time
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.checks import assert_close, check
from assay.checks.bank import Bank
from assay.checks.foreseen import calls_made
from assay.checks.runner import Verdict, run_check
from assay.errors import StudentError, StudentLost, Unforeseen
from assay.sandbox.ahead import TOGETHER, foreseen
from assay.sandbox.inside.wire import Caps, Frames
from assay.sandbox.limits import Limits
from assay.sandbox.local import local_student
from assay.sandbox.proxy import Student
from tests.support.workers import Scripted, answer_load, frame, process_student, source

NUMBERS = st.integers(0, 99).map(float)
QUICK = Limits(call_seconds=1.0, load_seconds=10.0)


@check("f doubles")
@given(NUMBERS)
def doubles(student, x):
    assert_close(student.f(np.full(3, x)), np.full(3, 2 * x))


@check("f of a list doubles each, with the same answer twice")
@given(st.lists(NUMBERS, min_size=1))
def twice(student, xs):
    first = student.f(np.array(xs))
    assert_close(student.f(np.array(xs)), first)
    assert_close(student.g([xs, {"a": (1, None, True, "x")}], scale=2.0), 2.0 * sum(xs))


@check("f of f quadruples")
@given(NUMBERS)
def quadruples(student, x):
    assert_close(student.f(student.f(np.full(3, x))), np.full(3, 4 * x))


@check("f gives the very number")
@given(NUMBERS)
def exact(student, x):
    assert student.f(np.full(3, x))[0] == 2 * x


@check("asks whether f is defined")
@given(NUMBERS)
def defines(student, x):
    assert student.defines("f")
    doubles.hypothesis.inner_test(student, x)


@check("passes a function")
@given(NUMBERS)
def passes_a_function(student, x):
    assert_close(student.h(lambda y: 3 * y, x), 3 * x)


@check("uses an object")
@given(NUMBERS)
def uses_an_object(student, x):
    assert_close(student.Box(x).get(), x)


@check("uses what a call was given")
@given(NUMBERS)
def changes_arguments(student, x):
    a = np.full(3, x)
    student.f(a)
    a += 1
    assert_close(student.f(a), 2 * a)


class Box:
    def __init__(self, value):
        self.value = value

    def get(self):
        return self.value


REFERENCE = {"f": lambda x: 2 * x, "g": lambda x, scale: scale * sum(x[0]), "h": lambda g, x: g(x), "Box": Box}


def calls_of(function):
    """The calls that can be made before this check asks for them."""
    bank = filled(function)
    return bank.calls("it", 1)


def filled(function):
    bank = Bank(with_calls=True)
    with local_student(REFERENCE) as student:
        assert (
            run_check(function, {"student": student}, student, name="it", seed=1, bank=bank).verdict is Verdict.PASSED
        )
    bank.make_ready(lambda calls: made if (made := foreseen(calls.made)) == foreseen(calls.nudged) else ())
    return Bank.loads(bank.dumps(), once=True)


def judged(function, student, bank=None):
    return run_check(function, {"student": student}, student, name="it", seed=1, shrink_seconds=0.0, bank=bank)


@pytest.mark.parametrize("function", [doubles, twice, changes_arguments], ids=lambda one: one.__name__)
def test_calls_that_depend_on_the_examples_alone_are_known(function):
    assert len(calls_of(function)) >= 25


@pytest.mark.parametrize(
    "function", [quadruples, exact, defines, passes_a_function, uses_an_object], ids=lambda one: one.__name__
)
def test_other_calls_are_not(function):
    assert not calls_of(function)


ANSWERS = {
    "right": "def f(x): return x + x\ndef g(x, scale): return scale * sum(x[0])",
    "wrong": "def f(x): return 3 * x\ndef g(x, scale): return 0.0",
    "wrong at times": "def f(x): return 2 * x + (x > 50)\ndef g(x, scale): return 0.0",
    "raises": "def f(x): raise ValueError('no')\ndef g(x, scale): return scale * sum(x[0])",
    "raises at times": "def f(x): return 2 * x if x[0] < 9 else undefined\ndef g(x, scale): return 0.0",
    "missing": "",
    "changes its argument": "def f(x):\n    x *= 2\n    return x\ndef g(x, scale): return scale * sum(x.pop(0))",
    "counts": "n = 0\ndef f(x):\n    global n\n    n += 1\n    return 2 * x + (n > 40)\ndef g(x, scale): return 0.0",
    "an object": "def f(x): return object()\ndef g(x, scale): return scale * sum(x[0])",
    "ends": "import os\ndef f(x): os._exit(0)\ndef g(x, scale): return 0.0",
    "ends at times": "import os\ndef f(x): return 2 * x if x[0] < 9 else os._exit(0)\ndef g(x, scale): return 0.0",
    "wrong, then ends": "import os\ndef f(x): return 3 * x if x[0] < 9 else os._exit(0)\ndef g(x, scale): return 0.0",
    "large": "import numpy as np\ndef f(x): return np.zeros(10**6)\ndef g(x, scale): return 0.0",
    "too large": "import numpy as np\ndef f(x): return np.zeros(10**7)\ndef g(x, scale): return 0.0",
    "prints": "def f(x):\n    print('x' * 10**5)\n    return 2 * x\ndef g(x, scale): return scale * sum(x[0])",
    "forges": (
        "import os, socket\ndef f(x):\n"
        "    for number in range(3, 4100):\n"
        "        try: os.write(number, b'\\x02\\0\\0\\0' + bytes(8) + b'{}')\n"
        "        except OSError: pass\n"
        "    return 2 * x\ndef g(x, scale): return 0.0"
    ),
}


def answering(text):
    """A student with these functions, in a process where they need one of their own."""
    if "import os" in text:
        return process_student(text)
    namespace = {}
    exec(text, namespace)
    return local_student(namespace)


@pytest.mark.parametrize("function", [doubles, twice, changes_arguments], ids=lambda one: one.__name__)
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_verdict_is_that_of_asking_call_by_call(function, answer):
    bank = filled(function)
    call_by_call = Bank.loads(bank.dumps(), once=True)
    call_by_call.make_ready(lambda calls: ())
    with answering(ANSWERS[answer]) as student, answering(ANSWERS[answer]) as other:
        ahead, live = judged(function, student, bank), judged(function, other, call_by_call)
    assert (ahead.verdict, ahead.message) == (live.verdict, live.message)
    if answer == "right":
        assert ahead.verdict is Verdict.PASSED


def test_calls_are_made_before_they_are_asked_for():
    bank = filled(doubles)
    seen = "seen = []\ndef f(x):\n    seen.append(x)\n    return 2 * x\ndef how_many(): return len(seen)"
    with process_student(seen) as student:
        with student.ahead(bank.calls("it", 1)):
            for call in bank.calls("it", 1):
                student.f(*call.args)
            assert len(student.calls) == len(bank.calls("it", 1)) > TOGETHER
        assert student.how_many() == len(bank.calls("it", 1))


@contextmanager
def scripted(behave, limits=QUICK):
    """A student whose workers load, and then behave so with the frames that come and how to send."""
    workers = []

    def connect():
        def run(far):
            answer_load(far)
            behave(len(workers), far, Frames(lambda memory: far.recv_into(memory) or _end()))

        workers.append(Scripted(run))
        return workers[-1]

    student = Student(connect, source(), limits)
    try:
        yield student, workers
    finally:
        student.close()


def _end():
    raise EOFError


def answer_right(number, far, frames):
    """Answer each call of f as it comes."""
    while True:
        message, blob = frames.next(Caps())
        double = (2 * np.frombuffer(blob)).tobytes()
        far.sendall(frame({"id": message["id"], "value": message["args"][0]}, double))


def first_only(misbehave):
    """The first worker misbehaves; later ones are right."""

    def behave(number, far, frames):
        misbehave(far, frames) if number == 1 else answer_right(number, far, frames)

    return behave


def silent(far, frames):
    frames.next(Caps())
    far.recv(1 << 20)
    time.sleep(5)


def forged_id(far, frames):
    message, blob = frames.next(Caps())
    far.sendall(frame({"id": message["id"] ^ 1, "value": ["i", "1"]}))
    far.recv(1 << 20)


def one_reply_too_many(far, frames):
    for position in range(1000):
        message, blob = frames.next(Caps())
        reply = frame({"id": message["id"], "value": message["args"][0]}, (2 * np.frombuffer(blob)).tobytes())
        far.sendall(reply + (reply if not frames.waiting and position > 20 else b""))


def callback(far, frames):
    message, _ = frames.next(Caps())
    far.sendall(frame({"id": message["id"], "callback": 1, "args": [], "kwargs": {}}))
    far.recv(1 << 20)


@pytest.mark.parametrize("misbehave", [silent, forged_id, one_reply_too_many, callback, lambda far, frames: None])
def test_a_worker_that_is_lost_meanwhile_is_replaced_and_asked_call_by_call(misbehave):
    bank = filled(doubles)
    with scripted(first_only(misbehave)) as (student, workers):
        assert judged(doubles, student, bank).verdict is Verdict.PASSED
        assert len(workers) == 2
        with student.ahead(filled(doubles).calls("it", 1)):  # nothing is sent ahead any more
            assert_close(student.f(np.ones(3)), np.full(3, 2.0))


def test_what_is_lost_ahead_costs_no_time_of_the_student():
    bank = filled(doubles)
    limits = Limits(call_seconds=0.5, load_seconds=5.0, seconds=0.6)
    with scripted(first_only(silent), limits) as (student, _):
        assert judged(doubles, student, bank).verdict is Verdict.PASSED


def test_something_else_than_what_was_sent():
    calls = filled(doubles).calls("it", 1)
    with answering("def f(x): return 2 * x") as student:
        for ask in (lambda: student.f(np.array([-1.0])), lambda: student.g(), lambda: student.defines("f")):
            with pytest.raises(Unforeseen), student.ahead(calls):
                with pytest.raises(Unforeseen):
                    ask()
                with pytest.raises(Unforeseen):  # also what was sent
                    student.f(*calls[0].args)
            assert_close(student.f(np.ones(2)), np.full(2, 2.0))


def test_what_is_not_asked_for_is_read_away():
    calls = filled(doubles).calls("it", 1)
    with answering("def f(x): return 2 * x") as student:
        with pytest.raises(ZeroDivisionError), student.ahead(calls):
            assert_close(student.f(*calls[0].args), 2 * calls[0].args[0])
            raise ZeroDivisionError
        assert_close(student.f(np.ones(2)), np.full(2, 2.0))


def test_a_worker_that_is_lost_after_what_was_asked_is_sent_nothing_ahead_again():
    calls = filled(doubles).calls("it", 1)
    text = "import os\nn = 0\ndef f(x):\n    global n\n    n += 1\n    return 2 * x if n < 20 else os._exit(0)"
    with process_student(text + "\ndef made(): return n") as student:
        for _ in range(2):
            with student.ahead(calls):
                assert_close(student.f(*calls[0].args), 2 * calls[0].args[0])
        assert student.made() == 1  # by the second worker, which was asked for one call alone and lives


def test_a_function_that_was_passed_before_cannot_be_called_meanwhile():
    calls = filled(doubles).calls("it", 1)
    text = "kept = []\ndef keep(g): kept.append(g)\ndef f(x): return kept[0](x)"
    with process_student(text) as student:
        student.keep(lambda x: 2 * x)
        with student.ahead(calls), pytest.raises(StudentError, match="only during the call"):
            student.f(*calls[0].args)


def test_more_calls_than_a_socket_holds():
    calls = foreseen([("f", (np.full(1000, float(number)),), {}) for number in range(200)])
    with answering("def f(x): return 2 * x") as student, student.ahead(calls):
        for number in range(200):
            assert_close(student.f(np.full(1000, float(number))), np.full(1000, 2.0 * number))


def test_large_arguments_are_never_sent_ahead():
    assert foreseen([("f", (np.zeros(10_000),), {})]) is None
    assert foreseen([("f", ("x" * 20_000,), {})]) is None


def test_a_student_who_lost_a_worker_is_asked_call_by_call():
    calls = filled(doubles).calls("it", 1)
    with process_student("import os\ndef f(x): return 2 * x\ndef end(): os._exit(0)") as student:
        with pytest.raises(StudentLost):
            student.end()
        with student.ahead(calls):
            assert_close(student.f(np.ones(2)), np.full(2, 2.0))


def test_no_calls_are_known_of_a_check_that_its_reference_fails():
    with local_student({"f": lambda x: x}) as student:
        run = lambda fixtures, example: doubles.hypothesis.inner_test(fixtures["student"], **example)  # noqa: E731
        assert calls_made(run, {"student": student}, student, [{"x": 1.0}]) == ((), ())
