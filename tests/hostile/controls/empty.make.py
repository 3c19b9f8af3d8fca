# The released notebook, handed in unchanged.
# deserves: gradient_step=0 descend=0 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "").endswith("_answer"):
            cell["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
