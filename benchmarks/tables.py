"""The results as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from rich.console import Console
from rich.table import Table

from benchmarks.plan import SLOW
from benchmarks.results import Line, Results, ratio

NAMES = {
    "assay-1": "assay, 1 job",
    "assay-2": "assay, 2 jobs",
    "nbgrader": "nbgrader",
    "otter": "Otter",
    "in-process": "in-process",
}
OTHERS = ("nbgrader", "otter", "in-process")  # that a rate is compared with


def show(console: Console, results: Results) -> None:
    """Everything that was measured."""
    lines = results.lines()
    for exercise, own in groupby(lines, key=lambda line: line.exercise):
        console.print()
        console.print(compared(exercise, list(own), lines))
    if any(line.competitor in SLOW for line in lines):
        console.print(
            "Rates are submissions a second: of ours the whole command with its feedback pages, and grading alone; of "
            "nbgrader and Otter, which graded fewer, without their start. in-process is the same checks run by "
            "Hypothesis in one warm process, without isolation."
        )
    if grown := results.lines("submissions"):
        console.print()
        console.print(as_submissions_grow(grown))
    if examples := [run for what, run in results.runs if what == "examples"]:
        console.print()
        console.print(as_examples_grow({(run.competitor, run.examples): run.latencies for run in examples}))
    _show_small_costs(console, results)
    _show_agreement(console, results)


def compared(exercise: str, own: Iterable[Line], lines: list[Line]) -> Table:
    """One exercise: who grades how fast."""
    others = [name for name in OTHERS if any(line.competitor == name for line in lines)]
    times = [f"x {NAMES[name]}" for name in others]
    table = _table(exercise, ("", "of", "rate", "alone", *times, "median", "95 %", "MiB"))
    for line in own:
        ratios = [_times(ratio(line, lines, name)) for name in others]
        rates = (f"{line.rate:.2f}", f"{line.grading_rate:.2f}")
        latencies = (_seconds(line.median), _seconds(line.p95))
        memory = f"{line.peak_memory / 2**20:,.0f}"
        table.add_row(NAMES[line.competitor], str(line.submissions), *rates, *ratios, *latencies, memory)
    return table


def as_submissions_grow(lines: Iterable[Line]) -> Table:
    table = _table("As submissions grow", ("", "of", "rate", "alone", "median", "95 %", "MiB"))
    for line in lines:
        rates = (f"{line.rate:.2f}", f"{line.grading_rate:.2f}", _seconds(line.median), _seconds(line.p95))
        memory = f"{line.peak_memory / 2**20:,.0f}"
        table.add_row(NAMES[line.competitor], f"{line.submissions:,}", *rates, memory)
    return table


def as_examples_grow(latencies: Mapping[tuple[str, int], tuple[float, ...]]) -> Table:
    inputs = sorted({examples for _, examples in latencies})
    table = _table("Median of one submission, as the inputs of each check grow", ("", *map(str, inputs)))
    for competitor in dict.fromkeys(name for name, _ in latencies):
        found = [latencies.get((competitor, examples)) for examples in inputs]
        cells = [_seconds(sorted(times)[len(times) // 2]) if times else "" for times in found]
        table.add_row(NAMES[competitor], *cells)
    return table


def _show_small_costs(console: Console, results: Results) -> None:
    if results.border:
        console.print()
        table = _table("One call over the border", ("", "there", "back", "best", "a tenth below", "median"))
        for call in results.border:
            times = (f"{seconds * 1e6:,.0f} us" for seconds in (call.best, call.tenth, call.median))
            table.add_row(call.what, _bytes(call.there), _bytes(call.back), *times)
        console.print(table)
    if results.isolation:
        console.print()
        table = _table(
            "Isolation of one submission, until it is ready", ("", "median", "95 %", "first, with the zygote")
        )
        for one in results.isolation:
            table.add_row(one.libraries, _seconds(one.median), _seconds(one.p95), _seconds(one.first))
        console.print(table)


def _show_agreement(console: Console, results: Results) -> None:
    judged = ", ".join(f"{NAMES[name]} {count}" for name, count in results.judged.items())
    console.print(f"\n[bold]Agreement[/]: answers judged whose verdict is known: {judged}.")
    seen = set()
    for one in results.misjudged:
        key = (one.competitor, one.exercise, one.answer)
        if key not in seen:
            what = "right" if one.right else "wrong"
            why = one.explanation or "[red]nobody knows why[/]"
            console.print(f"  {one.competitor} misjudged {one.answer} ({one.exercise}), which is {what}: {why}")
        seen.add(key)
    if not results.misjudged:
        console.print("  All of them agree on every one.")


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=f"[bold]{title}[/]", title_justify="left", pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=not number)
    return table


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms" if value < 0.01 else f"{1000 * value:.0f} ms"


def _bytes(size: int) -> str:
    for factor, unit in ((2**20, "MiB"), (2**10, "KiB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"
