"""Read a hostile submission and hand it in.

A submission is a file. `name.py` holds cells in the percent format: `# %% task` replaces the answer of that task, and
`# %%` is a helper cell in front of the answers. `name.make.py` holds a function build(folder, notebook) that writes the
submission from honest work, for what no cell can do. The first lines of both say what it tries and what its right
answers deserve.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path

HOSTILE = Path(__file__).parents[1] / "hostile"
FOLDERS = ("controls", "must_fail", "must_not_break", "must_time_out")
ASSIGNMENT = "descent"
CELL = re.compile(r"^# %%[ ]*(\w*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Hostile:
    """One file: the student it becomes, and the points of each task that it must end with."""

    path: Path
    verdict: str  # the folder's name
    tries: str
    deserves: dict[str, float]

    @property
    def student(self) -> str:
        return f"{self.verdict}_{self.path.name.split('.')[0]}"


def hostile_submissions() -> tuple[Hostile, ...]:
    """All of them, in a fixed order. Raises ValueError for a file that does not say what it tries and deserves."""
    paths = [path for folder in FOLDERS for path in sorted((HOSTILE / folder).glob("*.py"))]
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Hostile:
    lines = path.read_text().splitlines()
    if len(lines) < 2 or not lines[0].startswith("# ") or not lines[1].startswith("# deserves: "):
        raise ValueError(f"{path} must begin with what it tries and what it deserves")
    points = (word.split("=") for word in lines[1].removeprefix("# deserves: ").split())
    return Hostile(path, path.parent.name, lines[0][2:], {task: float(worth) for task, worth in points})


def hand_in(hostile: Hostile, instructor: dict, folder: Path) -> None:
    """Write the submission into an empty folder, as its author would have left it there."""
    folder.mkdir(parents=True)
    if hostile.path.name.endswith(".make.py"):
        spec = importlib.util.spec_from_file_location("make", hostile.path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.build(folder, copy.deepcopy(instructor))
    else:
        notebook = with_cells(instructor, hostile.path.read_text())
        (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(notebook))


def with_cells(instructor: dict, text: str) -> dict:
    """The instructor's notebook, solutions and all, with the cells of a percent file in it."""
    notebook = copy.deepcopy(instructor)
    parts = CELL.split(text)[1:]
    helpers = []
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if not name:
            helpers.append({"cell_type": "code", "metadata": {}, "source": body.strip("\n"), "outputs": []})
            continue
        answer = next(
            c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == f"{name}_answer"
        )
        answer["source"] = body.strip("\n")
    notebook["cells"][2:2] = helpers
    return notebook
