# Right answers under fifty megabytes of output.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [output] * (50 // len(notebook["cells"]) + 1)
    notebook["cells"][-1].setdefault("outputs", []).extend([output] * 50)
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
