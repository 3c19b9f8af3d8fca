"""Grade the same submissions with ours and with others, and compare what that takes.

    python -m benchmarks [--quick] [--submissions N] [--competitors NAME ...] [--exercises NAME ...]

docs/benchmarks.md says what is measured and how.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from assay.course import Exercise, open_course  # noqa: E402
from benchmarks import border, competitors, isolation, plan, plot, processes, tables  # noqa: E402
from benchmarks.agreement import misjudged  # noqa: E402
from benchmarks.folders import Work  # noqa: E402
from benchmarks.results import Results, save  # noqa: E402

COURSE = ROOT / "benchmarks" / "course"
RESULTS = ROOT / "benchmarks" / "results"
PICTURE = ROOT / "docs" / "pictures" / "benchmark.svg"


def main() -> int:
    options = _parser().parse_args()
    sizes = _sizes(options)
    console, results = Console(width=None if sys.stdout.isatty() else 110), Results()
    exercises = {name: _exercise(name) for name in sizes.exercises}
    processes.adopt_orphans()
    try:
        with tempfile.TemporaryDirectory(prefix="assay-benchmark-") as scratch:
            otter = options.otter or Path(scratch, "otter")
            if "otter" in sizes.competitors:
                console.print("Getting otter-grader ready, in an environment of its own ...")
                competitors.otter_environment(otter)
            console.print("Writing the submissions ...")
            ordered = plan.agreement_steps(sizes, exercises) if options.agreement else plan.steps(sizes, exercises)
            carry_out(ordered, results, otter, Path(scratch), console)
        if not (options.agreement or options.brief):
            results.border, results.isolation = border.measure(), isolation.measure()
    finally:
        processes.end_all()
    tables.show(console, results)
    path = options.results / f"{options.name}.json"
    save(results, path, asdict(sizes))
    console.print(f"\nAll figures: {path}")
    if options.plot and not options.agreement:
        plot.draw(results, options.plot)
        console.print(f"Picture: {options.plot}")
    return 1 if results.unexplained else 0


def carry_out(steps: list[plan.Step], results: Results, otter: Path, scratch: Path, console: Console) -> None:
    """Run all steps, one after another."""
    with _progress(console) as progress:
        whole = progress.add_task("runs", total=len(steps))
        for step in steps:
            line = progress.add_task(str(step), total=len(step.submissions))
            results.loads.append(round(_load(), 2))
            with tempfile.TemporaryDirectory(dir=scratch) as folder:

                def done(number: int, line=line) -> None:  # type: ignore[no-untyped-def]
                    progress.update(line, completed=number)

                work = Work(step.exercise, step.submissions, scratch / "built", step.examples)
                run = plan.carry_out(step, competitors.Order(work, Path(folder), done), otter)
            results.add(step, run, misjudged(run, step.submissions))
            rate = f"{run.submissions / run.seconds:.2f} a second"
            progress.remove_task(line)
            progress.console.print(f"  {step}: {run.seconds:.1f} s, {rate}", highlight=False)
            progress.advance(whole)


def _load() -> float:
    """How many processes wait for a processor, on average of the last minute: others', before a run begins."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def _exercise(name: str) -> Exercise:
    return open_course(COURSE if name in plan.ASSIGNMENTS else ROOT)[name]


def _sizes(options: argparse.Namespace) -> plan.Sizes:
    sizes = plan.Sizes.quick() if options.quick else plan.Sizes()
    given = {name: getattr(options, name) for name in ("submissions", "slow", "repeats")}
    sizes = replace(sizes, **{name: value for name, value in given.items() if value is not None})
    if options.competitors:
        sizes = replace(sizes, competitors=tuple(options.competitors))
    if options.exercises:
        sizes = replace(sizes, exercises=tuple(options.exercises))
    return replace(sizes, growth=False) if options.brief else sizes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few submissions, to see that everything runs")
    parser.add_argument("--agreement", action="store_true", help="only compare the verdicts, on every known answer")
    parser.add_argument("--submissions", type=int, help="of each exercise (default: 100)")
    parser.add_argument("--slow", type=int, help="of these for nbgrader and for Otter (default: 12)")
    parser.add_argument("--repeats", type=int, help="turns that everybody takes (default: 2)")
    parser.add_argument("--competitors", nargs="+", choices=plan.COMPETITORS, help="default: all")
    known = (*plan.ASSIGNMENTS, plan.REAL)
    parser.add_argument("--exercises", nargs="+", choices=known, help="default: all")
    parser.add_argument("--brief", action="store_true", help="without growing work, calls over the border, isolation")
    parser.add_argument("--name", default=time.strftime("%Y-%m-%d"), help="of the file of results (default: the date)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of results (default: benchmarks/results)")
    parser.add_argument("--plot", type=Path, help=f"draw a picture into this SVG file, such as {PICTURE.name}")
    parser.add_argument("--otter", type=Path, help="keep Otter's environment in this folder, or take it from there")
    return parser


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


if __name__ == "__main__":
    sys.exit(main())
