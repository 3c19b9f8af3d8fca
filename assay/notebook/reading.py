"""From the bytes of a submitted notebook to the texts of its cells, whatever those bytes are.

Only the structure that every notebook format shares is looked at, so formats 2 to 4 and damaged files of format 5
read alike; nothing is validated, because nothing but text is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.errors import SubmissionError

MOST_CELLS = 2000
MOST_TEXT = 1024 * 1024  # characters in all cells together
# A parsed value takes up to 70 bytes where its text takes two: these keep 64 MiB of text below a gigabyte.
_MOST_OF = {b"[": 1_000_000, b"{": 1_000_000, b'"': 10_000_000, b",": 16_000_000}
_AGAIN = "Open it in Jupyter, check that it is what you mean to submit, save it, and submit it again."


@dataclass(frozen=True)
class SubmittedCell:
    """What is read of a cell in a student's notebook."""

    kind: str  # "code", "markdown" or "raw"
    text: str
    grade_id: str | None = None
    identifier: str | None = None  # the cell id of notebook format 4.5


def read_cells(submission: bytes) -> tuple[tuple[SubmittedCell, ...], tuple[str, ...]]:
    """The cells of a notebook in order, and sentences about what was left out.

    Raises SubmissionError, with a sentence for the student, where the bytes are no notebook.
    """
    cells: list[SubmittedCell] = []
    notes: list[str] = []
    left = MOST_TEXT
    for raw in _raw_cells(_parse(submission)):
        cell = _read_cell(raw)
        if cell is None:
            continue
        if len(cells) == MOST_CELLS:
            notes.append(f"Your notebook has more than {MOST_CELLS} cells. The others were left out.")
            break
        if len(cell.text) > left:
            notes.append(
                f"Cell {len(cells) + 1} of your notebook was left out: the text of all cells together may be no "
                f"longer than {MOST_TEXT} characters. Load data from files instead of writing it into cells."
            )
            cell = SubmittedCell(cell.kind, "", cell.grade_id, cell.identifier)
        left -= len(cell.text)
        cells.append(cell)
    return tuple(cells), tuple(notes)


def parse_json(data: bytes) -> Any:
    """JSON in any encoding, invalid characters replaced. Raises ValueError where it is none or asks for too much."""
    if any(data.count(mark) > most for mark, most in _MOST_OF.items()):
        raise ValueError("it holds too many values")
    text = data.decode(json.detect_encoding(data[:4]), errors="replace")
    try:
        # Integers as floats: an integer of ten thousand digits is refused by int(), and none is needed.
        return json.loads(text, strict=False, parse_int=float)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def text_of(value: object) -> str:
    """The text of a notebook field that should be a string or a list of strings."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    # Half a surrogate pair cannot be written to any file.
    return value.replace("\r\n", "\n").encode("utf-8", errors="replace").decode("utf-8")


def _parse(submission: bytes) -> dict[str, Any]:
    if not submission.strip():
        raise SubmissionError(f"Your notebook could not be read: the file is empty. {_AGAIN}")
    try:
        data = parse_json(submission)
    except ValueError as error:
        reason = "it is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise SubmissionError(f"Your notebook could not be read: {reason}. {_AGAIN}") from error
    if not isinstance(data, dict):
        raise SubmissionError(f"Your notebook could not be read: it is JSON, but not a notebook. {_AGAIN}")
    return data


def _raw_cells(data: dict[str, Any]) -> Iterator[object]:
    if isinstance(data.get("cells"), list):
        yield from data["cells"]
    elif isinstance(data.get("worksheets"), list):  # formats 2 and 3
        for sheet in data["worksheets"]:
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list):
                yield from sheet["cells"]
    else:
        raise SubmissionError(f"Your notebook could not be read: it has no cells. {_AGAIN}")


def _read_cell(raw: object) -> SubmittedCell | None:
    if not isinstance(raw, dict):
        return None
    kind = raw.get("cell_type")
    kind = "markdown" if kind in ("markdown", "heading") else kind
    if kind not in ("code", "markdown", "raw"):
        return None
    text = text_of(raw["source"] if "source" in raw else raw.get("input"))
    return SubmittedCell(kind, text, _grade_id(raw.get("metadata")), _word(raw.get("id")))


def _grade_id(metadata: object) -> str | None:
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return _word(mark.get("grade_id")) if isinstance(mark, dict) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def bare(text: str) -> str:
    """A cell's text for comparison: without spaces at line ends and blank lines around."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
