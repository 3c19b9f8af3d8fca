"""Grade the same twelve submissions with nbgrader's own Execute and with ours, in one run.

Both grade the exercise gradient_descent. For nbgrader the hidden checks become hidden tests in the marker cells
(values, arguments left alone, the same answer twice, large inputs): the same reference, on as many drawn inputs as a
check of ours. Absolute times mean little on a busy machine; read the ratio.

    python benchmarks/against_nbgrader.py [--json FILE]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXERCISE = "gradient_descent"
TASKS = ("line_step", "gradient_descent", "sgd_epoch", "momentum", "adam")
EXAMPLES = 25  # inputs a check
CHECKS = (
    4  # properties of each task that nbgrader tests: values, arguments left alone, the same answer twice, large inputs
)
DRAWS = {
    "line_step": "(*rng.normal(size=2), *rng.normal(size=(2, rng.integers(1, 5))) * scale, 0.1)",
    "gradient_descent": "((lambda x, A=np.diag(rng.uniform(0, 2, 3)): A @ x), rng.normal(size=3) * scale, 0.1, 4)",
    "sgd_epoch": "(rng.normal(size=(5, 3)) * scale, rng.integers(0, 4, 5), rng.normal(size=(3, 4)), 0.1, 2)",
    "momentum": "(rng.normal(size=(4, 3)) * scale, rng.normal(size=3), 0.1, 0.9)",
    "adam": "(rng.normal(size=(4, 3)) * scale, rng.normal(size=3), 0.1, 0.9, 0.999, 1e-8)",
}
HIDDEN_TEST = """### BEGIN HIDDEN TESTS
import copy
{reference}
rng = np.random.default_rng()
for _ in range({examples}):
    scale = 1.0
    drawn = {draw}
    expected, got = expected_{name}(*copy.deepcopy(drawn)), {name}(*copy.deepcopy(drawn))
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=1e-7, atol=1e-9)
    before, given = copy.deepcopy(drawn), copy.deepcopy(drawn)
    {name}(*given)
    for old, new in zip(before, given):
        assert callable(old) or np.array_equal(old, new)
    np.testing.assert_array_equal(np.asarray({name}(*copy.deepcopy(drawn))), np.asarray(got))
    scale = 1e3
    drawn = {draw}
    assert np.isfinite(np.asarray({name}(*drawn))).all()
### END HIDDEN TESTS"""


def reference_without_annotations(name: str) -> str:
    """The reference of one task as plain code that runs in a student's kernel."""
    tree = ast.parse((ROOT / "graders" / EXERCISE / "reference.py").read_text())
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    for argument in function.args.args:
        argument.annotation = None
    function.returns, function.name = None, f"expected_{name}"
    return ast.unparse(function)


def notebook_with_hidden_tests() -> dict:
    notebook = json.loads((ROOT / "source" / EXERCISE / f"{EXERCISE}.ipynb").read_text())
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in TASKS:
            cell["source"] = HIDDEN_TEST.format(
                reference=reference_without_annotations(name), name=name, draw=DRAWS[name], examples=EXAMPLES
            )
    return notebook


def submissions() -> dict[str, dict]:
    """Twelve notebooks: six right, five with the sign of one step wrong, one not begun."""
    original = json.loads((ROOT / "source" / EXERCISE / f"{EXERCISE}.ipynb").read_text())
    made = {f"right_{number}": original for number in range(6)}
    for task in (*TASKS, None):
        changed = json.loads(json.dumps(original))
        for cell in changed["cells"]:
            text = "".join(cell["source"])
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if task is None and name.endswith("_answer"):
                cell["source"] = "raise NotImplementedError()"
            elif task is not None and name == f"{task}_answer":
                spoiled = text.replace("- lr", "+ lr").replace("-= lr", "+= lr")
                assert spoiled != text, f"the answer of {task} has no step to spoil"
                cell["source"] = spoiled
        made[f"wrong_{task}"] = changed
    return made


def make_course(folder: Path, notebook: dict, *, ours: bool) -> None:
    shutil.copytree(ROOT / "source" / EXERCISE, folder / "source" / EXERCISE)
    (folder / "source" / EXERCISE / f"{EXERCISE}.ipynb").write_text(json.dumps(notebook))
    if ours:
        shutil.copytree(ROOT / "graders" / EXERCISE, folder / "graders" / EXERCISE)
        shutil.copy(ROOT / "nbgrader_config.py", folder)
    else:
        (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "course"\n')
    run(folder, "nbgrader", "generate_assignment", EXERCISE)
    for student, submitted in submissions().items():
        target = folder / "submitted" / student / EXERCISE
        target.mkdir(parents=True)
        (target / f"{EXERCISE}.ipynb").write_text(json.dumps(submitted))


def run(folder: Path, program: str, *arguments: str) -> float:
    """Wall time of a command in seconds. Raises where it fails."""
    started = time.perf_counter()
    programs = Path(sys.executable).parent
    command = [str(programs / program), *arguments]
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}  # nbgrader calls alembic by name
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    original = json.loads((ROOT / "source" / EXERCISE / f"{EXERCISE}.ipynb").read_text())
    count = len(submissions())
    seconds = {}
    with tempfile.TemporaryDirectory() as scratch:
        stock, ours = Path(scratch, "stock"), Path(scratch, "ours")
        print("Preparing two courses with the same submissions ...", flush=True)
        make_course(stock, notebook_with_hidden_tests(), ours=False)
        make_course(ours, original, ours=True)
        for name, folder, command in (
            ("nbgrader autograde, its own Execute", stock, ("nbgrader", "autograde", EXERCISE)),
            ("nbgrader autograde, our pipeline", ours, ("nbgrader", "autograde", EXERCISE)),
            ("assay grade", ours, ("assay", "grade", EXERCISE, "--force")),
        ):
            seconds[name] = run(folder, *command)
            print(f"  {name}: {seconds[name]:.1f} s", flush=True)
    base = seconds["nbgrader autograde, its own Execute"]
    print(f"\n{'':40}{'s in all':>10}{'s each':>10}{'times as fast':>16}")
    for name, took in seconds.items():
        print(f"{name:40}{took:>10.1f}{took / count:>10.2f}{base / took:>16.2f}")
    if options.json:
        options.json.write_text(json.dumps({"submissions": count, "seconds": seconds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
