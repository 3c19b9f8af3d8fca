"""Arrays in sealed memory: every worker reads them, none can change them or leave anything in them."""

import array as numbers
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from assay.errors import StudentError, StudentLost
from assay.sandbox import shared
from assay.sandbox.inside import seccomp
from assay.sandbox.inside.values import LENT
from assay.sandbox.inside.wire import SMALL
from assay.sandbox.limits import Limits
from assay.sandbox.local import local_student
from assay.sandbox.proxy import NOTHING, Student
from assay.sandbox.shared import lent, share
from tests.support.workers import Scripted, answer_load, frame, next_request, process_student, source

ROOT = Path(__file__).parents[2]
LARGE = np.arange(40_000.0).reshape(200, 200)
LIMITS = Limits(call_seconds=30.0, load_seconds=60.0)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    gc.collect()
    before = descriptors()
    yield
    gc.collect()
    assert descriptors() <= before and not shared._SHARED


class TestSharing:
    @pytest.mark.parametrize(
        "array",
        [
            LARGE,
            LARGE.T,
            LARGE[::2],
            LARGE.astype(np.float32),
            LARGE > 3,
            LARGE.astype(np.int8),
            np.arange(3),
            np.array(2),
        ],
        ids=["float64", "transposed", "strided", "float32", "bool", "int8", "small", "0-d"],
    )
    def test_gives_equal_arrays_that_cannot_be_changed(self, array: np.ndarray) -> None:
        kept = share(array)
        assert kept.dtype == array.dtype and kept.shape == array.shape and np.array_equal(kept, array)
        assert kept.flags.c_contiguous and not kept.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            kept[...] = 0

    def test_no_flag_makes_one_writable(self) -> None:
        with pytest.raises(ValueError, match="WRITEABLE"):
            share(LARGE).flags.writeable = True

    def test_twice_is_once(self) -> None:
        kept = share(LARGE)
        assert share(kept) is kept and len(shared._SHARED) == 1

    def test_only_the_whole_array_is_lent_each_time_as_an_opened_file_of_its_own(self) -> None:
        kept = share(LARGE)
        for part in (kept[:100], kept[:, :100], kept.T, LARGE, kept.copy()):
            assert lent(part) is None
        one, other = lent(kept), lent(kept.reshape(-1))
        assert one is not None and other is not None
        os.lseek(one, 100, os.SEEK_SET)
        assert os.lseek(other, 0, os.SEEK_CUR) == 0
        os.close(one)
        os.close(other)

    @pytest.mark.parametrize(
        "change",
        [
            lambda number: os.ftruncate(number, 8),
            lambda number: os.ftruncate(number, 2**20),
            lambda number: os.write(number, b"x"),
            lambda number: os.posix_fallocate(number, 0, 2**20),
            lambda number: os.close(os.open(f"/proc/self/fd/{number}", os.O_RDWR | os.O_TRUNC)),
        ],
        ids=["shorter", "longer", "write", "allocate", "truncate"],
    )
    def test_not_even_its_owner_changes_it(self, change: Callable[[int], object]) -> None:
        kept = share(LARGE)
        with pytest.raises(OSError):
            change(next(iter(shared._SHARED.values())).descriptor)
        assert np.array_equal(kept, LARGE)

    def test_a_descriptor_that_became_another_file_is_not_sent(self, tmp_path: os.PathLike[str]) -> None:
        kept = share(LARGE)
        number = next(iter(shared._SHARED.values())).descriptor
        os.close(number)
        assert lent(kept) is None
        other = os.open(tmp_path, os.O_RDONLY)
        if other != number:
            os.dup2(other, number)
            os.close(other)
        assert lent(kept) is None
        del kept
        gc.collect()
        os.fstat(number)  # and it is not closed
        os.close(number)

    def test_without_such_memory_arrays_are_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object) -> int:
            raise OSError

        monkeypatch.setattr(os, "memfd_create", refused)
        kept = share(LARGE)
        assert lent(kept) is None and not kept.flags.writeable
        with local_student({"f": lambda x: x + 1}) as student:
            assert np.array_equal(student.f(kept), LARGE + 1)


CONFINED = """
import os, sys
import numpy as np
from assay.sandbox.inside.confine import Policy, confine
from assay.sandbox.shared import lent, share
confine(Policy(readable=("/usr", "/lib"), writable=(os.getcwd(),), sealed_memory=sys.argv[1] == "allowed"))
kept = share(np.arange(40_000.0))
if os.fork():
    os.wait()
    sys.exit()
number = lent(kept)
print("nothing" if number is None else oct(os.fstat(number).st_mode & 0o777), flush=True)
"""


