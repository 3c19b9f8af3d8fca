"""The notebook that people look at: what is sent to be run, and what comes back into it.

Hidden checks, their results, nbgrader's metadata and answers that were not given are not sent. What comes back is a
claim of the student's: only its outputs are taken, cell by cell, as `outputs` lets them through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from assay.notebook.extract import origin_of
from assay.notebook.outputs import Allowance, safe_outputs
from assay.notebook.reading import parse_json
from assay.notebook.shown import fenced

Cell = dict[str, Any]
MOST_NOTES = 50
# The sandbox has no assay, and nobody who looks at a graded notebook misses its self-checks.
_SELFCHECK = re.compile(r"^([ \t]*)%(?:selfcheck\b|(?:re)?load_ext[ \t]+assay\b).*$", re.MULTILINE)


def to_run(notebook: dict[str, Any], *, markers: bool) -> str:
    """The notebook to run, as JSON in format 4.5, with nothing but code. `markers`: the graded cells, too."""
    cells: list[Cell] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": _SELFCHECK.sub(r"\1pass", cell["source"]),
            "outputs": [],
            "execution_count": None,
        }
        for number, cell in enumerate(_runnable(notebook, markers))
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})


def take_outputs(notebook: dict[str, Any], ran: str, *, markers: bool) -> None:
    """Put the outputs of a run of `to_run(notebook)` into the notebook.

    Cells that did not run, because the kernel was lost before them, keep no execution count.
    Raises ValueError where what came back is not JSON.
    """
    data = parse_json(ran.encode("utf-8", errors="replace"))
    came_back = data.get("cells") if isinstance(data, dict) else None
    allowance = Allowance()
    for cell, theirs in zip(
        _runnable(notebook, markers), came_back if isinstance(came_back, list) else [], strict=False
    ):
        if isinstance(theirs, dict):
            cell["outputs"] = safe_outputs(theirs.get("outputs"), allowance)
            cell["execution_count"] = _count(theirs.get("execution_count"))


def is_marker(cell: Cell) -> bool:
    """Whether a cell's score is decided by code: by hidden checks or, in stock nbgrader, by what stands in it."""
    mark = cell["metadata"].get("nbgrader", {})
    return bool(cell["cell_type"] == "code" and mark.get("grade") and not mark.get("solution"))


def marker_outputs(html: str, text: str, points: float) -> list[dict[str, Any]]:
    """What a marker cell shows: the feedback, and then the one result that nbgrader takes as the score."""
    return [
        {"output_type": "display_data", "data": {"text/html": html, "text/plain": text}, "metadata": {}},
        {
            "output_type": "execute_result",
            "data": {"text/plain": repr(float(points))},
            "metadata": {},
            "execution_count": None,
        },
    ]


def notes_cell(notes: Sequence[str], by_hand: Sequence[str] = ()) -> Cell:
    """A cell for the top of the page: how the notebook was read, and which answers a person has still to grade."""
    parts = []
    if notes:
        lines = "\n".join(f"- {note}" for note in notes[:MOST_NOTES])
        parts.append(f"**How your notebook was read**\n\n{fenced(lines)}")
    if by_hand:
        names = ", ".join(f"`{name}`" for name in by_hand)
        parts.append(f"**Graded by a person**; until that is done, this page shows 0 points for it: {names}.")
    return {
        "cell_type": "markdown",
        "id": "assay-notes",
        "metadata": {"assay": {"origin": "notes"}},
        "source": "\n\n".join(parts),
    }


def _runnable(notebook: dict[str, Any], markers: bool) -> Iterator[Cell]:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and origin_of(cell) != "missing" and (markers or not is_marker(cell)):
            yield cell


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and 0 < value < 1_000_000 else None
