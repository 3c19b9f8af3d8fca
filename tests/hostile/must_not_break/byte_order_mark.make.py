# A notebook that an editor saved with a byte order mark.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    (folder / "descent.ipynb").write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook).encode())
