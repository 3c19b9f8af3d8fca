"""The course folder: every path in it, and the settings of each exercise. Nobody else joins these paths."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

from assay.errors import AuthoringError, CourseError
from assay.sandbox.limits import Limits

REFERENCE = "reference.py"
UseOfGpu = Literal["never", "prefer", "require"]


@dataclass(frozen=True)
class Task:
    """One marker cell of a notebook: what its hidden checks can earn."""

    name: str  # grade_id
    points: float


@dataclass(frozen=True)
class Exercise:
    """A notebook with hidden checks: `graders/<name>/` and the instructor's notebook.

    An assignment `a` has one notebook of its own name, the exercise `a`. Further ones are the exercises `a/<notebook>`.
    """

    name: str
    folder: Path  # graders/<name>
    notebook: Path  # source/<assignment>/<notebook>.ipynb
    title: str = ""
    libraries: tuple[str, ...] = ("numpy",)  # distributions that a worker may see
    notebook_libraries: tuple[str, ...] = ("matplotlib",)  # besides, while the visible notebook runs
    files: tuple[str, ...] = ()  # names of submitted side files that are kept
    limits: Limits = field(default_factory=Limits)
    gpu: UseOfGpu = "never"  # whether submissions are graded on one

    @property
    def assignment(self) -> str:
        return self.name.partition("/")[0]

    @property
    def course(self) -> Course:
        """The course that it belongs to."""
        return Course(self.notebook.parents[2])

    @property
    def reference(self) -> Path:
        return self.folder / REFERENCE

    @property
    def checks(self) -> Path:
        return self.folder / "checks.py"

    @property
    def mutants(self) -> Path:
        return self.folder / "mutants.py"

    @property
    def alternatives(self) -> Path:
        return self.folder / "alternatives.py"

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files of its folder, in order, without those that belong to further notebooks."""
        others = {self.folder / path.stem for path in self.notebook.parent.glob("*.ipynb") if path != self.notebook}
        return tuple(
            path for path in sorted(self.folder.rglob("*")) if path.is_file() and others.isdisjoint(path.parents)
        )

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The automatically graded marker cells of the instructor's notebook, in order."""
        tasks = []
        for cell in read_json(self.notebook).get("cells", []):
            mark = cell.get("metadata", {}).get("nbgrader", {})
            if cell.get("cell_type") == "code" and mark.get("grade") and not mark.get("solution"):
                tasks.append(Task(mark["grade_id"], float(mark["points"])))
        return tuple(tasks)


@dataclass(frozen=True)
class Course:
    """A course folder."""

    root: Path
    name: str = "course"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def graders(self) -> Path:
        return self.root / "graders"

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def gradebook(self) -> Path:
        return self.root / "gradebook.db"

    @property
    def state(self) -> Path:
        """Secrets and reports; never mounted in a sandbox."""
        return self.root / ".assay"

    @property
    def secret(self) -> Path:
        """The course secret, from which every round's examples follow."""
        return self.state / "secret"

    def kills(self, exercise: str) -> Path:
        """The picture of `assay verify`: which checks fail which wrong answers."""
        return self.state / "verify" / f"{exercise.replace('/', '.')}.svg"

    def report(self, exercise: str, student: str) -> Path:
        """The full report for staff. Names are quoted, so that none of them can point elsewhere."""
        return self.state / "reports" / _quoted(exercise) / f"{_quoted(student)}.json"

    @property
    def older(self) -> Path:
        """Where attempts that no longer count are graded, beside the course."""
        return self.state / "older"

    def regrade(self, number: str, ending: str) -> Path:
        """What a regrade changed, for staff."""
        return self.state / "regrades" / f"{_quoted(number)}.{ending}"

    @property
    def gpus(self) -> Path:
        """A file for each GPU of its grader, held by whoever has the device."""
        return self.state / "gpus"

    @property
    def lock(self) -> Path:
        """Held by whoever grades."""
        return self.state / "lock"

    def mark(self, assignment: str, student: str) -> Path:
        """What is noted of a submission when it has been graded."""
        return self.state / "graded" / _quoted(assignment) / f"{_quoted(student)}.json"

    @property
    def assignments(self) -> tuple[str, ...]:
        """Names of all assignments, those without hidden checks too."""
        return tuple(sorted(p.name for p in self.source.iterdir() if p.is_dir() and any(p.glob("*.ipynb"))))

    @property
    def exercises(self) -> tuple[str, ...]:
        """Names of all notebooks with hidden checks, by assignment."""
        return tuple(name for assignment in self.assignments for name in self.exercises_of(assignment))

    def exercises_of(self, assignment: str) -> tuple[str, ...]:
        """Names of the notebooks of an assignment that have hidden checks, the one of its own name first."""
        stems = sorted(path.stem for path in (self.source / assignment).glob("*.ipynb"))
        further = [f"{assignment}/{stem}" for stem in stems if stem != assignment]
        found = tuple(name for name in further if self.has_checks(name))
        # Where only further notebooks have checks, the folder is there for them.
        own = (self.graders / assignment).is_dir() and (not found or (self.graders / assignment / REFERENCE).is_file())
        return (assignment, *found) if own else found

    def has_checks(self, exercise: str) -> bool:
        """Whether an assignment, or `<assignment>/<notebook>`, has hidden checks of its own."""
        if "/" not in exercise:
            return exercise in self.exercises_of(exercise)
        return (self.graders / exercise).is_dir() and self._notebook(exercise).is_file()

    def __getitem__(self, exercise: str) -> Exercise:
        """The exercise of that name. Raises AuthoringError where its folder cannot be used."""
        folder, notebook = self.graders / exercise, self._notebook(exercise)
        if not folder.is_dir():
            raise AuthoringError(f"{exercise} has no folder in graders/. Its hidden checks belong in {folder}.")
        if not notebook.is_file():
            raise AuthoringError(f"{exercise} has no notebook. The instructor's version belongs in {notebook}.")
        if not (folder / REFERENCE).is_file():
            raise AuthoringError(f"{exercise} has no reference. Write the right answers into {folder / REFERENCE}.")
        return Exercise(name=exercise, folder=folder, notebook=notebook, **_settings(folder / "exercise.toml"))

    def _notebook(self, exercise: str) -> Path:
        assignment, _, further = exercise.partition("/")
        return self.source / assignment / f"{further or assignment}.ipynb"


