# Cells that are a string.
# deserves: gradient_step=0 descend=0 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["cells"] = "none"
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
