# An answer cell is converted to Markdown.
# deserves: gradient_step=4 descend=3 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "linear_answer":
            cell["cell_type"] = "markdown"
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
