# A notebook beyond the 64 MiB that are read of one: refused, and the student told what to clear.
# deserves: gradient_step=0 descend=0 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}
    notebook["cells"][-1].setdefault("outputs", []).extend([output] * 100)
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
