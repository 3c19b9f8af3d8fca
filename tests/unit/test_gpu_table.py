"""Which submission has which GPU, what an exercise can say of it, and who gives devices to a grader."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest

from assay.course import Course, Exercise
from assay.errors import AuthoringError, CourseError, SandboxError
from assay.grading.gpus import Gpus, notes_on
from assay.grading.pipeline import grade
from assay.grading.rounds import suite_version
from assay.outcome import Outcome
from assay.sandbox import libraries
from assay.sandbox.isolation import Job, nvml
from assay.sandbox.isolation.gpu import Gpu, devices_in, numbers_of
from assay.sandbox.isolation.launch import libraries_of
from assay.sandbox.limits import Limits
from assay.serving.longest import BESIDES, longest
from tests.support.grading import REFERENCE, Threads, exercise_in, source


def wanting(gpu: str, **limits: int) -> Exercise:
    return Exercise("digits", Path("graders/digits"), Path("x"), limits=Limits(**limits), gpu=gpu)  # type: ignore[arg-type]


def hold(gpus: Gpus, line: Connection) -> None:
    """Take a device, say which, and keep it until told."""
    with gpus.lent(wanting("require")) as gpu:
        line.send(gpu.number if gpu else None)
        line.recv()
    line.send("given back")


def started(gpus: Gpus) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(gpus, theirs), daemon=True)
    process.start()
    return process, ours


def heard(line: Connection, seconds: float = 60) -> object:
    assert line.poll(seconds), "nothing was said"
    return line.recv()


def test_two_devices_are_two_submissions_at_a_time_and_come_back(tmp_path: Path) -> None:
    gpus = Gpus(("3", "5"), tmp_path / "locks")
    running = [started(gpus) for _ in range(3)]
    lines = [line for _, line in running]
    while sum(line.poll() for line in lines) < 2:
        time.sleep(0.01)
    having = [line for line in lines if line.poll()]
    waiting = next(line for line in lines if line not in having)
    assert {heard(line) for line in having} == {"3", "5"}
    assert not waiting.poll(0.3)
    having[0].send("enough")
    assert heard(having[0]) == "given back"
    assert heard(waiting) in ("3", "5")
    with gpus.lent(wanting("never")) as none:  # beside them
        assert none is None
    for line in (having[1], waiting):
        line.send("enough")
        assert heard(line) == "given back"


def test_a_device_comes_back_from_a_process_that_was_killed(tmp_path: Path) -> None:
    gpus = Gpus(("0",), tmp_path / "locks")
    process, line = started(gpus)
    assert heard(line) == "0"
    taken = threading.Event()

    def take() -> None:
        with gpus.lent(wanting("prefer")) as gpu:
            assert gpu is not None
            taken.set()

    waiting = threading.Thread(target=take)
    waiting.start()
    assert not taken.wait(0.3)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    assert taken.wait(60)
    waiting.join()


def test_a_device_comes_back_after_an_error(tmp_path: Path) -> None:
    gpus = Gpus(("0",), tmp_path / "locks")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), gpus.lent(wanting("require")):
            raise ZeroDivisionError


def test_without_a_device_require_is_refused_and_prefer_is_told_to_staff() -> None:
    with (
        pytest.raises(SandboxError, match="digits requires a GPU, and this grader has none. Set gpus"),
        Gpus().lent(wanting("require")),
    ):
        pass
    assert Gpus().each_for(wanting("require")) == ()
    with Gpus().lent(wanting("prefer")) as gpu:
        assert gpu is None
    assert "prefers a GPU" in notes_on(wanting("prefer"), None)[0]
    assert notes_on(wanting("never"), None) == []


def test_staff_are_told_where_memory_of_a_device_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: str) -> int:
        raise nvml.NoAnswer("nvidia-ml-py is not installed")

    monkeypatch.setattr(nvml, "memory_in_use", unknown)
    assert notes_on(wanting("require"), Gpu("0")) == ["Graded on the GPU 0."]
    assert "not watched: nvidia-ml-py is not installed" in notes_on(wanting("require", gpu_memory=1), Gpu("0"))[1]
    assert len(notes_on(wanting("require", gpu_memory=1), Gpu("0", base=0))) == 1


class Pynvml:
    """NVIDIA's library on a machine with three devices, of which this program may not ask about the first."""

    class NVMLError(Exception):
        pass

    nvmlInit = staticmethod(lambda: None)
    nvmlDeviceGetCount = staticmethod(lambda: 3)
    nvmlDeviceGetMinorNumber = staticmethod({1: 2, 2: 1}.__getitem__)  # counted otherwise than the files
    nvmlDeviceGetMemoryInfo = staticmethod(lambda handle: SimpleNamespace(used=handle << 30))

    @staticmethod
    def nvmlDeviceGetHandleByIndex(index: int) -> int:
        if index == 0:
            raise Pynvml.NVMLError("Insufficient Permissions")
        return index


