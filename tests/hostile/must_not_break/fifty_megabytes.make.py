# Right answers under fifty megabytes of output.
# deserves: gradient_step=4 descend=3 linear=3

import json
from itertools import cycle
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for _, cell in zip(range(50), cycle(cells)):
        cell.setdefault("outputs", []).append(output)
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
