# Other notebooks lie beside the right one, one of them broken.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    (folder / "copy of descent.ipynb").write_text("{")
    (folder / "descent-Copy1.ipynb").write_text(json.dumps(notebook))
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
