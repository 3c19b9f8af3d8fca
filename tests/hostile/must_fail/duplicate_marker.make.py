# Twins of a marker cell, one with a score in it.
# deserves: gradient_step=0 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    marker = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "gradient_step")
    answer = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "gradient_step_answer")
    answer["source"] = "def gradient_step(w, g, lr):\n    return w * 0"
    for position in (0, len(notebook["cells"])):
        twin = json.loads(json.dumps(marker))
        twin["source"] = "10.0"
        twin["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "10.0"}, "metadata": {}, "execution_count": 1}]
        notebook["cells"].insert(position, twin)
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
