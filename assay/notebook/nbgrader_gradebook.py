"""What the gradebook holds of an assignment, read at once instead of cell by cell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment, SubmittedNotebook
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from assay.errors import GradebookError

FEW = 100  # students who are asked for by name; of more, all are read


@dataclass(frozen=True)
class KnownCell:
    """A cell as the instructor wrote it, with the names that nbgrader's models give its parts."""

    id: str
    name: str
    cell_type: str = ""
    locked: bool = False
    source: str = ""
    checksum: str | None = None
    max_score: float = 0.0


@dataclass(frozen=True)
class KnownNotebook:
    """A notebook as it was released."""

    id: str
    name: str
    kernelspec: str | None  # as JSON
    source_cells: tuple[KnownCell, ...]
    grade_cells: tuple[KnownCell, ...]
    solution_cells: tuple[KnownCell, ...]
    task_cells: tuple[KnownCell, ...]


class KnownCells:
    """Stands in for the gradebook where nbgrader's OverwriteCells looks cells up, so that it asks no database."""

    def __init__(self, notebook: KnownNotebook) -> None:
        self._notebook = notebook
        self._sources = {cell.name: cell for cell in notebook.source_cells}
        self._graded = {cell.name: cell for cell in (*notebook.task_cells, *notebook.grade_cells)}

    def find_notebook(self, notebook: str, assignment: str) -> KnownNotebook:
        return self._notebook

    def find_source_cell(self, name: str, notebook: str, assignment: str) -> KnownCell:
        return _found(self._sources, name)

    def find_graded_cell(self, name: str, notebook: str, assignment: str) -> KnownCell:
        return _found(self._graded, name)


@dataclass(frozen=True)
class Row:
    """One grade of one submission."""

    notebook: str
    name: str  # grade_id
    auto: float | None
    manual: float | None
    score: float
    maximum: float
    needs_manual_grade: bool
    automatic: bool  # decided by code and not by hand


@dataclass(frozen=True)
class Rows:
    """All that the gradebook says of one submission."""

    grades: tuple[Row, ...] = ()
    comments: tuple[tuple[str, str, str], ...] = ()  # notebook, grade_id, text
    late_penalty: float = 0.0


def known_notebooks(gradebook: Gradebook, assignment: str) -> tuple[KnownNotebook, ...]:
    """The notebooks of an assignment, by name. Raises GradebookError where it is not in the gradebook."""
    try:
        notebooks = gradebook.find_assignment(assignment).notebooks
    except MissingEntry as error:
        raise GradebookError(f"{assignment} is not in the gradebook. Run: assay release {assignment}") from error
    return tuple(
        KnownNotebook(
            id=one.id,
            name=one.name,
            kernelspec=one.kernelspec,
            source_cells=tuple(
                KnownCell(cell.id, cell.name, cell.cell_type, cell.locked, cell.source, cell.checksum)
                for cell in one.source_cells
            ),
            grade_cells=tuple(_graded(cell) for cell in one.grade_cells),
            solution_cells=tuple(KnownCell(cell.id, cell.name) for cell in one.solution_cells),
            task_cells=tuple(_graded(cell) for cell in one.task_cells),
        )
        for one in notebooks
    )


def rows_of(
    gradebook: Gradebook, assignment: str, known: tuple[KnownNotebook, ...], students: Collection[str]
) -> Mapping[str, Rows]:
    """What these students have for an assignment, the notebook of its own name first, cells in their order."""
    gradebook.db.expire_all()
    by_id = {notebook.id: notebook for notebook in known}
    order = {cell.id: number for notebook in known for number, cell in enumerate(_with_grades(notebook))}
    notebooks: defaultdict[str, list[Any]] = defaultdict(list)
    for submitted in gradebook.db.scalars(_submissions(assignment, students)):
        notebooks[submitted.student_id] += [one for one in submitted.notebooks if one.notebook_id in by_id]
    found = {}
    for student, theirs in notebooks.items():
        theirs.sort(key=lambda one: (by_id[one.notebook_id].name != assignment, by_id[one.notebook_id].name))
        found[student] = Rows(
            grades=tuple(
                row
                for one in theirs
                for row in _rows(sorted(one.grades, key=lambda grade: order[grade.cell_id]), by_id[one.notebook_id])
            ),
            comments=tuple(comment for one in theirs for comment in _comments(one, by_id[one.notebook_id])),
            late_penalty=sum(one.late_submission_penalty or 0.0 for one in theirs),
        )
    return found


def is_complete(rows: Rows | None, known: tuple[KnownNotebook, ...]) -> bool:
    """Whether there is a row for every graded cell of an assignment, and a score where code decides it."""
    if rows is None:
        return False
    given = (row for row in rows.grades if not row.automatic or row.auto is not None or row.manual is not None)
    there = {(row.notebook, row.name) for row in given}
    return all((one.name, cell.name) in there for one in known for cell in _with_grades(one))


def _submissions(assignment: str, students: Collection[str]) -> Any:
    found = (
        select(SubmittedAssignment)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == assignment)
        .options(
            selectinload(SubmittedAssignment.notebooks).options(
                selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments)
            )
        )
    )
    few = len(students) <= FEW
    return found.where(SubmittedAssignment.student_id.in_(students)) if few else found


def _with_grades(notebook: KnownNotebook) -> tuple[KnownCell, ...]:
    """Its cells with points, in the order in which they stand in it."""
    graded = {cell.name: cell for cell in (*notebook.grade_cells, *notebook.task_cells)}
    listed = [graded.pop(cell.name) for cell in notebook.source_cells if cell.name in graded]
    return (*listed, *graded.values())


def _rows(grades: list[Any], notebook: KnownNotebook) -> Iterator[Row]:
    cells = {cell.id: cell for cell in _with_grades(notebook)}
    by_hand = {cell.name for cell in notebook.solution_cells}
    for grade in grades:
        cell = cells[grade.cell_id]
        yield Row(
            notebook=notebook.name,
            name=cell.name,
            auto=grade.auto_score,
            manual=grade.manual_score,
            score=grade.score,
            maximum=cell.max_score,
            needs_manual_grade=grade.needs_manual_grade,
            automatic=cell.cell_type == "code" and cell.name not in by_hand,
        )


def _comments(submitted: Any, notebook: KnownNotebook) -> list[tuple[str, str, str]]:
    names = {cell.id: cell.name for cell in (*notebook.solution_cells, *notebook.task_cells)}
    said = ((names.get(one.cell_id, ""), one.comment) for one in submitted.comments)
    return sorted((notebook.name, name, text) for name, text in said if text)


def _graded(cell: Any) -> KnownCell:
    return KnownCell(cell.id, cell.name, cell_type=cell.cell_type, max_score=cell.max_score)


def _found(cells: Mapping[str, KnownCell], name: str) -> KnownCell:
    try:
        return cells[name]
    except KeyError:
        raise MissingEntry(f"No such cell: {name}") from None
