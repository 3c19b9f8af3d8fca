"""A student's text as people get to see it: no HTML, no links, and nothing that keeps a renderer busy for minutes.

Done to the text and not to a page, so that it holds in nbgrader's feedback, in formgrader and in JupyterLab alike.
The code that is graded is not touched; what is shown of it may be shorter.
"""

from __future__ import annotations

import re
from typing import Any

MOST_CODE = 200_000  # characters of a student's code in one notebook
MOST_MARKDOWN = 50_000  # characters of one answer
# Formulas that begin and do not end, which nbconvert looks for the end of again and again.
_FORMULA = re.compile(r"\\\\?[\[(]|\\begin")
MOST_FORMULAS = 400
_SPACES = re.compile(" {100,}")  # Markdown's parser takes time with the square of such a run
_BLANK = re.compile(r"^(?:[ \t\f\v]*\n){12,}", flags=re.MULTILINE)  # lexers take time with the square of such a run


def plain_markdown(text: str) -> str:
    """A student's Markdown without anything that a renderer would turn into HTML, a link or an image.

    A space keeps tags, link targets and definitions apart; formulas, tables and lists stay what they are. Text that
    is too long or too strange to be rendered comes out letter by letter.
    """
    text = text.replace("\0", "")
    if len(text) > MOST_MARKDOWN or len(_FORMULA.findall(text)) > MOST_FORMULAS:
        return fenced(_cut(text, MOST_MARKDOWN))
    text = _SPACES.sub(" " * 100, text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)
    return re.sub(r"\](?=[(\[:])", "] ", text)


def fenced(text: str) -> str:
    """Text as a Markdown block that shows it letter by letter."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def shorten_code(cells: list[Any], theirs: frozenset[str] = frozenset({"answer", "student"})) -> None:
    """Make the student's code cells of a graded notebook fit to be shown; `theirs` are the origins that are theirs."""
    left = MOST_CODE
    for cell in cells:
        if cell["cell_type"] == "code" and cell["metadata"].get("assay", {}).get("origin") in theirs:
            cell["source"] = _cut(_BLANK.sub("\n\n", cell["source"]), left, "# ")
            left = max(0, left - len(cell["source"]))


def _cut(text: str, most: int, comment: str = "") -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}\n{comment}... {len(text) - most} more characters are not shown here."
