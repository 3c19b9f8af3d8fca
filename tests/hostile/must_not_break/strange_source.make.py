# Sources as lists, and lists of wrong types.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    notebook["cells"].append({"cell_type": "code", "source": ["x = 1", 2, None], "metadata": []})
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
