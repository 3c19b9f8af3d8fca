# JSON nested deeper than a parser's stack.
# deserves: gradient_step=0 descend=0 linear=0

from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    (folder / "descent.ipynb").write_text("[" * 200_000 + "]" * 200_000)
