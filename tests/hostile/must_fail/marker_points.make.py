# Marker cells that say they are worth 999 points, and that they are passed already.
# deserves: gradient_step=0 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade"):
            mark["points"] = 999
            cell["source"] = "999.0"
        if mark.get("grade_id") == "gradient_step_answer":
            cell["source"] = "def gradient_step(w, g, lr):\n    return w * 0"
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
