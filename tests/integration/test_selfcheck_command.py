"""Self-checks as students run them: plain pytest in the folder, the magic in IPython; and silent where we grade."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.notebook.extract import rebuild, source_of
from assay.notebook.visible import take_outputs, to_run
from assay.sandbox.inside.cells import run_cells
from assay.sandbox.isolation import Isolation
from assay.sandbox.limits import Limits
from assay.sandbox.visible import run_notebook
from tests.support.notebooks import notebook
from tests.support.tiny_selfcheck import RIGHT, UNANSWERED, cells, write_tiny

SQUARED = "def double(x):\n    print('noise')\n    return x * x"


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plain pytest, as somebody would type it in the folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_right_answers(tmp_path: Path) -> None:
    ran = pytest_in(write_tiny(tmp_path))
    assert ran.returncode == 0, ran.stdout
    assert "tiny.ipynb, as it is saved" in ran.stdout and ran.stdout.count(":)") == 4
    assert "4 passed" in ran.stdout and "warning" not in ran.stdout.lower()


def test_a_mistake_is_told_once_with_the_input_and_without_a_traceback(tmp_path: Path) -> None:
    ran = pytest_in(write_tiny(tmp_path, double=SQUARED))
    assert ran.returncode == 1
    table = ran.stdout.split("as it is saved")[1]
    assert ":(   twice 3 is 6" in table and "double(x = [3])" in table and "Hint: Two times." in table
    assert "One more check was not looked at" in table
    assert "Traceback" not in ran.stdout and "test_tiny.py:" not in ran.stdout and "noise" not in ran.stdout
    assert ran.stdout.count("double(x = [3])") == 1
    assert "pytest test_tiny.py -k double" in table and "1 failed, 2 passed, 1 skipped" in table


def test_functions_that_are_not_written_yet(tmp_path: Path) -> None:
    ran = pytest_in(write_tiny(tmp_path, **UNANSWERED))
    assert ran.returncode == 1
    assert ran.stdout.count("Not answered yet.") == 2 and "NotImplementedError" not in ran.stdout


@pytest.mark.parametrize("arguments", [("-k", "total"), ("test_tiny.py::test_total",)])
def test_some_of_the_checks(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = pytest_in(write_tiny(tmp_path, double=SQUARED), *arguments)
    assert ran.returncode == 0 and "1 passed" in ran.stdout and "twice" not in ran.stdout


def test_a_check_runs_where_the_one_it_comes_after_is_not_asked_for(tmp_path: Path) -> None:
    ran = pytest_in(write_tiny(tmp_path, double=SQUARED), "-k", "law")
    assert ran.returncode == 1 and ":(   sums go to sums" in ran.stdout


def test_tests_of_one_s_own_are_told_as_pytest_does(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, double=SQUARED)
    (folder / "test_own.py").write_text("def test_own():\n    one = 1\n    assert one == 2\n")
    ran = pytest_in(folder)
    assert ran.returncode == 1 and "assert 1 == 2" in ran.stdout and "as it is saved" in ran.stdout


def test_a_check_of_one_s_own_beside_ours(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path)
    with (folder / "test_tiny.py").open("a") as file:
        file.write("\n\ndef test_mine(student):\n    assert student.total(np.ones(3)) == 4\n")
    ran = pytest_in(folder)
    assert "1 failed, 4 passed" in ran.stdout and ":(   mine" in ran.stdout


def test_no_notebook(tmp_path: Path) -> None:
    (write_tiny(tmp_path) / "tiny.ipynb").unlink()
    ran = pytest_in(tmp_path)
    assert ran.returncode == 1 and "There is no tiny.ipynb in" in ran.stdout and "Traceback" not in ran.stdout


def test_nothing_of_ours_is_left_in_the_folder(tmp_path: Path) -> None:
    pytest_in(write_tiny(tmp_path))
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"tiny.ipynb", "test_tiny.py", ".pytest_cache", "__pycache__"}  # pytest's own


IN_IPYTHON = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell()
for text in json.loads(sys.argv[1]):
    with capture_output() as shown:
        done = shell.run_cell(text)
    print(json.dumps([done.success, shown.stdout]))
"""


def in_ipython(folder: Path, *texts: str, home: Path | None = None) -> list[tuple[bool, str]]:
    """Whether each cell ran without an error, and what was printed."""
    command = [sys.executable, "-c", IN_IPYTHON, json.dumps(texts)]
    environment = {**os.environ, "IPYTHONDIR": str((home or folder) / ".ipython")}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return [tuple(json.loads(line)) for line in ran.stdout.splitlines()]


def test_the_magic_shows_the_table_of_what_is_defined_right_now(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path)  # whose saved answer is right
    loading = "import numpy as np\n%load_ext assay.selfcheck"
    again = "%selfcheck double"
    loaded, wrong, _, right = in_ipython(folder, loading, f"{SQUARED}\n{again}", RIGHT["double"], again)
    assert loaded == (True, "") and wrong[0] and right[0]
    assert "double(x = [3])" in wrong[1] and "noise" not in wrong[1]
    assert right[1].count(":)") == 3


def test_the_magic_leaves_nothing_in_the_folder(tmp_path: Path) -> None:
    """It would be submitted with the notebook."""
    folder = shutil.copytree(Path(__file__).parents[2] / "release" / "gradient_descent", tmp_path / "gradient_descent")
    before = sorted(folder.iterdir())
    loading = "import numpy as np\n%load_ext assay.selfcheck"
    uphill = "def line_step(m, b, x, y, lr):\n    return m + lr * np.mean(x), b + lr * np.mean(y)"
    shown = in_ipython(folder, loading, f"{uphill}\n%selfcheck line_step", home=tmp_path)
    assert shown[1][0] and ":(" in shown[1][1]
    assert sorted(folder.iterdir()) == before


def test_the_worker_that_is_judged_passes_over_self_checks(tmp_path: Path) -> None:
    instructor = notebook(*cells(**UNANSWERED))
    own = json.dumps(notebook(*cells())).replace("%selfcheck double", "%selfcheck double\\nkept = 1").encode()
    source = source_of(rebuild(instructor, own).notebook)
    namespace: dict[str, object] = {}
    assert run_cells([(cell.name, cell.text, cell.instructor) for cell in source.cells], namespace, 10) == []
    assert {"double", "total", "kept"} <= set(namespace)


def test_the_notebook_that_people_look_at_says_nothing_of_self_checks(isolation: Isolation) -> None:
    own = rebuild(notebook(*cells(**UNANSWERED)), json.dumps(notebook(*cells())).encode()).notebook
    options = {"libraries": ("numpy",), "files": {}, "limits": Limits(seconds=60)}
    take_outputs(own, run_notebook(isolation, to_run(own, markers=False), **options), markers=False)
    ran = {cell["source"]: cell for cell in own["cells"] if cell["cell_type"] == "code"}
    for source, cell in ran.items():
        if "selfcheck" in source:
            assert cell["outputs"] == [] and cell["execution_count"] is not None
    assert any("raise SystemExit" in source and cell["outputs"] for source, cell in ran.items())  # others are shown
