# Tags that make executors skip the marker cells, and allow errors.
# deserves: gradient_step=0 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception", "example"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "gradient_step_answer":
            cell["source"] = "def gradient_step(w, g, lr):\n    return w * 0"
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
