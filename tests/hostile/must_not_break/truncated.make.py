# A notebook whose upload was cut off in the middle.
# deserves: gradient_step=0 descend=0 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    text = json.dumps(notebook)
    (folder / "descent.ipynb").write_text(text[: len(text) // 2])
