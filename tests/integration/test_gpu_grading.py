"""An exercise that wants a GPU, graded in the real sandbox: which submission has which device, and what staff are told.

Device files and NVIDIA's library are stand-ins.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from assay.course import Course
from assay.errors import SandboxError
from assay.grading.gpus import Gpus
from assay.grading.pipeline import grade
from assay.grading.rounds import load_report
from assay.notebook.nbgrader_class import grade_class
from assay.notebook.nbgrader_release import release
from assay.notebook.nbgrader_services import Services
from assay.outcome import Outcome, Report
from assay.sandbox.doctor import examine
from assay.sandbox.isolation import Isolation
from tests.support.grading import HONEST, exercise_in, source
from tests.support.notebooks import SCALE_ANSWERS, answered, released, scale_course, submit
from tests.support.stand_in_gpu import make_devices, stand_in_driver

pytestmark = pytest.mark.xdist_group("gpu_grading")

ROOT = Path(__file__).parents[2]
SEEN = """
import os
def devices():
    return [name for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit()]
"""
ONLY_ON_ONE = "def double(x):\n    return 2 * x if os.environ['CUDA_VISIBLE_DEVICES'] == '0' else x\n"


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devices")
    folder.parent.parent.chmod(0o711)
    folder.parent.chmod(0o711)
    return make_devices(folder, "0", "1")


def graded(isolation: Isolation, root: Path, use: str, gpus: Gpus, **more: object) -> Report:
    exercise = exercise_in(root)
    (exercise.folder / "exercise.toml").write_text(f'gpu = "{use}"\n')
    submission = source({**HONEST, "double_answer": ONLY_ON_ONE}, first="import os\nimport numpy as np")
    exercise = exercise.course[exercise.name]
    options = {"secret": bytes(32), "round": "first", "isolation": isolation, "gpus": gpus, **more}
    return grade(exercise, submission, **options)  # type: ignore[arg-type]


def failed(report: Report) -> list[str]:
    return [check.name for check in report.checks if check.outcome is not Outcome.PASSED]


def test_a_submission_that_requires_a_gpu_has_one(isolation: Isolation, devices: Path, tmp_path: Path) -> None:
    gpus = Gpus(("1",), tmp_path / "locks", devices, "./libcuda.so.1")
    report = graded(isolation, tmp_path, "require", gpus, files={"libcuda.so.1": stand_in_driver()})
    assert failed(report) == []
    assert "Graded on the GPU 1." in report.staff_notes


def test_without_a_gpu_staff_are_told(isolation: Isolation, tmp_path: Path) -> None:
    report = graded(isolation, tmp_path / "prefer", "prefer", Gpus())
    assert "double_values" in failed(report)
    assert any("prefers a GPU" in note for note in report.staff_notes)
    with pytest.raises(SandboxError, match="requires a GPU, and this grader has none"):
        graded(isolation, tmp_path / "require", "require", Gpus())


def test_no_other_exercise_has_one(isolation: Isolation, devices: Path, tmp_path: Path) -> None:
    report = graded(isolation, tmp_path, "never", Gpus(("0",), tmp_path / "locks", devices, ""))
    assert "double_values" in failed(report)
    assert not [note for note in report.staff_notes if "GPU" in note]


def test_a_driver_that_does_not_answer_costs_nobody_a_point(
    isolation: Isolation, devices: Path, tmp_path: Path
) -> None:
    gpus = Gpus(("0",), tmp_path / "locks", devices, "./libcuda.so.1")
    with pytest.raises(SandboxError, match="driver does not answer in the sandbox .cuInit: CUDA error 802"):
        graded(isolation, tmp_path, "require", gpus, files={"libcuda.so.1": stand_in_driver(code=802)})
    with gpus.lent(replace(exercise_in(tmp_path / "other"), gpu="require")) as gpu:
        assert gpu is not None  # it has come back


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A class of six whose notebooks say on which devices they ran."""
    course = scale_course(tmp_path_factory.mktemp("class"))
    settings = course.graders / "scale" / "exercise.toml"
    settings.write_text(f'gpu = "require"\n{settings.read_text()}')
    (course.root / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    release(course, "scale")
    right = answered(released(course, "scale"), {**SCALE_ANSWERS, "scale_answer": f"{SEEN}{SCALE}"})
    for number in range(6):
        submit(course, f"student{number}", "scale", right)
    yield course


SCALE = """
print("devices", devices())
def scale(x, factor):
    return x * factor
"""


def test_a_class_shares_two_devices(course: Course, devices: Path) -> None:
    with closing(Services.of(course)) as services:
        if services.isolation.name != "bubblewrap":
            pytest.skip("not run: only there a job has a /dev of its own")
        own = replace(services, gpus=Gpus(("0", "1"), course.gpus, devices, ""))
        results = grade_class(course, "scale", jobs=4, services=own)
    assert [result.error for result in results] == [""] * 6
    notes = []
    for result in results:
        report = load_report(course, "scale", result.student)
        assert report is not None and failed(report) == []
        notes += [note for note in report.staff_notes if "GPU" in note]
        page = nbformat.read(course.autograded / result.student / "scale" / "scale.ipynb", as_version=4)
        printed = "".join(out.get("text", "") for cell in page.cells for out in cell.get("outputs", []))
        assert "devices ['nvidia0']" in printed or "devices ['nvidia1']" in printed
    assert len(notes) == 6 and set(notes) == {"Graded on the GPU 0.", "Graded on the GPU 1."}


def test_the_command_says_why_a_class_is_not_graded(course: Course) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ASSAY_GRADING_GPUS"}

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "assay.cli", "--course", str(course.root), "grade", "scale", "--force", *words]
        done = subprocess.run(command, env=environment, cwd=course.root, capture_output=True, text=True, timeout=240)
        assert done.returncode != 0
        return " ".join((done.stdout + done.stderr).replace("│", " ").split())

    assert "requires a GPU, and this grader has none." in said("--student", "student0")
    assert "'all' is no GPU." in said("--gpus", "all")
    assert "The GPU 97 cannot be used: /dev/nvidia97 is not there." in said("--gpus", "97", "--student", "student0")


def test_doctor_says_of_each_device_what_holds(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_GRADING_GPUS", "1,5")
    found = {part.name: part for part in examine(devices=devices).parts if part.name.startswith("GPU")}
    assert set(found) == {"GPU 0", "GPU 1", "GPU 5"}
    assert found["GPU 5"].state == "does not hold" and "nvidia5 is not there" in found["GPU 5"].mend
    # There is no driver behind these files.
    assert found["GPU 1"].state == "does not hold" and "has no library here" in found["GPU 1"].mend


def test_doctor_says_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_GRADING_GPUS", raising=False)
    (part,) = [part for part in examine(devices=tmp_path).parts if part.name.startswith("GPU")]
    assert (part.name, part.state) == ("GPU", "not available")
