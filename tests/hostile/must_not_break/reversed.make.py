# All cells in reverse order.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["cells"].reverse()
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
