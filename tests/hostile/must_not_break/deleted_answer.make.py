# One answer cell is deleted.
# deserves: gradient_step=4 descend=3 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["cells"] = [
        c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") != "linear_answer"
    ]
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
