"""Grades and comments for the feedback pages, with three queries a page."""

from __future__ import annotations

from typing import Any

from nbgrader.api import BaseCell, Comment, Grade, MissingEntry
from nbgrader.preprocessors import GetGrades
from sqlalchemy import select

from assay.notebook.nbgrader_opened import opened_gradebook


class GradesOfPages(GetGrades):
    """nbgrader's GetGrades. That looks for all tables for every page, and asks for each cell by itself."""

    _grades: dict[str, tuple[float, float]]  # by grade_id: score, maximum
    _comments: dict[str, str | None]

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Raises MissingEntry where the gradebook has no such submission, or not all of its cells."""
        of = resources["nbgrader"]
        with opened_gradebook(of["db_url"]) as gradebook:
            notebook = gradebook.find_submission_notebook(of["notebook"], of["assignment"], of["student"])
            late = notebook.late_submission_penalty or 0
            of.update(score=notebook.score - late, max_score=notebook.max_score, late_penalty=late)
            scores = select(BaseCell.name, Grade.score, Grade.max_score).join(Grade.cell)
            rows = gradebook.db.execute(scores.where(Grade.notebook_id == notebook.id))
            self._grades = {name: (score, most) for name, score, most in rows}
            texts = select(BaseCell.name, Comment.comment).join(Comment.cell)
            rows = gradebook.db.execute(texts.where(Comment.notebook_id == notebook.id))
            self._comments = {name: text for name, text in rows}
        for number, cell in enumerate(nb.cells):
            nb.cells[number], resources = self.preprocess_cell(cell, resources, number)
        return nb, resources

    def _get_comment(self, cell: Any, resources: Any) -> None:
        cell.metadata.nbgrader["comment"] = _of(cell, self._comments)

    def _get_score(self, cell: Any, resources: Any) -> None:
        score, most = _of(cell, self._grades)
        cell.metadata.nbgrader.update(score=score, points=most)


def _of(cell: Any, found: dict[str, Any]) -> Any:
    name = cell.metadata.nbgrader["grade_id"]
    if name not in found:
        raise MissingEntry(f"The gradebook has nothing about the cell {name} of this submission.")
    return found[name]
