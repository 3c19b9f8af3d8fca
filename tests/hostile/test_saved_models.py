"""A saved model of a student's is opened in the sandbox alone, whatever is in it."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import assay
from assay.errors import StudentError
from assay.notebook.files import SIDE_FILE_BYTES, side_files
from assay.sandbox.isolation import Isolation, Warm
from assay.sandbox.limits import MiB
from assay.sandbox.proxy import Student
from tests.support.untrusted import LIMITS, untrusted

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="not run: TensorFlow is not installed"
)
LIBRARIES = ("numpy", "tensorflow", "keras")
OPENS = """
    import base64
    import os
    import keras
    import numpy as np

    def attack():
        # Saved with code in it, which runs wherever the model is opened without safe mode.
        layer = keras.layers.Lambda(lambda x: [__import__("os").system("touch " + PLACE), x][1], output_shape=(3,))
        model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(2)])
        model.save("attack.keras")
        return base64.b64encode(open("attack.keras", "rb").read()).decode()

    def load(safe):
        options = {} if safe else {"safe_mode": False}
        return keras.models.load_model("model.keras", **options).count_params()

    def plain():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.save("plain.keras")
        return base64.b64encode(open("plain.keras", "rb").read()).decode()

    def readable():
        return [path for path in PATHS if os.path.exists(path)]

    def write():
        with open("model.keras", "wb") as file:
            file.write(b"another")
"""
LIMITED = replace(LIMITS, memory=768 * MiB, call_seconds=60, seconds=240)


@pytest.fixture
def isolation(warm: Warm) -> Isolation:
    return warm


@contextmanager
def opening(isolation: Isolation, saved: bytes, place: Path) -> Iterator[Student]:
    code = f"    PLACE = {str(place)!r}\n    PATHS = [PLACE, {str(Path(__file__))!r}]\n" + OPENS
    with untrusted(isolation, code, libraries=LIBRARIES, limits=LIMITED, files={"model.keras": saved}) as program:
        yield program.student


def test_code_in_a_model_does_not_run_and_could_reach_nothing(isolation: Isolation, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    place = tmp_path / "PLANTED"
    with opening(isolation, b"", place) as student:
        saved = base64.b64decode(student.attack())
    with opening(isolation, saved, place) as student:
        with pytest.raises(StudentError, match="lambda"):
            student.load(safe=True)
        assert student.readable() == []
        with pytest.raises(StudentError, match="PermissionError"):
            student.write()
        with contextlib.suppress(StudentError):
            student.load(safe=False)  # the student's own wish: it harms the student's own sandbox
        assert student.readable() == []
    assert not place.exists()


def test_a_model_that_grows_when_it_is_opened_is_bounded(isolation: Isolation, tmp_path: Path) -> None:
    with opening(isolation, b"", tmp_path / "never") as student:
        plain = base64.b64decode(student.plain())
    bomb = io.BytesIO()
    packed = {"compression": zipfile.ZIP_DEFLATED, "compresslevel": 1}
    with zipfile.ZipFile(io.BytesIO(plain)) as before, zipfile.ZipFile(bomb, "w", **packed) as after:
        for name in before.namelist():
            with after.open(name, "w", force_zip64=True) as member:
                member.write(before.read(name))
                for _ in range(LIMITED.memory // MiB if name == "config.json" else 0):
                    member.write(b" " * MiB)
    assert len(bomb.getvalue()) < SIDE_FILE_BYTES
    with opening(isolation, bomb.getvalue(), tmp_path / "never") as student, pytest.raises(StudentError):
        student.load(safe=True)
    with opening(isolation, plain, tmp_path / "never") as student:
        assert student.load(safe=True) == 8  # and what is not hostile is opened


@pytest.mark.parametrize("saved", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_model_is_an_error_of_the_students(isolation: Isolation, tmp_path: Path, saved: bytes) -> None:
    with opening(isolation, saved, tmp_path / "never") as student, pytest.raises(StudentError):
        student.load(safe=True)


def test_a_model_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    with (tmp_path / "model.keras").open("wb") as file:
        file.truncate(SIDE_FILE_BYTES + 1)
    assert side_files(tmp_path, ["model.keras"]) == {}


def test_no_module_of_the_grader_opens_models_or_pictures() -> None:
    opens = re.compile(r"^\s*(?:import|from) (?:keras|tensorflow|h5py|PIL|pickle|zipfile|joblib)\b", re.MULTILINE)
    package = Path(assay.__file__).parent
    modules = [path for path in package.rglob("*.py") if "data" not in path.parts]
    assert len(modules) > 80
    ours = {"checks/bank.py", "grading/handover.py"}  # pickle what a process of ours drew before a student's code ran
    assert {path.relative_to(package).as_posix() for path in modules if opens.search(path.read_text())} == ours
