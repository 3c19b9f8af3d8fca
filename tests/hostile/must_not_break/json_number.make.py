# JSON, but a number with more digits than Python reads.
# deserves: gradient_step=0 descend=0 linear=0

from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    (folder / "descent.ipynb").write_text("9" * 100_000)
