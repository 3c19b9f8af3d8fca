"""The results as one picture: who grades how fast, and what happens as work grows."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.plan import EXAMPLES, SLOW
from benchmarks.results import Results
from benchmarks.tables import NAMES

# Okabe and Ito 2008: colours for any kind of colour vision. Hatches and markers say the same.
LOOKS = {
    "assay-1": ("#56B4E9", "", "o"),
    "assay-2": ("#0072B2", "//", "s"),
    "nbgrader": ("#E69F00", "..", "^"),
    "otter": ("#D55E00", "xx", "v"),
    "in-process": ("#999999", "--", "D"),
}


def draw(results: Results, path: Path) -> None:
    """Write the picture, as SVG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    settings = {"svg.fonttype": "none", "svg.hashsalt": "assay", "font.size": 9, "hatch.linewidth": 0.5}
    grown = bool(results.lines("submissions"))
    with plt.rc_context(settings):
        figure, axes = plt.subplots(1, 3 if grown else 1, figsize=(13 if grown else 6, 4.4), squeeze=False)
        _rates(axes[0][0], results)
        if grown:
            _as_submissions_grow(axes[0][1], results)
            _as_examples_grow(axes[0][2], results)
        for axis in axes[0]:
            _plain_numbers(axis)
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})
        plt.close(figure)


def _plain_numbers(axis: Any) -> None:
    """1,000 and 0.01 beside logarithmic axes, not powers of ten."""
    for along in (axis.xaxis, axis.yaxis):
        if along.get_scale() == "log":
            along.set_major_formatter(lambda value, _: f"{value:,g}")


def _rates(axis: Any, results: Results) -> None:
    lines = results.lines()
    exercises = list(dict.fromkeys(line.exercise for line in lines))
    competitors = [name for name in LOOKS if any(line.competitor == name for line in lines)]
    height = 0.8 / len(competitors)
    for number, name in enumerate(competitors):
        own = {line.exercise: line for line in lines if line.competitor == name}
        places = [
            index + (number - (len(competitors) - 1) / 2) * height for index, e in enumerate(exercises) if e in own
        ]
        found = [own[exercise] for exercise in exercises if exercise in own]
        colour, hatch, _ = LOOKS[name]
        rates = [line.rate for line in found]
        spread = [[line.rate - line.slowest for line in found], [line.fastest - line.rate for line in found]]
        bars = axis.barh(places, rates, height, color=colour, hatch=hatch, edgecolor="black", linewidth=0.5)
        axis.errorbar(rates, places, xerr=spread, fmt="none", ecolor="black", elinewidth=0.8)
        axis.bar_label(bars, [f"  {rate:.2g}" for rate in rates], padding=6, fontsize=7)
        bars.set_label(NAMES[name])
    axis.set_xscale("log")
    axis.margins(x=0.2)
    axis.set_yticks(range(len(exercises)), exercises)
    axis.invert_yaxis()
    axis.set_xlabel("submissions graded a second (more is better)")
    axis.set_title("The same submissions")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False, fontsize=7)


def _as_submissions_grow(axis: Any, results: Results) -> None:
    lines = results.lines("submissions")
    colour, _, marker = LOOKS[lines[0].competitor]
    counts = [line.submissions for line in lines]
    axis.plot(counts, [line.rate for line in lines], color=colour, marker=marker, label=NAMES[lines[0].competitor])
    for line in results.lines():
        if line.exercise == lines[0].exercise and line.competitor in SLOW:
            colour = LOOKS[line.competitor][0]
            label = f"{NAMES[line.competitor]}, from {line.submissions}"
            style = "--" if line.competitor == SLOW[0] else ":"
            axis.axhline(line.rate, color=colour, linestyle=style, label=label)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("submissions")
    axis.set_ylabel("graded a second (more is better)")
    axis.set_title(f"{lines[0].exercise}, as submissions grow")
    axis.legend(loc="best", frameon=False, fontsize=7)


def _as_examples_grow(axis: Any, results: Results) -> None:
    found: dict[str, list[tuple[int, float]]] = {}
    for what, run in results.runs:
        if what == "examples" and run.latencies:
            found.setdefault(run.competitor, []).append((run.examples, statistics.median(run.latencies)))
    for name, points in found.items():
        colour, _, marker = LOOKS[name]
        inputs, seconds = zip(*sorted(points), strict=True)
        axis.plot(inputs, seconds, color=colour, marker=marker, label=NAMES[name])
    axis.axvline(EXAMPLES, color="#cccccc", linewidth=0.8, zorder=0)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("inputs a check")
    axis.set_ylabel("seconds a submission, median (less is better)")
    axis.set_title("As each check draws more inputs")
    axis.legend(loc="best", frameon=False, fontsize=7)
