"""A machine with GPUs, as far as files can make one: what `assay doctor` finds, and what a course's grader has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import CourseError
from assay.hub import shut_in
from assay.settings import CourseSettings, Settings, load
from tests.support.stand_in_gpu import stand_in_driver

pytestmark = pytest.mark.xdist_group("gpu_server")

ROOT = Path(__file__).parents[2]
# Where a grader of this course would run: in the enclosure, with a sandbox for submissions within.
GRADER = """
import os, select, sys
from pathlib import Path
from assay.serving.enclosed import Enclosed
from assay.settings import CourseSettings, Settings

WITHIN = '''
import os
from assay.sandbox.isolation import Job, Warm, choose
from assay.sandbox.isolation.gpu import Gpu, devices_in
said = [os.environ["ASSAY_GRADING_GPUS"], ",".join(devices_in())]
tier = choose()
with Warm(tier) as warm:
    for started in (tier, warm):
        started.start(Job("probe", gpu=Gpu("1"))).stop()
        said.append("CUDA answers")
os.write(0, "; ".join(said).encode())
'''
root, home = Path(sys.argv[1]), Path(sys.argv[2])
course = CourseSettings("deep-learning", root, gpus=("1",))
grader = Enclosed(Settings(home, (course,)), course, (sys.executable, "-P", "-c", WITHIN))
if grader._why_not:
    print("not shut in:", grader._why_not)
    sys.exit(0)
line = grader.open()
line.settimeout(200)
print(line.recv(1000).decode())
grader.close(at_once=True)
"""


def on_a_machine_with_gpus(folder: Path, *command: str) -> str:
    """What a command prints there."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("not run: only root can give a command mounts of its own")
    library = folder / "libcuda"
    library.write_bytes(stand_in_driver())
    started = ["unshare", "--mount", "sh", str(ROOT / "tests" / "support" / "with_gpus.sh"), str(folder), str(library)]
    environment = {name: value for name, value in os.environ.items() if name != "ASSAY_GRADING_GPUS"}
    done = subprocess.run([*started, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=400)
    if "mount" in done.stderr.split(":")[0]:
        pytest.skip(f"not run: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_doctor_starts_a_sandbox_on_each_device(tmp_path: Path) -> None:
    program = "from assay.sandbox.doctor import as_lines, examine; print('\\n'.join(as_lines(examine())))"
    said = on_a_machine_with_gpus(tmp_path, sys.executable, "-c", program)
    found = [line.split(":")[0] for line in said.splitlines() if "GPU" in line and "memory" not in line]
    assert [" ".join(line.split()) for line in found] == ["holds GPU 0", "holds GPU 1"]


def test_a_grader_that_is_shut_in_has_the_devices_of_its_course(tmp_path: Path) -> None:
    course, home = tmp_path / "course", tmp_path / "server"
    (course / "source").mkdir(parents=True)
    home.mkdir()
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o011)
    said = on_a_machine_with_gpus(tmp_path, sys.executable, "-c", GRADER, str(course), str(home))
    if said.startswith("not shut in"):
        pytest.skip(f"not run: {said}")
    assert said.strip() == "1; 1; CUDA answers; CUDA answers"


def test_an_instructors_server_has_none(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    course = CourseSettings("deep-learning", tmp_path, gpus=("3",))
    settings = Settings(tmp_path / "server", (course,))
    (tmp_path / "server").mkdir()
    assert "/dev/nvidia3" in shut_in.course(settings, course, network=False).arguments
    assert not [word for word in shut_in.course(settings, course).arguments if word.startswith("/dev/nvidia")]


def test_a_device_is_given_once(tmp_path: Path) -> None:
    text = '[courses.one]\nroot = "a"\ngpus = ["0"]\n[courses.two]\nroot = "b"\ngpus = ["1"]\n'
    (tmp_path / "settings.toml").write_text(text)
    assert [course.gpus for course in load(tmp_path, {}).courses] == [("0",), ("1",)]
    with pytest.raises(CourseError, match="the GPU 1 is given to users' servers and to the course two"):
        load(tmp_path, {"ASSAY_GPUS": "1"})
    (tmp_path / "settings.toml").write_text(text.replace('"1"', '"0"'))
    with pytest.raises(CourseError, match="the GPU 0 is given to the course one and to the course two"):
        load(tmp_path, {})
