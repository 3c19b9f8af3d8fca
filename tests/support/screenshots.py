"""Makes the pictures of feedback in docs/pictures again: `python -m tests.support.screenshots`, from the root.

Wrong answers of `graders/*/mutants.py` are checked, and what their student would see is photographed. Needs Playwright
(`pip install playwright`), and Chromium: its own, or the one that the variable CHROMIUM names.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from assay.course import Course
from assay.feedback.html import as_html
from assay.grading.bench import Bench
from assay.notebook.nbgrader import configure
from assay.notebook.visible import marker_outputs
from assay.outcome import CheckResult

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"


@dataclass(frozen=True)
class Shot:
    """What one wrong answer gets to see of some checks of its task."""

    name: str
    assignment: str
    mutant: str
    checks: tuple[str, ...]
    width: int = 900  # of the window, in pixels


SHOTS = (
    Shot("feedback_images", "convolution", "kernel_flipped", ("check_twin",)),
    Shot("feedback_matrix", "gcn", "row_normalised", ("check_path",)),
    Shot("feedback_graph", "gcn", "row_normalised", ("check_gcn_values",)),
    Shot("feedback_curve", "gradient_descent", "momentum_dampened", ("momentum_path",)),
)


def results_of(shot: Shot) -> list[CheckResult]:
    """The checks as they come out for the wrong answer."""
    bench = Bench(Course(ROOT)[shot.assignment])
    answer = next(answer for answer in bench.mutants if answer.name == shot.mutant)
    return [check for check in bench.run({answer.of: answer.function}) if check.name in shot.checks]


def page_of(results: list[CheckResult]) -> str:
    """A page as nbconvert makes it for nbgrader, in the same template and with the settings of a course."""
    config = Config()
    configure(config)
    cell = nbformat.v4.new_code_cell("", outputs=marker_outputs(as_html(results), "", 0.0)[:1])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.from_dict(cell)])
    return HTMLExporter(config=config, template_name="classic", exclude_input=True).from_notebook_node(
        nbformat.from_dict(notebook)
    )[0]


def photograph(pages: dict[str, tuple[str, int]], folder: Path, *, scheme: str = "light") -> None:
    """One PNG a page, of the output alone; its file has the page's name."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=arguments)
        for name, (html, width) in pages.items():
            page = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)
            page.route("http*://**", lambda route: route.abort())  # MathJax, which no picture needs
            page.set_content(html, wait_until="load")
            page.locator(".output_html").first.screenshot(path=folder / f"{name}.png")
            page.close()
        browser.close()


def main(names: list[str]) -> None:
    chosen = [shot for shot in SHOTS if not names or shot.name in names]
    photograph({shot.name: (page_of(results_of(shot)), shot.width) for shot in chosen}, FOLDER)


if __name__ == "__main__":
    main(sys.argv[1:])
