# A time stamp that is no time, and one far in the future, and another's identity.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    (folder / "timestamp.txt").write_text("9999-99-99 lunch time")
    (folder / "student_id.txt").write_text("control_half_right")
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
