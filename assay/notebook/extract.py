"""The notebook that is graded: the instructor's own cells, and of the student's file nothing but the text of cells.

Metadata, tags, outputs, attachments, kernel and cell ids of a submission do not survive, so nothing in them can
mislead whatever reads the notebook later. An answer is found by its grade_id, then by its cell id; the first
occurrence wins and later ones are plain cells. Instructor's cells always come from the instructor's notebook.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.errors import SubmissionError
from assay.notebook.reading import SubmittedCell, bare, read_cells, text_of
from assay.notebook.shown import fenced, plain_markdown
from assay.submission import Cell, Source

EXAMPLE_TAG = "example"  # instructor's cells that only the visible notebook runs


@dataclass(frozen=True)
class Rebuilt:
    """The notebook to grade, in format 4.5, and what the student should know about how it was read."""

    notebook: dict[str, Any]
    notes: tuple[str, ...]


def rebuild(instructor: dict[str, Any], submission: bytes) -> Rebuilt:
    """The instructor's released notebook (format 4) with the texts of a submission in it.

    A submission that cannot be read gives the instructor's notebook with no answers and a note that says why.
    """
    try:
        cells, notes = read_cells(submission)
    except SubmissionError as error:
        return unanswered(instructor, str(error))
    return _Rebuilding(instructor, cells).result(notes)


def unanswered(instructor: dict[str, Any], reason: str) -> Rebuilt:
    """The notebook of somebody who handed in nothing that can be read."""
    return Rebuilt(_Rebuilding(instructor, ()).result(()).notebook, (reason,))


def source_of(notebook: dict[str, Any]) -> Source:
    """The cells of a rebuilt notebook that define functions, in order.

    Left out: marker cells, instructor's cells tagged "example", manually graded answers, and the stubs that stand
    where an answer was not found, which would hide a function that the student wrote elsewhere.
    """
    cells = []
    answered = set()
    for number, cell in enumerate(notebook["cells"], start=1):
        mark, origin = _mark(cell), origin_of(cell)
        if cell["cell_type"] != "code" or mark.get("grade") or origin == "missing":
            continue
        if origin == "instructor" and EXAMPLE_TAG in cell["metadata"].get("tags", ()):
            continue
        name = mark.get("grade_id") or f"cell {number}"
        cells.append(Cell(name=name, text=text_of(cell["source"]), instructor=origin == "instructor"))
        if origin == "answer":
            answered.add(name)
    return Source(cells=tuple(cells), answered=frozenset(answered))


def origin_of(cell: dict[str, Any]) -> str:
    """Where the text of a rebuilt cell comes from.

    "answer" and "student" (any other cell of theirs) are the student's; "missing" is the instructor's stub where no
    answer was found; "instructor" is everything else.
    """
    return str(cell["metadata"].get("assay", {}).get("origin", "instructor"))


class _Rebuilding:
    """One rebuild: which submitted cell belongs to which of the instructor's, and what follows what."""

    def __init__(self, instructor: dict[str, Any], cells: tuple[SubmittedCell, ...]) -> None:
        self.instructor = instructor
        self.cells = cells
        self.owner = self._match()  # instructor's index -> submitted index
        self.takes_markdown = any(_mark(cell).get("task") for cell in instructor["cells"])

    def result(self, notes: tuple[str, ...]) -> Rebuilt:
        said = [*notes, *self._notes()]
        extra = self._extra_cells()
        cells = [*extra[-1]]
        for index, cell in enumerate(self.instructor["cells"]):
            cells += [self._own_cell(index, cell), *extra[index]]
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": _metadata(self.instructor),
            "cells": _with_ids(cells),
        }
        return Rebuilt(notebook, tuple(said))

    def _match(self) -> dict[int, int]:
        """The submitted cell that stands for each of the instructor's: by grade_id, else cell id, else text."""
        owner: dict[int, int] = {}
        taken: set[int] = set()
        for key_of_ours, key_of_theirs in (
            (lambda cell: _mark(cell).get("grade_id"), lambda cell: cell.grade_id),
            (lambda cell: cell.get("id"), lambda cell: cell.identifier),
            (lambda cell: _plain_text(cell), lambda cell: (cell.kind, bare(cell.text))),
        ):
            wanted: dict[Any, list[int]] = defaultdict(list)
            for index, cell in enumerate(self.instructor["cells"]):
                if index not in owner and key_of_ours(cell):
                    wanted[key_of_ours(cell)].append(index)
            for number, submitted in enumerate(self.cells):
                if number not in taken and wanted.get(key_of_theirs(submitted)):
                    owner[wanted[key_of_theirs(submitted)].pop(0)] = number
                    taken.add(number)
        return owner

    def _own_cell(self, index: int, ours: dict[str, Any]) -> dict[str, Any]:
        cell = copy.deepcopy(ours)
        cell["source"] = text_of(ours["source"])
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        if _mark(ours).get("solution"):
            text = self._answer(index, ours)
            cell["metadata"]["assay"] = {"origin": "missing" if text is None else "answer"}
            cell["source"] = cell["source"] if text is None else text
        return cell

    def _answer(self, index: int, ours: dict[str, Any]) -> str | None:
        """The student's text for an answer cell; None where there is none that can stand in it."""
        if index not in self.owner:
            return None
        theirs = self.cells[self.owner[index]]
        stub = text_of(ours["source"])
        if theirs.text == stub:
            return stub  # letter by letter, so that nbgrader sees an answer that was not touched
        if ours["cell_type"] == "markdown":
            return plain_markdown(theirs.text)
        by_hand = _mark(ours).get("grade")  # a person reads it, whatever kind of cell it has become
        return theirs.text if theirs.kind == "code" or by_hand else None

    def _extra_cells(self) -> defaultdict[int, list[dict[str, Any]]]:
        """The student's own cells, by the index of the instructor's cell that they follow (-1: none)."""
        matched = {number: index for index, number in self.owner.items()}
        known = {bare(text_of(cell["source"])) for cell in self.instructor["cells"]}
        extra: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        after = -1
        for number, submitted in enumerate(self.cells):
            after = matched.get(number, after)
            cell = self._extra_cell(submitted, matched.get(number))
            if cell is not None and bare(submitted.text) not in known and bare(submitted.text):
                extra[after].append(cell)
        return extra

    def _extra_cell(self, submitted: SubmittedCell, index: int | None) -> dict[str, Any] | None:
        """A submitted cell as a cell of its own, or None where it is shown elsewhere or not at all."""
        if index is not None:
            ours = self.instructor["cells"][index]
            if _mark(ours).get("solution"):
                converted = self._answer(index, ours) is None
                return _student_cell("markdown", fenced(submitted.text)) if converted else None
            if _mark(ours).get("grade_id"):
                return None  # read-only: restored
        if submitted.kind == "code":
            return _student_cell("code", submitted.text)
        if submitted.kind == "markdown" and self.takes_markdown:
            return _student_cell("markdown", plain_markdown(submitted.text))
        return None

    def _notes(self) -> Iterator[str]:
        counts: defaultdict[str | None, int] = defaultdict(int)
        for submitted in self.cells:
            counts[submitted.grade_id] += 1
        for index, ours in enumerate(self.instructor["cells"]):
            name = _mark(ours).get("grade_id")
            if not name:
                continue
            if _mark(ours).get("solution"):
                yield from self._note_on_answer(index, ours, name)
            elif index in self.owner and _changed(ours, self.cells[self.owner[index]]):
                yield f"The read-only cell {name} had been changed; the original was used."
            if counts[name] > 1:
                yield (
                    f"The cell {name} occurs {counts[name]} times in your notebook. The first one counts; the others "
                    "were run as plain cells."
                )

    def _note_on_answer(self, index: int, ours: dict[str, Any], name: str) -> Iterator[str]:
        if index not in self.owner:
            yield f"The cell {name} is not in your notebook, so it counts as not answered."
        elif self._answer(index, ours) is None:
            yield (
                f"The cell {name} is no longer a code cell, so it counts as not answered. Its text is kept for whoever "
                "grades by hand."
            )


