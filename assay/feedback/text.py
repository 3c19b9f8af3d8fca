"""How a report reads in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

from assay.course import Task
from assay.feedback.compared import compared_of, inputs_of, part_of, texts_of
from assay.feedback.graphs import graph_of, in_words
from assay.feedback.public import clean, for_student
from assay.outcome import Call, CheckResult, Counterexample, Outcome, Report

SYMBOLS = {Outcome.PASSED: ":)", Outcome.FAILED: ":(", Outcome.BROKEN: ":|"}
WORDS = {Outcome.PASSED: "passed", Outcome.FAILED: "failed", Outcome.BROKEN: "could not run"}
SHOWN_CALLS = 8  # of one counterexample
LINE = 100  # characters; a longer call is written one argument a line
GAP = 6  # blanks between got, expected and difference
ENTRIES = 60  # of a difference that is written out
_COLOURS = {Outcome.PASSED: "32", Outcome.FAILED: "31", Outcome.BROKEN: "33"}


def as_text(report: Report, tasks: Sequence[Task], *, colour: bool = False) -> str:
    """The report for a terminal: a line for each check, with what went wrong below it."""
    public = for_student(report)
    lines: list[str] = []
    for task in tasks:
        checks, waiting = folded(public.for_task(task.name))
        lines += [f"{clean(task.name)}{_score(public, task)}"]
        width = max((len(points_of(check)) for check in checks), default=0)
        for check in checks:
            lines += _check_lines(check, width, colour)
        lines += [*([f"  {waiting}"] if waiting else []), ""]
    if public.notes:
        lines += ["While your notebook was loading:", *(f"  {_hang(note, 2)}" for note in public.notes), ""]
    return "\n".join(lines)


def _score(report: Report, task: Task) -> str:
    """Points earned and possible; nothing for a task without points, as in self-checks."""
    return f"  {report.score(task.name, task.points):g} of {task.points:g} points" if task.points else ""


def folded(checks: Sequence[CheckResult]) -> tuple[tuple[CheckResult, ...], str]:
    """The checks worth a line of their own, and one sentence for those without points that wait for another."""
    shown = tuple(check for check in checks if check.looked_at or check.points)
    waiting = len(checks) - len(shown)
    if not waiting:
        return shown, ""
    subject = "One more check was" if waiting == 1 else f"{waiting} more checks were"
    return shown, f"{subject} not looked at, because an earlier one failed."


def points_of(check: CheckResult) -> str:
    """Points earned and possible, such as `0/2`; nothing for a check without points."""
    return f"{check.earned:g}/{check.points:g}" if check.points else ""


def shown_calls(example: Counterexample) -> tuple[str, tuple[Call, ...]]:
    """The last calls of a counterexample, and a line that says how many are left out."""
    left_out = len(example.calls) - SHOWN_CALLS
    return (f"({left_out} calls before these)" if left_out > 0 else ""), example.calls[-SHOWN_CALLS:]


def call_text(call: Call) -> str:
    """A call as Python would write it, one argument a line where it is long."""
    arguments = [f"{name} = {_hang(value, len(name) + 3)}" for name, value in call.arguments]
    line = f"{call.function}({', '.join(arguments)})"
    if len(line) <= LINE and "\n" not in line:
        return line
    return f"{call.function}(\n" + "".join(f"    {_hang(argument, 4)},\n" for argument in arguments) + ")"


def returned_text(call: Call, example: Counterexample) -> str:
    """What a call returned; nothing where `got` says so already."""
    if call.returned is None or (call is example.calls[-1] and call.returned == example.got):
        return ""
    return f"-> {_hang(call.returned, 3)}"


def beside(example: Counterexample) -> str:
    """`got`, `expected` and their difference beside each other, as far as a line goes, or below; empty for neither."""
    sides = [(name, text) for name, text in (("got", example.got), ("expected", example.expected)) if text is not None]
    if len(sides) == 2 and (gaps := difference_text(example)):
        sides.append(("difference", gaps))
    columns = [[name, *text.splitlines()] for name, text in sides]
    widths = [max(map(len, column)) for column in columns]
    if len(sides) == 3 and sum(widths) + 2 * GAP > LINE:
        columns, widths, sides = columns[:2], widths[:2], sides[:2]
    if len(sides) < 2 or sum(widths) + GAP * (len(sides) - 1) > LINE:
        return "\n".join(f"{name:<8}  {_hang(text, 10)}" for name, text in sides)
    rows = zip_longest(*columns, fillvalue="")
    gap = " " * GAP
    return "\n".join(gap.join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def difference_text(example: Counterexample) -> str:
    """got - expected in the form in which arrays are shown, `=` where they agree; empty where there is none."""
    compared = compared_of(example)
    if compared is None or not 2 <= len(compared.difference) <= ENTRIES or part_of(compared.got):
        return ""
    _, _, gaps = texts_of(compared)
    width = max(map(len, gaps)) if len(compared.got.shape) > 1 else 0
    return _array(iter([gap.rjust(width) for gap in gaps]), compared.got.shape, 1)


def graph_lines(example: Counterexample) -> Iterator[str]:
    """The edges of each graph among the arguments."""
    for picture in inputs_of(example):
        if picture.kind == "graph":
            yield f"{picture.name}: {in_words(graph_of(picture))}"


def diagnosis_lines(check: CheckResult) -> tuple[str, ...]:
    """The likely mistake, or those of which one is it; nothing where none is known."""
    if len(check.diagnosis) == 1:
        return (f"Likely mistake: {check.diagnosis[0]}",)
    return ("Likely one of these mistakes:", *(f"- {one}" for one in check.diagnosis)) if check.diagnosis else ()


def _check_lines(check: CheckResult, width: int, colour: bool) -> Iterator[str]:
    symbol = SYMBOLS[check.outcome]
    if colour:
        symbol = f"\x1b[{_COLOURS[check.outcome]}m{symbol}\x1b[0m"
    indent = width + 7
    yield f"  {symbol}  {points_of(check):>{width}} {_hang(check.sentence, indent)}"
    for detail in _details(check):
        yield " " * indent + _hang(detail, indent)


def _details(check: CheckResult) -> Iterator[str]:
    if check.message:
        yield check.message
    example = check.counterexample
    if example is not None:
        left_out, calls = shown_calls(example)
        if left_out:
            yield left_out
        for call in calls:
            yield call_text(call)
            if returned := returned_text(call, example):
                yield returned
        yield from graph_lines(example)
        if compared := beside(example):
            yield compared
    yield from diagnosis_lines(check)
    if check.hint:
        yield f"Hint: {check.hint}"


def _array(texts: Iterator[str], shape: Sequence[int], indent: int) -> str:
    """Entries in brackets, one for each axis, as `checks.show` writes them."""
    if len(shape) == 1:
        return "[" + ", ".join(islice(texts, shape[0])) + "]"
    gap = "," + "\n" * (len(shape) - 1) + " " * indent
    return "[" + gap.join(_array(texts, shape[1:], indent + 1) for _ in range(shape[0])) + "]"


def _hang(text: str, indent: int) -> str:
    """Lines after the first begin below the first."""
    return text.replace("\n", "\n" + " " * indent)
