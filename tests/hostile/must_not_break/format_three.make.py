# A notebook in format 3.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["language"] = "python"
        cell.pop("id", None)
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": notebook["cells"], "metadata": {}}]}
    (folder / "descent.ipynb").write_text(json.dumps(old))