def _metadata(instructor: dict[str, Any]) -> dict[str, Any]:
    """The notebook's own, but that code is coloured as plain Python: IPython's lexer can be kept busy for minutes."""
    metadata: dict[str, Any] = copy.deepcopy(instructor.get("metadata", {}))
    metadata.get("language_info", {}).pop("pygments_lexer", None)
    return metadata


def _mark(cell: dict[str, Any]) -> dict[str, Any]:
    mark: dict[str, Any] = cell.get("metadata", {}).get("nbgrader") or {}
    return mark


def _plain_text(cell: dict[str, Any]) -> tuple[str, str] | None:
    """Kind and text of an instructor's cell without a grade_id; None for the others."""
    return None if _mark(cell).get("grade_id") else (cell["cell_type"], bare(text_of(cell["source"])))


def _changed(ours: dict[str, Any], theirs: SubmittedCell) -> bool:
    return bare(text_of(ours["source"])) != bare(theirs.text) or ours["cell_type"] != theirs.kind


def _student_cell(kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {"assay": {"origin": "student"}}, "source": text}
    if kind == "code":
        cell.update(outputs=[], execution_count=None)
    return cell


def _with_ids(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the cells that have none an id that does not change from one rebuild to the next."""
    used = {cell.get("id") for cell in cells}
    for number, cell in enumerate(cells, start=1):
        if not cell.get("id"):
            identifier = f"student-{number}" if origin_of(cell) == "student" else f"cell-{number}"
            while identifier in used:
                identifier += "-x"
            used.add(identifier)
            cell["id"] = identifier
    return cells
