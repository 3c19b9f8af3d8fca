# The notebook itself is a pipe nobody writes to.
# deserves: gradient_step=0 descend=0 linear=0

import os
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    os.mkfifo(folder / "descent.ipynb")
