"""A student's notebook as it lies on disk, on their own machine: the cells that define functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.errors import SubmissionError
from assay.notebook.reading import parse_json, text_of
from assay.submission import Cell, Source

EXAMPLE_TAG = "example"  # cells of the instructor's that only show something
_AGAIN = "Open it in Jupyter, look whether it is all right, save it, and try again."


def notebook_of(test_file: Path) -> Path:
    """The notebook that a file of self-checks is about: `conv.ipynb` beside `test_conv.py`."""
    return test_file.with_name(test_file.stem.removeprefix("test_") + ".ipynb")


def source_on_disk(notebook: Path) -> Source:
    """The code cells of a notebook in order, but for examples, marker cells and answers that a person grades.

    Raises SubmissionError, with a sentence for the student, where there is no notebook or it cannot be read.
    """
    cells = []
    answered = set()
    for number, cell in enumerate(_cells(notebook), start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        metadata = _part(cell, "metadata")
        mark = _part(metadata, "nbgrader")
        locked = bool(mark.get("locked"))
        if mark.get("grade") or (locked and EXAMPLE_TAG in (metadata.get("tags") or ())):
            continue
        name = str(mark.get("grade_id") or f"cell {number}")
        cells.append(Cell(name=name, text=text_of(cell.get("source")), instructor=locked))
        if mark.get("solution"):
            answered.add(name)
    return Source(tuple(cells), frozenset(answered))


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}


def _cells(notebook: Path) -> list[Any]:
    try:
        data = parse_json(notebook.read_bytes())
    except FileNotFoundError:
        raise SubmissionError(
            f"There is no {notebook.name} in {notebook.parent}. Put your notebook there, under the name it was handed "
            "out with."
        ) from None
    except (OSError, ValueError) as error:
        raise SubmissionError(f"{notebook.name} cannot be read as a notebook ({error}). {_AGAIN}") from error
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        raise SubmissionError(f"{notebook.name} cannot be read as a notebook (it has no cells). {_AGAIN}")
    return cells
