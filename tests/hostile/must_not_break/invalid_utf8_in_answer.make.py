# Bytes that are no UTF-8 in the middle of one answer, which is Python no more.
# deserves: gradient_step=0 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    data = json.dumps(notebook).encode()
    at = data.index(b"def gradient_step(") + len(b"def gradient")
    (folder / "descent.ipynb").write_bytes(data[:at] + b"\xff\xfe\x80" + data[at:])
