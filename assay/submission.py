"""The code of one submission after extraction: text only, in the order in which it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One code cell. `name` is its grade_id, or `cell 7` where it has none."""

    name: str
    text: str
    instructor: bool  # the instructor's own text, not the student's


@dataclass(frozen=True)
class Source:
    """The cells that define a student's functions."""

    cells: tuple[Cell, ...]
    answered: frozenset[str] = frozenset()  # grade_ids of solution cells found in the submission
