"""The checks of one task as an HTML fragment, for the feedback that nbgrader writes.

Only tags, classes and images that `notebook/sanitised.py` and JupyterLab keep. Whatever a student's code
may have said stands in `pre` or `code`, where it is escaped and where MathJax does not look. Symbols and words say
what colour says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from assay.feedback.pictures import compared_html, inputs_html
from assay.feedback.public import check_for_student, clean
from assay.feedback.text import (
    SYMBOLS,
    WORDS,
    beside,
    call_text,
    diagnosis_lines,
    folded,
    returned_text,
    shown_calls,
)
from assay.outcome import CheckResult, Counterexample, Outcome

# Classes of nbconvert's own style sheet: dark enough to read, and no style of ours to be taken out.
_CLASSES = {
    Outcome.PASSED: "ansi-green-intense-fg",
    Outcome.FAILED: "ansi-red-intense-fg",
    Outcome.BROKEN: "ansi-yellow-intense-fg",
}


def as_html(checks: Sequence[CheckResult], notes: Sequence[str] = (), *, pictures: bool = True) -> str:
    """The checks of one marker cell, and below them the cells that stopped while loading.

    With `pictures`, small failing inputs and results are drawn; without, they are text alone.
    """
    shown, waiting = folded(checks)
    items = "".join(f"<li>{_item(check_for_student(check), pictures)}</li>\n" for check in shown)
    items += f"<li>{escape(waiting)}</li>\n" if waiting else ""
    loading = "".join(f"<li><code>{escape(clean(note))}</code></li>\n" for note in notes)
    loading = f"<div>While your notebook was loading:</div>\n<ul>\n{loading}</ul>\n" if notes else ""
    return f"<div>\n<ul>\n{items}</ul>\n{loading}</div>"


def _item(check: CheckResult, pictures: bool) -> str:
    points = f", {check.earned:g} of {check.points:g} points" if check.points else ""
    verdict = f"{SYMBOLS[check.outcome]} {WORDS[check.outcome]}{points}"
    head = f'<strong class="{_CLASSES[check.outcome]}">{escape(verdict)}</strong> {escape(check.sentence)}'
    return head + "".join(_details(check, pictures))


def _details(check: CheckResult, pictures: bool) -> Iterator[str]:
    if check.outcome is Outcome.BROKEN:
        yield f"<div>{escape(check.message)}</div>"
    elif check.message:
        yield f"<div><code>{escape(check.message)}</code></div>"
    if check.counterexample is not None:
        yield from _example(check.counterexample, pictures)
    yield from (f"<div>{escape(line)}</div>" for line in diagnosis_lines(check))
    if check.hint:
        yield f"<div><strong>Hint:</strong> {escape(check.hint)}</div>"


def _example(example: Counterexample, pictures: bool) -> Iterator[str]:
    inputs, compared = (inputs_html(example), compared_html(example)) if pictures else ("", "")
    left_out, calls = shown_calls(example)
    if left_out:
        yield f"<div>{escape(left_out)}</div>"
    if calls:
        texts = (f"{call_text(call)}\n{returned_text(call, example)}".rstrip() for call in calls)
        yield f"<pre>{escape(chr(10).join(texts))}</pre>"
    yield inputs + compared
    if both := beside(example):
        block = f"<pre>{escape(both)}</pre>"
        yield f"<details><summary>Show as text</summary>{block}</details>" if compared else block
