"""What a gradebook says, in a form that two of them can be compared in."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from assay.course import Course

GRADES = """
    SELECT submitted_assignment.student_id, assignment_notebook.name, base_cell.name, grade.auto_score,
           grade.manual_score, grade.extra_credit, grade.needs_manual_grade, submitted_notebook.late_submission_penalty
    FROM grade JOIN base_cell ON grade.cell_id = base_cell.id
    JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
    JOIN notebook AS assignment_notebook ON submitted_notebook.notebook_id = assignment_notebook.id
    JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
"""
COMMENTS = """
    SELECT submitted_assignment.student_id, base_cell.name, comment.auto_comment, comment.manual_comment
    FROM comment JOIN base_cell ON comment.cell_id = base_cell.id
    JOIN submitted_notebook ON comment.notebook_id = submitted_notebook.id
    JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
"""


def rows(course: Course) -> list[tuple[object, ...]]:
    """Every grade and every comment, without the ids that nbgrader draws at random."""
    with closing(sqlite3.connect(course.gradebook)) as connection:
        return sorted([*connection.execute(GRADES), *connection.execute(COMMENTS)], key=repr)
