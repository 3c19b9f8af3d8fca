"""What the runs come to: rates, ratios, latencies and memory, and all of it as one file."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import border
from benchmarks.agreement import Misjudged
from benchmarks.competitors import Run
from benchmarks.isolation import Isolated
from benchmarks.plan import FEWER, SLOW, Step

LIBRARIES = ("numpy", "torch", "tensorflow", "nbgrader", "hypothesis", "pytest")


@dataclass(frozen=True)
class Line:
    """One competitor on one exercise, over all its runs."""

    competitor: str
    exercise: str
    submissions: int
    rate: float  # submissions a second, of the whole command; of a slow competitor without its start
    grading_rate: float  # the same without starting and feedback pages
    slowest: float  # rate of the slowest and the fastest run
    fastest: float
    median: float  # seconds from the begin to the end of one submission
    p95: float
    peak_memory: int  # bytes


@dataclass
class Results:
    """Everything measured so far."""

    runs: list[tuple[str, Run]] = field(default_factory=list)  # with the purpose of each
    misjudged: list[Misjudged] = field(default_factory=list)
    judged: dict[str, int] = field(default_factory=dict)  # answers, by competitor
    border: list[border.Figure] = field(default_factory=list)
    isolation: list[Isolated] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)  # of the machine, before each run

    def add(self, step: Step, run: Run, wrong: Iterable[Misjudged]) -> None:
        self.runs.append((step.purpose, run))
        self.misjudged += wrong
        judged = sum(map(len, run.right.values()))
        self.judged[step.competitor] = self.judged.get(step.competitor, 0) + judged

    def lines(self, purpose: str = "compare") -> list[Line]:
        """One line for each competitor, exercise and size of work, in the order in which they first ran."""
        groups: dict[tuple[Any, ...], list[Run]] = {}
        for what, run in self.runs:
            count = run.submissions if what == "submissions" else 0
            if what == purpose:
                groups.setdefault((run.exercise, run.competitor, run.examples, count), []).append(run)
        return [line_of(runs) for runs in groups.values()]

    @property
    def unexplained(self) -> list[Misjudged]:
        """Known answers that were taken for the other, and nobody knows why."""
        return [one for one in self.misjudged if not one.explanation]


def line_of(runs: Sequence[Run]) -> Line:
    """Several runs of one competitor, put together."""
    rates = [rate_of(run) for run in runs]
    latencies = sorted(latency for run in runs for latency in run.latencies) or [0.0]
    count = sum(run.submissions for run in runs)
    return Line(
        competitor=runs[0].competitor,
        exercise=runs[0].exercise,
        submissions=runs[0].submissions if runs[0].competitor not in FEWER else count,
        rate=count / sum(run.submissions / rate for run, rate in zip(runs, rates, strict=True)),
        grading_rate=count / sum(run.grading_seconds for run in runs),
        slowest=min(rates),
        fastest=max(rates),
        median=statistics.median(latencies),
        p95=latencies[min(len(latencies) - 1, round(0.95 * len(latencies)))],
        peak_memory=max(run.peak_memory for run in runs),
    )


def rate_of(run: Run) -> float:
    """Submissions a second. A slow competitor grades few, so its start is left out."""
    return run.submissions / (run.grading_seconds if run.competitor in SLOW else run.seconds)


def ratio(line: Line, lines: Iterable[Line], other: str) -> float | None:
    """How many times the throughput of another on the same exercise."""
    found = [one.rate for one in lines if (one.competitor, one.exercise) == (other, line.exercise)]
    return line.rate / found[0] if found else None


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ":")
    return {
        "processor": model.partition(":")[2].strip(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def save(results: Results, path: Path, settings: dict[str, Any]) -> None:
    """Write everything to a JSON file."""
    lines = results.lines()
    table = [
        {**asdict(line), **{f"times_{other}": ratio(line, lines, other) for other in (*SLOW, "in-process")}}
        for line in lines
    ]
    content = {
        "machine": machine(),
        "settings": settings,
        "load_before_each_run": results.loads,
        "table": table,
        "as_submissions_grow": [asdict(line) for line in results.lines("submissions")],
        "as_examples_grow": [
            {"examples": run.examples, **asdict(line_of([run]))} for what, run in results.runs if what == "examples"
        ],
        "agreement": {
            "answers_judged": results.judged,
            "misjudged": [asdict(one) for one in results.misjudged],
        },
        "border": [asdict(one) for one in results.border],
        "isolation": [asdict(one) for one in results.isolation],
        "runs": [
            {"purpose": what, **{name: value for name, value in asdict(run).items() if name != "right"}}
            for what, run in results.runs
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
