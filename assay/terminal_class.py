"""What `assay grade` shows of a class: how long it took, each task in one line, and what needs a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from rich.console import Console
from rich.markup import escape as without_markup
from rich.table import Table

from assay.course import exercise_name
from assay.feedback.public import clean, for_student
from assay.notebook.nbgrader_class import Result, Score
from assay.outcome import Outcome

MOST_NAMES = 20  # students in one line, and lines of one kind


@dataclass(frozen=True)
class Effort:
    """What grading cost."""

    seconds: float
    jobs: int
    memory: int  # bytes, the most that all processes took together


def summary(results: Sequence[Result], effort: Effort) -> str:
    """One or two lines: how many submissions, in what time, in how much memory."""
    graded = sorted(result.seconds for result in results if not result.skipped and not _failed(result))
    skipped = sum(result.skipped for result in results)
    parts = [f"{len(graded)} graded"]
    parts += [f"{skipped} skipped, unchanged since they were graded (--force grades them again)"] if skipped else []
    failed = sum(map(_failed, results))
    parts += [f"{failed} could not be graded"] if failed else []
    text = f"{', '.join(parts)}, in {_time(effort.seconds)}"
    if graded:
        rate = len(graded) / effort.seconds
        text += (
            f": {rate:.2g} submissions/s with {effort.jobs} {'job' if effort.jobs == 1 else 'jobs'}.\n"
            f"One took {_time(quantile(graded, 0.5))} (median), {_time(quantile(graded, 0.95))} (95 of 100 took less)"
        )
    return f"{text}; memory at most {effort.memory / 2**20:.0f} MiB."


def print_class(console: Console, results: Iterable[Result]) -> None:
    """A table of the tasks, and what needs a person."""
    by_assignment = defaultdict(list)
    for result in results:
        by_assignment[result.assignment].append(result)
    for assignment, theirs in by_assignment.items():
        graded = [result for result in theirs if not _failed(result)]
        console.print()
        console.print(_tasks(assignment, graded))
        needs = [*_by_hand(graded), *_failures(theirs), *_warnings(theirs)]
        if needs:
            console.print("\n[bold]needs a person[/]")
        for line in needs:
            console.print(f"  {escape(line)}", soft_wrap=True)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of some numbers in order that at least this share of them does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def escape(text: str) -> str:
    """Text of others, such as a student's id, that neither styles the table nor commands the terminal."""
    return without_markup(clean(text))


def _failed(result: Result) -> bool:
    return not result.scores and bool(result.error)


def _tasks(assignment: str, graded: Sequence[Result]) -> Table:
    table = Table(title=f"[bold]{escape(assignment)}[/]", title_justify="left", pad_edge=False)
    for name, justify in (("task", "left"), ("mean", "right"), ("full points", "right"), ("failed most often", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    scores: defaultdict[tuple[str, str], list[Score]] = defaultdict(list)
    for result in graded:
        for score in result.scores:
            scores[score.notebook or assignment, score.name].append(score)
    failed = _failed_checks(graded)
    for (notebook, task), given in scores.items():
        known = [score for score in given if score.points is not None]
        mean = f"{fmean(score.points or 0.0 for score in known):.3g}" if known else "-"
        full = sum((score.points or 0.0) >= score.maximum for score in known)
        check, times = (failed[notebook, task].most_common(1) or [("", 0)])[0]
        why = f"{escape(check)} ({times})" if times else "" if known else "[dim]to be graded by hand[/]"
        table.add_row(escape(task), f"{mean} / {given[0].maximum:g}", f"{full} of {len(given)}", why)
    if graded:
        total = fmean(result.points for result in graded)
        table.add_row("[bold]total[/]", f"[bold]{total:.3g} / {graded[0].maximum:g}[/]", "", "")
    return table


def _failed_checks(graded: Sequence[Result]) -> defaultdict[tuple[str, str], Counter[str]]:
    """How often each check failed that was looked at, by notebook and task."""
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for result in graded:
        notebooks = {
            exercise_name(result.assignment, s.notebook or result.assignment): s.notebook for s in result.scores
        }
        for report in result.reports:
            notebook = notebooks.get(report.assignment) or result.assignment
            for check in for_student(report).checks:
                if check.outcome is Outcome.FAILED and check.looked_at:
                    found[notebook, check.task][check.sentence] += 1
    return found


def _by_hand(graded: Sequence[Result]) -> Iterator[str]:
    answers: Counter[str] = Counter()
    broken: defaultdict[str, list[str]] = defaultdict(list)
    for result in graded:
        for score in result.scores:
            if score.needs_manual_grade and score.automatic:
                broken[score.name].append(result.student)
            elif score.needs_manual_grade:
                answers[score.name] += 1
    for task, number in answers.items():
        yield f"{task}: {number} {'answer' if number == 1 else 'answers'} to be graded by hand"
    for task, students in broken.items():
        yield f"{task}: to be looked at, for {_named(students)}"


def _failures(results: Sequence[Result]) -> Iterator[str]:
    yield from _most([result.error for result in results if result.error], "more could not be graded")


def _warnings(results: Sequence[Result]) -> Iterator[str]:
    yield from _most(sorted({warning for result in results for warning in result.warnings}), "more warnings")


def _most(lines: Sequence[str], rest: str) -> Iterator[str]:
    yield from lines[:MOST_NAMES]
    if len(lines) > MOST_NAMES:
        yield f"{len(lines) - MOST_NAMES} {rest}; see them with: assay grade ASSIGNMENT --student S"


def _named(students: Sequence[str]) -> str:
    names = ", ".join(students[:MOST_NAMES])
    return names if len(students) <= MOST_NAMES else f"{names} and {len(students) - MOST_NAMES} more"


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
