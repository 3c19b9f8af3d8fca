# Answers stand in cells without any metadata; the answer cells are empty.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for cell in list(notebook["cells"]):
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "").endswith("_answer"):
            notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": cell["source"], "outputs": []})
            cell["source"] = ""
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
