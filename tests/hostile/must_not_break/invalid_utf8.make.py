# Bytes that are no UTF-8 in the middle of a notebook.
# deserves: gradient_step=0 descend=0 linear=0

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    data = json.dumps(notebook).encode()
    (folder / "descent.ipynb").write_bytes(data[:200] + b"\xff\xfe\x80" + data[200:])