@pytest.mark.parametrize(("rights", "says"), [("allowed", "0o400"), ("not allowed", "nothing")])
def test_a_confined_judge_shares_where_it_may(rights: str, says: str, tmp_path: Path) -> None:
    if not seccomp.available():
        pytest.skip("no seccomp here")
    command = [sys.executable, "-c", CONFINED, rights]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == says, done.stderr


STUDENT = """
import ctypes, fcntl, gc, mmap, os, socket, stat, sys
import numpy as np


def describe(x):
    return type(x).__name__, x.dtype.str, x.shape, x.flags.writeable, x.flags.c_contiguous, x.flags.aligned


def total(*arrays, **named):
    return float(sum(x.sum() for x in (*arrays, *named.values())))


def change(x):
    x += 1
    return x


def change_one(x):
    x[-1, -1] = np.nan


def reshape(x):
    x.shape = (x.size,)


kept = []


def keep(x):
    kept.append(x)
    x[0] = -1
    return None


def kept_totals():
    return [float(x.sum()) for x in kept]


def descriptors():
    return [int(name) for name in os.listdir("/proc/self/fd")]


hoarded = []


def hoard():
    try:
        while True:
            hoarded.append(os.dup(0))
    except OSError:
        return len(hoarded)


def release():
    while hoarded:
        os.close(hoarded.pop())


def mapping_of(x):
    return x.ctypes.data - x.ctypes.data % mmap.PAGESIZE, x.nbytes


def make_shared(x):
    libc = ctypes.CDLL(None, use_errno=True)
    address, size = mapping_of(x)
    libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), 3)
    libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), 9)
    x[...] = 7
    libc.msync(ctypes.c_void_p(address), ctypes.c_size_t(size), 4)
    return float(x.sum())
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Student]:
    with process_student(STUDENT, limits=LIMITS) as student:
        assert student.notes == ()
        yield student


@pytest.fixture
def student(started: Student) -> Iterator[Student]:
    yield started
    started.forget()


class TestCalls:
    @pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "u1", "?"])
    def test_a_student_gets_an_array_like_any_other(self, student: Student, dtype: str) -> None:
        kept = share(LARGE.astype(dtype))
        assert lent_and_closed(kept) == (kept.nbytes >= SMALL)
        assert student.describe(kept) == student.describe(kept.copy())
        assert student.total(kept) == student.total(kept.copy())

    def test_a_change_is_the_students_own_and_is_seen(self, student: Student) -> None:
        kept = share(LARGE)
        assert np.array_equal(student.change(kept), LARGE + 1)
        assert np.array_equal(student.calls[-1].after[0], LARGE + 1)
        assert np.array_equal(kept, LARGE) and student.total(kept) == LARGE.sum()
        assert student.calls[-1].after[0] is kept

    def test_one_changed_number_is_seen(self, student: Student) -> None:
        student.change_one(share(LARGE))
        after = student.calls[-1].after[0]
        assert np.isnan(after[-1, -1]) and np.array_equal(after.ravel()[:-1], LARGE.ravel()[:-1])

    def test_a_new_shape_is_seen(self, student: Student) -> None:
        student.reshape(share(LARGE))
        assert student.calls[-1].after[0].shape == (40_000,)

    def test_what_a_student_keeps_is_theirs(self, student: Student) -> None:
        kept = share(LARGE)
        student.keep(kept)
        student.keep(kept)
        del kept
        student.forget()
        gc.collect()
        expected = LARGE[1:].sum() - 200
        assert student.kept_totals() == [expected, expected]

    def test_several_and_by_name(self, student: Student) -> None:
        one, other = share(LARGE), share(LARGE * 2)
        assert student.total(one, LARGE, other=other, same=one) == 5 * LARGE.sum()

    def test_within_a_list(self) -> None:
        kept = share(LARGE)
        with local_student({"f": lambda pair: pair[0].sum() + pair[1]["x"].sum()}) as student:
            assert student.f((kept, {"x": kept})) == 2 * LARGE.sum()

    def test_more_than_can_be_lent_are_sent(self, student: Student) -> None:
        kept = share(LARGE)
        assert student.total(*[kept] * (LENT + 5)) == (LENT + 5) * LARGE.sum()

    def test_a_tensor(self) -> None:
        from assay.sandbox.inside.values import Torch

        cell = "import torch\ndef change(x, y):\n    y[0] = 7\n    return type(x).__name__, float(x.sum())"
        kept = share(LARGE)
        with process_student(cell, limits=LIMITS) as student:
            assert student.change(Torch(kept), Torch(kept)) == ("Tensor", LARGE.sum())
            after = student.calls[-1].after
        assert type(after[0]) is Torch and after[1][0, 0] == 7 and np.array_equal(kept, LARGE)

    def test_no_descriptor_stays_open_here_or_there(self, student: Student) -> None:
        kept = share(LARGE)
        student.total(kept)
        ours, theirs = descriptors(), student.descriptors()
        for _ in range(20):
            student.total(kept, kept)
        assert descriptors() == ours and student.descriptors() == theirs

    def test_a_call_that_cannot_be_sent_leaves_none_open_either(self, student: Student) -> None:
        kept = share(LARGE)
        ours = descriptors()
        with pytest.raises(Exception, match="cannot be sent"):
            student.total(kept, {1, 2})
        assert descriptors() == ours

    def test_descriptors_used_up_are_an_error_of_the_call(self, student: Student) -> None:
        kept = share(LARGE)
        assert student.hoard() > 0
        with pytest.raises(StudentError, match="no file descriptor was free for the data"):
            student.total(kept, kept)
        student.release()
        assert student.total(kept) == LARGE.sum()


def lent_and_closed(array: np.ndarray) -> bool:
    number = lent(array)
    if number is not None:
        os.close(number)
    return number is not None


HOSTILE = """
import ctypes, fcntl, mmap, os, socket, sys
from inside.descriptors import Descriptors

