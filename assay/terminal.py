"""What the commands show: progress while something runs, tables at its end, and the next step."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape as without_markup
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.table import Table

from assay.course import Course, exercise_name
from assay.feedback.public import clean, for_student
from assay.feedback.text import as_text
from assay.notebook.nbgrader_class import Progress as Now
from assay.notebook.nbgrader_class import Result, Score, grade_class, submitters
from assay.notebook.nbgrader_services import Services
from assay.outcome import Outcome

SYMBOL = {True: "[green]:)[/]", False: "[red]:([/]"}


def grade_and_print(
    course: Course,
    assignments: tuple[str, ...],
    *,
    student: str = "*",
    force: bool = False,
    services: Services | None = None,
) -> int:
    """Grade assignments with a progress bar and print a table a student; of a single submission, every check.

    Status 1 where one could not be graded.
    """
    console = Console()
    results: list[Result] = []
    with _progress(console) as bar:
        for assignment in assignments:
            line = bar.add_task(assignment, total=len(submitters(course, assignment, student)) or None, doing="")

            def on_progress(now: Now, line=line) -> None:
                bar.update(line, total=now.total, completed=now.done, doing=escape(" ".join(now.at)))

            graded = grade_class(course, assignment, student, force=force, services=services, on_progress=on_progress)
            bar.update(line, completed=len(graded), doing="")
            results += graded
    print_results(console, course, results)
    if len(results) == 1:
        print_report(console, course, results[0])
    failed = [result for result in results if result.error]
    if not failed:
        console.print("\nTo grade by hand and look closer: [bold]jupyter lab[/], then Formgrader in the Nbgrader menu.")
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


def escape(text: str) -> str:
    """Text of others, such as a student's id, that neither styles the table nor commands the terminal."""
    return without_markup(clean(text))


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


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeLeft(),
        TextColumn("[dim]{task.fields[doing]}[/]"),
        console=console,
    )
