# Metadata of an old nbgrader.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader")
        if mark:
            mark["schema_version"] = 1
            mark.pop("cell_type", None)
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