seen = []
close = os.close


def stolen(self, data):
    seen.extend(os.dup(number) for number in memoryview(data).cast("i"))
    original(self, data)


original = Descriptors.take
Descriptors.take = stolen


def tried(action):
    try:
        action()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return "done"


def attack(x):
    number, ways = seen[-1], {}
    ways["write"] = tried(lambda: os.pwrite(number, b"x", 0))
    ways["shorter"] = tried(lambda: os.ftruncate(number, 0))
    ways["longer"] = tried(lambda: os.ftruncate(number, 2 ** 24))
    ways["unseal"] = tried(lambda: fcntl.fcntl(number, fcntl.F_ADD_SEALS, 0))
    ways["hole"] = tried(lambda: os.posix_fallocate(number, 0, 2 ** 24))
    ways["shared"] = tried(lambda: mmap.mmap(number, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE))
    ways["reopened"] = tried(lambda: os.pwrite(os.open(f"/proc/self/fd/{number}", os.O_RDWR), b"x", 0))
    ways["truncated"] = tried(lambda: os.open(f"/proc/self/fd/{number}", os.O_RDWR | os.O_TRUNC))
    os.lseek(number, 4711, os.SEEK_SET)
    x[...] = -1
    return ways


def look(x):
    found = os.fstat(seen[-1])
    return os.lseek(seen[-1], 0, os.SEEK_CUR), found.st_size, found.st_mode & 0o777, float(x.sum())
"""


class TestHostileWorkers:
    def test_nobody_sees_what_another_did_to_it(self) -> None:
        kept = share(LARGE)
        with process_student(HOSTILE, limits=LIMITS) as one, process_student(HOSTILE, limits=LIMITS) as other:
            ways = one.attack(kept)
            assert set(ways.values()) <= {"PermissionError", "OSError"}, ways
            for student in (one, other):
                assert student.look(kept) == (0, LARGE.nbytes, 0o400, LARGE.sum())
        assert np.array_equal(kept, LARGE)

    def test_other_protection_and_advice_change_only_ones_own(self, student: Student) -> None:
        kept = share(LARGE)
        assert student.make_shared(kept) == 7.0 * LARGE.size
        assert np.array_equal(kept, LARGE) and student.total(kept) == LARGE.sum()

    @pytest.mark.parametrize("count", [1, 200])
    @pytest.mark.parametrize("answers", [True, False], ids=["with an answer", "with garbage"])
    def test_descriptors_that_a_worker_sends_are_closed(self, count: int, answers: bool) -> None:
        def behave(far: socket.socket) -> None:
            number = next_request(far)["id"]
            junk = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]
            data = frame({"id": number, "value": ["i", "7"]}) if answers else b"garbage, and not a frame at all"
            attached = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers.array("i", junk))]
            far.sendmsg([data], attached)
            for descriptor in junk:
                os.close(descriptor)
            own_are_closed.set()
            far.recv(1)

        own_are_closed = threading.Event()
        student = Student(lambda: Scripted(lambda far: (answer_load(far), behave(far))), source(), LIMITS)
        assert student.notes == ()
        before = descriptors()
        if answers:
            assert student.f() == 7
            assert own_are_closed.wait(60)
            assert len(descriptors()) <= len(before)
        else:
            with pytest.raises(StudentLost):
                student.f()
        student.close()

    def test_a_node_that_names_memory_is_no_answer(self) -> None:
        kept = share(LARGE)

        def behave(far: socket.socket) -> None:
            number = next_request(far)["id"]
            far.sendall(frame({"id": number, "value": ["a", "F64", [200, 200], 0]}))
            far.recv(1)

        student = Student(lambda: Scripted(lambda far: (answer_load(far), behave(far))), source(), LIMITS)
        with pytest.raises(StudentLost) as lost:
            student.f(kept)
        assert lost.value.kind == "protocol" and student.calls[-1].returned is NOTHING
        student.close()
