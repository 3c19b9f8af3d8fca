"""What a student may see of a report. This is the one place where that is decided.

The renderers call it again, so that nothing reaches a page around it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from assay.outcome import Call, CheckResult, Counterexample, Outcome, Report

BROKEN = "This check could not run; that is our fault and costs you no points. Course staff see it."
HIDDEN = "A hidden check"


def for_student(report: Report) -> Report:
    """The report without anything that is not the student's to see, safe to show as text."""
    return Report(
        assignment=report.assignment,
        checks=tuple(map(check_for_student, report.checks)),
        notes=tuple(map(clean, report.notes)),
        round=report.round,
    )


def check_for_student(check: CheckResult) -> CheckResult:
    """One check without its name, its staff note, and what its author keeps back."""
    public = CheckResult(
        name="",
        task=check.task,
        sentence=clean(check.sentence) if check.reveals != "nothing" else HIDDEN,
        points=check.points,
        outcome=check.outcome,
        reveals=check.reveals,
        looked_at=check.looked_at,
    )
    if check.outcome is Outcome.BROKEN:
        return replace(public, message=BROKEN)
    if check.outcome is Outcome.PASSED or check.reveals == "nothing":
        return public
    public = replace(public, hint=clean(check.hint))
    if check.reveals == "message":
        return replace(public, message=clean(check.message))
    if check.reveals != "counterexample":
        return public
    example = None if check.counterexample is None else _clean_example(check.counterexample)
    diagnosis = tuple(map(clean, check.diagnosis))
    return replace(public, message=clean(check.message), counterexample=example, diagnosis=diagnosis)


def clean(text: str) -> str:
    """Text without control characters, invisible formatting or broken surrogates; tabs become spaces."""
    return "".join(c for c in text.expandtabs(4) if c == "\n" or unicodedata.category(c)[0] != "C")


def _clean_example(example: Counterexample) -> Counterexample:
    return Counterexample(
        calls=tuple(
            Call(
                clean(call.function),
                tuple((clean(name), clean(value)) for name, value in call.arguments),
                None if call.returned is None else clean(call.returned),
            )
            for call in example.calls
        ),
        got=None if example.got is None else clean(example.got),
        expected=None if example.expected is None else clean(example.expected),
        pictures=tuple(replace(picture, name=clean(picture.name)) for picture in example.pictures),
    )
