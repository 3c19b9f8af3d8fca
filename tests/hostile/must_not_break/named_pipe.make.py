# A side file is a pipe nobody writes to.
# deserves: gradient_step=4 descend=3 linear=3

import json
import os
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    os.mkfifo(folder / "data.txt")
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
