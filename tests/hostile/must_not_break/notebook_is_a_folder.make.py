# The notebook is a folder.
# deserves: gradient_step=0 descend=0 linear=0

from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    (folder / "descent.ipynb").mkdir()