def exercise_name(assignment: str, notebook: str) -> str:
    """The exercise of one notebook of an assignment: `centre`, or `centre/second`."""
    return assignment if notebook == assignment else f"{assignment}/{notebook}"


def open_course(root: Path | str = ".") -> Course:
    """The course in a folder. Raises CourseError where there is none."""
    root = Path(root).resolve()
    if not (root / "source").is_dir():
        raise CourseError(
            f"{root} is not a course: it has no folder source/. Go to the course folder or pass --course."
        )
    return Course(root)


def _quoted(name: str) -> str:
    return quote(name, safe="").replace(".", "%2E")


def read_json(path: Path) -> dict[str, Any]:
    """An instructor's notebook. Raises AuthoringError where it is not JSON."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not isinstance(data.get("cells", []), list):
            raise ValueError("it holds no cells")
    except (OSError, ValueError) as error:
        raise AuthoringError(
            f"{path} cannot be read as a notebook ({error}). Open and save it in JupyterLab."
        ) from error
    return data


def _settings(path: Path) -> dict[str, Any]:
    """The keyword arguments of Exercise that exercise.toml sets."""
    if not path.is_file():
        return {}
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuthoringError(f"{path} is not TOML: {error}.") from error
    known = {"title": str, "libraries": tuple, "notebook_libraries": tuple, "files": tuple, "gpu": str}
    limits = data.pop("limits", {})
    if not isinstance(limits, dict):
        raise AuthoringError(f"{path} sets limits, which is a table: write [limits], and its keys below.")
    unknown = sorted(set(data) - set(known)) + sorted(set(limits) - {f.name for f in fields(Limits)})
    if unknown:
        raise AuthoringError(
            f"{path} sets {', '.join(unknown)}, which nothing reads. See docs/authors.md for the keys."
        )
    for key, value in data.items():
        words = [value] if known[key] is str else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise AuthoringError(f"{path} sets {key} to {value!r}, which is no {_NAMES[known[key]]}.")
    if (gpu := data.get("gpu", "never")) not in get_args(UseOfGpu):
        raise AuthoringError(f"{path} sets gpu to {gpu!r}. Choose one of: {', '.join(get_args(UseOfGpu))}.")
    for key, value in limits.items():
        if not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise AuthoringError(f"{path} sets {key} to {value!r}, which is no number above 0.")
    return {**{key: known[key](value) for key, value in data.items()}, "limits": Limits(**limits)}


_NAMES = {str: "text in quotes", tuple: 'list of names, such as ["numpy"]'}
