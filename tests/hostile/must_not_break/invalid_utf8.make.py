# Bytes that are no UTF-8 at the beginning of a notebook, outside the answers, which are read all the same.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    data = json.dumps(notebook).encode()
    (folder / "descent.ipynb").write_bytes(data[:200] + b"\xff\xfe\x80" + data[200:])
