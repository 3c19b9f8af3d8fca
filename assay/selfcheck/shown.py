"""The table of `%selfcheck`: HTML for notebooks, text for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from assay.feedback.html import as_html
from assay.feedback.text import as_text
from assay.outcome import CheckResult, Outcome
from assay.selfcheck.running import table


@dataclass(frozen=True)
class Shown:
    """What a cell displays: the results of some checks, or a sentence that says why there are none."""

    results: tuple[CheckResult, ...]
    sentence: str = ""

    def __repr__(self) -> str:
        if self.sentence:
            return self.sentence
        return as_text(*table(self.results)).rstrip()

    def _repr_html_(self) -> str:
        if self.sentence:
            return f"<p>{escape(self.sentence)}</p>"
        report, tasks = table(self.results)
        return "".join(
            f"<h4><code>{escape(task.name)}</code>: {_sum(report.for_task(task.name))}</h4>\n"
            f"{as_html(report.for_task(task.name))}\n"
            for task in tasks
        )


def _sum(checks: Sequence[CheckResult]) -> str:
    passed = sum(check.outcome is Outcome.PASSED for check in checks)
    return f"{passed} of {len(checks)} self-checks pass"
