"""What the commands show: progress while something runs, tables at its end, and the next step."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.table import Table
from rich.text import Text

from assay.course import Course, exercise_name
from assay.feedback.public import for_student
from assay.feedback.text import as_text
from assay.grading.memory import PeakMemory
from assay.notebook.nbgrader_class import Progress as Now
from assay.notebook.nbgrader_class import Result, Score, grade_class
from assay.notebook.nbgrader_services import Services
from assay.outcome import Outcome
from assay.terminal_class import Effort, escape, print_class, summary

SYMBOL = {True: "[green]:)[/]", False: "[red]:([/]"}


def grade_and_print(
    course: Course,
    assignments: tuple[str, ...],
    *,
    student: str = "*",
    force: bool = False,
    jobs: int = 1,
    services: Services | None = None,
    most_tables: int = 10,
) -> int:
    """Grade assignments with a progress bar, and print what came of it; of a single submission, every check.

    A table a student, or for more than `most_tables` submissions one of the tasks and what needs a person.
    Status 1 where a submission could not be graded.
    """
    console = Console()
    results: list[Result] = []
    started = time.monotonic()
    with PeakMemory() as memory, _progress(console) as bar:
        for assignment in assignments:
            told = _Told(bar, assignment)
            options: dict[str, Any] = {"force": force, "jobs": jobs, "services": services, "on_progress": told}
            results += grade_class(course, assignment, student, **options)
    effort = Effort(time.monotonic() - started, jobs, memory.bytes)
    if len(results) > most_tables:
        print_class(console, results)
    else:
        print_results(console, course, results)
    if len(results) == 1:
        print_report(console, course, results[0])
    console.print(f"\n{summary(results, effort)}", soft_wrap=True)
    failed = [result for result in results if result.error]
    if failed:
        console.print("Grade the rest once that is mended: run the same command again.")
    else:
        console.print("To grade by hand and look closer: [bold]jupyter lab[/], then Formgrader in the Nbgrader menu.")
    return 1 if failed else 0


def print_results(console: Console, course: Course, results: Iterable[Result]) -> None:
    """One table a student: tasks with points and the first thing that went wrong, and where the feedback lies."""
    ordered = sorted(results, key=lambda result: (result.student, result.assignment))
    warned: set[str] = set()
    for student, mine in groupby(ordered, key=lambda result: result.student):
        table = Table(title=f"[bold]{escape(student)}[/]", title_justify="left", pad_edge=False)
        for name, justify in (("assignment", "left"), ("task", "left"), ("points", "right"), ("", "left")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        pages: list[Path] = []
        for result in mine:
            _add(table, result)
            pages += result.feedback
            warned |= set(result.warnings)
        console.print()
        console.print(table)
        for page in pages:
            console.print(f"  feedback: {escape(os.path.relpath(page))}", soft_wrap=True)
    for warning in sorted(warned):
        console.print(f"[yellow]for staff:[/] {escape(warning)}", soft_wrap=True)


def print_report(console: Console, course: Course, result: Result) -> None:
    """Every check of one submission, as its student sees it; one table a notebook."""
    for report in result.reports:
        text = as_text(report, course[report.assignment].tasks, colour=console.is_terminal)
        heading = f"\n{report.assignment}:" if len(result.reports) > 1 else ""
        print(f"{heading}\n{text}", file=console.file)  # not through rich, which would wrap arrays


def _add(table: Table, result: Result) -> None:
    if result.error:
        table.add_row(result.assignment, "", "", f"[red]not graded:[/] {escape(result.error)}")
        return
    before = None
    for score in result.scores:
        name = exercise_name(result.assignment, score.notebook or result.assignment)
        table.add_row(escape(name) if name != before else "", score.name, *_points(result, score))
        before = name
    if result.late_penalty:
        table.add_row("", "late", f"-{result.late_penalty:g}", "")
    table.add_row("", "[bold]total[/]", f"[bold]{result.points:g} / {result.maximum:g}[/]", "", end_section=True)


def _points(result: Result, score: Score) -> tuple[str, str]:
    if score.points is None:
        return f"- / {score.maximum:g}", "[dim]to be graded by hand[/]"
    shown = f"{score.points:g} / {score.maximum:g}"
    report = result.report_on(score.notebook or result.assignment)
    checks = () if report is None else for_student(report).for_task(score.name)
    if not checks:  # graded by hand, or by tests in the notebook
        return shown, "" if score.points else "[dim]not answered[/]" if report else ""
    failed = next((check for check in checks if check.outcome is Outcome.FAILED), None)
    broken = any(check.outcome is Outcome.BROKEN for check in checks)
    if failed is None:
        return shown, "[yellow]a check could not run: ours, costs nothing[/]" if broken else SYMBOL[True]
    first = failed.message.splitlines()[0] if failed.message else ""
    return shown, f"{SYMBOL[False]} {escape(failed.sentence)}" + (f"\n[dim]{escape(first[:160])}[/]" if first else "")


class _Told:
    """Shows how far a class is."""

    def __init__(self, bar: Progress, assignment: str) -> None:
        self._bar = bar
        self._line = bar.add_task(assignment, total=None, doing="")
        self._begun = False

    def __call__(self, now: Now) -> None:
        if not self._begun:  # what was skipped says nothing on how long the others take
            self._bar.reset(self._line, total=now.total, completed=now.done)
            self._begun = True
        doing = escape(", ".join(now.at)) if now.pages is None else f"{now.pages} feedback pages to write"
        self._bar.update(self._line, completed=now.done, doing=doing if now.pages != 0 else "")


class _Rate(ProgressColumn):
    """Submissions a second, of late."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.2g}/s")


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("[dim]{task.fields[doing]}[/]"),
        console=console,
    )
