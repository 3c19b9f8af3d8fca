# A twin of an answer cell, with the wrong answer, follows the right one.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    answer = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "gradient_step_answer")
    twin = json.loads(json.dumps(answer))
    twin["source"] = "helper = 1"
    notebook["cells"].append(twin)
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
