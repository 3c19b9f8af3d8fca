"""Assignments of stock nbgrader, whose tests stand in the notebook: run as nbgrader runs them, but in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from assay.errors import SubmissionError
from assay.notebook.files import side_files
from assay.notebook.nbgrader_admission import OF_NBGRADER
from assay.notebook.nbgrader_services import Services
from assay.notebook.outputs import error_output
from assay.notebook.visible import is_marker, take_outputs, to_run

_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^\n#;]+))", flags=re.MULTILINE)
_DRAWS = re.compile(r"^[ \t]*%(?:matplotlib|pylab)\b", flags=re.MULTILINE)
NEVER = {"assay"}  # not even its source text belongs in front of a student


def run_with_tests(nb: Any, services: Services, folder: Path) -> None:
    """Run a notebook with its own tests; each tested cell ends with something that nbgrader can score.

    Raises SubmissionError where what comes back cannot be read.
    """
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix != ".ipynb")
    files = side_files(folder, sorted(set(names) - set(OF_NBGRADER)))
    texts = [cell["source"] for cell in nb["cells"] if cell["cell_type"] == "code"]
    modules = (content.decode(errors="replace") for name, content in files.items() if name.endswith(".py"))
    libraries = libraries_of((*texts, *modules))
    ran = services.run(to_run(nb, markers=True), libraries, files, services.stock_limits)
    try:
        take_outputs(nb, ran, markers=True)
    except ValueError as error:
        raise SubmissionError(f"What came back from the sandbox cannot be read: {error}.") from error
    for cell in filter(is_marker, nb["cells"]):
        cell["outputs"] = _scorable(cell)


def libraries_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The installed distributions that code imports by name: stock nbgrader offers all, and names none."""
    modules = set()
    for text in texts:
        for one, several in _IMPORT.findall(text):
            modules |= {one} if one else {part.split()[0].split(".")[0] for part in several.split(",") if part.split()}
        if _DRAWS.search(text):
            modules.add("matplotlib")
    installed = packages_distributions()
    found = {name for module in modules for name in installed.get(module, ())}
    return tuple(sorted(found - NEVER))


def _scorable(cell: Any) -> list[dict[str, Any]]:
    """The outputs of a tested cell, without what nbgrader would give full points for, or give up on."""
    outputs = list(cell["outputs"])
    if cell["source"].strip() and cell["execution_count"] is None:
        return [*outputs, error_output("DeadKernelError", "The kernel was lost before this cell had run.")]
    if _promises_too_much(outputs, float(cell["metadata"]["nbgrader"]["points"])):
        return [error_output("ValueError", "The result of this cell is more than its points.")]
    return outputs


def _promises_too_much(outputs: list[dict[str, Any]], points: float) -> bool:
    for output in outputs:
        if output["output_type"] == "execute_result":
            try:
                return float(output["data"]["text/plain"]) > points
            except ValueError:
                return False
    return False