def test_memory_of_a_device_is_watched_though_others_may_not_be_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Pynvml)
    monkeypatch.setattr(nvml, "_handles", {})
    assert (nvml.memory_in_use("2"), nvml.memory_in_use("1")) == (1 << 30, 2 << 30)
    with pytest.raises(nvml.NoAnswer, match="of the GPU 0: Insufficient Permissions"):
        nvml.memory_in_use("0")
    monkeypatch.setattr(Pynvml, "nvmlDeviceGetHandleByIndex", staticmethod(lambda index: max(index, 1)))
    with pytest.raises(nvml.NoAnswer, match="knows no GPU 7"):
        nvml.memory_in_use("7")


def test_the_environment_names_the_devices_of_a_grader(tmp_path: Path) -> None:
    course = Course(tmp_path)
    assert Gpus.of(course, {}).numbers == Gpus.of(course, {"ASSAY_GRADING_GPUS": " "}).numbers == ()
    found = Gpus.of(course, {"ASSAY_GRADING_GPUS": "0, 12"})
    assert (found.numbers, found.locks) == (("0", "12"), tmp_path / ".assay" / "gpus")


@pytest.mark.parametrize("words", [["GPU-1"], ["00"], ["-1"], ["1", "1"], ["../zero"], ["0/1"]])
def test_what_is_no_device_is_refused(words: list[str]) -> None:
    with pytest.raises(CourseError, match=r"GPU"):
        numbers_of(words)


def test_devices_are_found_by_their_files(tmp_path: Path) -> None:
    for name in ("nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia-caps"):
        (tmp_path / name).touch()
    assert devices_in(tmp_path) == ("2", "10")


def test_an_exercise_says_whether_it_is_graded_on_a_gpu(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path)
    settings, versions = exercise.folder / "exercise.toml", []
    assert exercise.gpu == "never"
    for use in ("never", "prefer", "require"):
        settings.write_text(f'gpu = "{use}"\n[limits]\ngpu_memory = 1000\n')
        found = exercise.course[exercise.name]
        assert (found.gpu, found.limits.gpu_memory) == (use, 1000)
        versions.append(suite_version(found))
    assert len(set(versions)) == 3
    for wrong in ('"always"', "true", "1", '["prefer"]'):
        settings.write_text(f"gpu = {wrong}\n")
        with pytest.raises(AuthoringError, match="gpu"):
            exercise.course[exercise.name]


def test_attempts_that_wait_for_a_device_may_take_longer(tmp_path: Path) -> None:
    exercise = exercise_in(tmp_path)
    course, cores = exercise.course, len(os.sched_getaffinity(0))
    alone = longest(course, exercise.name, Limits(), gpus=1)
    (exercise.folder / "exercise.toml").write_text('gpu = "prefer"\n')
    assert longest(course, exercise.name, Limits(), gpus=cores) == alone
    assert longest(course, exercise.name, Limits(), gpus=0) == alone
    assert longest(course, exercise.name, Limits(), gpus=1) - BESIDES == cores * (alone - BESIDES)


def test_a_reference_computes_without_a_device(tmp_path: Path) -> None:
    looks = "        assert os.environ['CUDA_VISIBLE_DEVICES'] == ''\n"
    reference = REFERENCE.replace("        return 2 * x", f"{looks}        return 2 * x")
    exercise = exercise_in(tmp_path, reference=f"    import os\n{reference}")
    report = grade(exercise, source(), secret=bytes(32), round="first", isolation=Threads())
    assert [check.name for check in report.checks if check.outcome is not Outcome.PASSED] == []


def test_a_job_with_a_gpu_sees_the_libraries_of_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvidia" / "standin").mkdir(parents=True)
    (tmp_path / "nvidia" / "standin" / "libstandin.so.12").touch()
    (tmp_path / "nvidia_standin_cu12-1.dist-info").mkdir()
    (tmp_path / "nvidia_standin_cu12-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: nvidia-standin-cu12\nVersion: 1\n"
    )
    record = "nvidia/standin/libstandin.so.12,,\nnvidia_standin_cu12-1.dist-info/METADATA,,\n"
    (tmp_path / "nvidia_standin_cu12-1.dist-info" / "RECORD").write_text(record)
    monkeypatch.syspath_prepend(str(tmp_path))
    libraries._of_cuda.cache_clear()
    try:
        without, found = (libraries_of(Job("worker", gpu=gpu)) for gpu in (None, Gpu("0")))
    finally:
        libraries._of_cuda.cache_clear()
        libraries.view_of.cache_clear()
    places = {place for place, _ in found.entries} - {place for place, _ in without.entries}
    assert "nvidia/standin/libstandin.so.12" in places
    assert not [place for place in places if "pynvml" in place]
    assert found.modules == without.modules  # nothing of it is imported ahead
