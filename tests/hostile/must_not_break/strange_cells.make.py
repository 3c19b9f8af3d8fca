# Cells of every wrong type between the right ones.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["cells"][0:0] = [None, 3, "x", [], {}, {"cell_type": 7}, {"cell_type": "code", "source": 4}]
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
