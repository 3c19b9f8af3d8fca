# A kernel that is a command of the student's choice.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "../../evil", "display_name": "x", "argv": ["/bin/true"], "language": "bash"}
    notebook["metadata"]["language_info"] = {"name": "bash"}
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
