# A notebook that says it is in format 99.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["nbformat"] = 99
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
