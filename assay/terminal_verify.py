"""What `assay verify` shows: progress, a table of the rules, who kills whom, and what an exercise still owes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_letters

from rich.columns import Columns
from rich.console import Console
from rich.markup import escape as without_markup
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from assay.course import Course, Exercise
from assay.feedback.public import clean
from assay.grading.kills import Block, Kills, Row, Victim, ranked
from assay.grading.kills_svg import as_svg
from assay.grading.processes import spread
from assay.grading.verify import RULES, Finding, Part, Proved, gathered, parts_of, prove

ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")},
    **{f"TF_NUM_{name}_THREADS": "1" for name in ("INTRAOP", "INTEROP")},
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
SYMBOLS = {"first": "●", "also": "○", "none": "·"}
HEADS = {
    "release": "re-\nlease",
    "reference": "refer-\nence",
    "alternatives": "alterna-\ntives",
    "mutants": "mu-\ntants",
    "vacuous": "vacu-\nous",
}
PLAIN = {"first": "#", "also": "+", "none": "."}  # where the terminal knows no others


@dataclass
class Account:
    """What the parts of one exercise came to."""

    exercise: Exercise
    proved: dict[Part, Proved] = field(default_factory=dict)

    def findings(self, parts: Iterable[Part]) -> tuple[Finding, ...]:
        """In the order of the parts, whichever was done first."""
        return gathered(finding for part in parts for finding in self.proved[part].findings)

    @property
    def kills(self) -> Kills | None:
        return next((part.kills for part in self.proved.values() if part.kills is not None), None)

    @property
    def share(self) -> float:
        return max(part.share for part in self.proved.values())


def verify_and_print(course: Course, exercises: Sequence[str], *, seeds: int, jobs: int, closely: bool = False) -> int:
    """Check the checks of exercises and draw who kills whom, `closely` in the terminal too.

    Status 1 where something is owed.
    """
    console = Console()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # references compute where judges have them compute
    os.environ.update(ONE_THREAD)  # of this process, before it loads a library, and of those it starts
    accounts = _proved(console, [course[name] for name in exercises], seeds, jobs)
    owed = [(name, finding) for name, (_, findings) in accounts.items() for finding in findings]
    if closely:
        for account, _ in accounts.values():
            _print_kills(console, account.kills)
    console.print(_table(accounts))
    for name, (account, _) in accounts.items():
        if account.kills is not None:
            path = _keep(course.kills(name), as_svg(account.kills))
            console.print(f"who kills whom: {_escape(os.path.relpath(path))}", soft_wrap=True)
    for name, finding in owed:
        console.print(f"[red]{_escape(name)}, {finding.rule}:[/] {_escape(finding.says)}", soft_wrap=True)
    if owed:
        console.print("Mend what is named above, then run the same command again.")
    else:
        console.print(f"Every promise holds on {seeds} draws: release/ is ready to be handed out.")
    return 1 if owed else 0


Accounts = dict[str, tuple[Account, tuple[Finding, ...]]]


def _proved(console: Console, exercises: Sequence[Exercise], seeds: int, jobs: int) -> Accounts:
    parts = {exercise.name: parts_of(exercise, seeds=seeds) for exercise in exercises}
    accounts = {exercise.name: Account(exercise) for exercise in exercises}
    everything = [part for each in parts.values() for part in each]
    running: list[Part] = []
    with _progress(console) as bar:
        line = bar.add_task("verify", total=len(everything), doing="")

        def show() -> None:
            bar.update(line, doing=_escape(" | ".join(map(str, running))))

        def on_start(part: Part) -> None:
            running.append(part)
            show()

        with closing(spread(prove, everything, jobs=jobs, on_start=on_start)) as done:
            for part, proved in done:
                accounts[part.exercise.name].proved[part] = proved
                running.remove(part)
                bar.advance(line)
                show()
    return {name: (account, account.findings(parts[name])) for name, account in accounts.items()}


def _table(accounts: Accounts) -> Table:
    """An exercise a row, a rule a column."""
    table = Table(title="assay verify", title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("exercise", overflow="fold")
    for rule in RULES:
        table.add_column(HEADS.get(rule, rule), justify="center", no_wrap=True)
    for name, (account, findings) in accounts.items():
        wrong, right = account.kills.counts if account.kills else (0, 0)
        said = {"mutants": f"{wrong} ", "alternatives": f"{right} ", "time": f"{account.share:.0%} "}
        cells = []
        for rule in RULES:
            found = sum(finding.rule == rule for finding in findings)
            cells.append(f"[red]{found} :([/]" if found else f"{said.get(rule, '')}[green]:)[/]")
        table.add_row(_escape(name), *cells)
    return table


def _print_kills(console: Console, kills: Kills | None) -> None:
    """Wrong answers by checks, a table for each function."""
    symbols = SYMBOLS if console.encoding.startswith("utf") else PLAIN
    for block in kills.blocks if kills else ():
        letters = dict(zip((row.name for row in block.checks), ascii_letters, strict=False))
        console.print(
            f"\n[bold]{block.function}[/]  {len(block.mutants)} wrong answers, {block.alternatives} right ones"
        )
        named = [f"[bold]{letters.get(row.name, '?')}[/] [dim]{_labelled(row)}[/]" for row in block.checks]
        console.print(Columns(named, padding=(0, 2), column_first=True))
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
        table.add_column("", no_wrap=True, min_width=max((len(_name(victim)) for victim in block.mutants), default=0))
        table.add_column(" ".join(letters.values()), no_wrap=True, min_width=2 * len(block.checks))
        table.add_column("", no_wrap=True, overflow="ellipsis", style="dim")
        for victim in ranked(block):
            table.add_row(_name(victim), _cells(block, victim, symbols), _escape(victim.says))
        console.print(table)
    console.print(
        f"\n{symbols['first']} takes the points first  {symbols['also']} fails too  {symbols['none']} passes\n"
    )


def _labelled(row: Row) -> str:
    return _escape(f"{row.name} {row.points:g} p" if row.points else row.name)


def _name(victim: Victim) -> Text:
    return Text(victim.name) if victim.first else Text(f"! {victim.name}", "red")


def _cells(block: Block, victim: Victim, symbols: dict[str, str]) -> Text:
    cells = Text()
    for row in block.checks:
        kind = "first" if row.name == victim.first else "also" if row.name in victim.killed_by else "none"
        cells.append(f"{symbols[kind]} ", {"first": "bold blue", "also": "blue", "none": "dim"}[kind])
    return cells


def _keep(path: Path, picture: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # beside the course's secret
    path.write_text(picture, encoding="utf-8")
    return path


def _escape(text: str) -> str:
    return without_markup(clean(text))


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[doing]}[/]"),
        console=console,
    )
