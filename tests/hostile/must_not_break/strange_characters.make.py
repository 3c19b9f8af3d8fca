# Null characters, lone surrogates and direction marks in every text.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "x = '\u202e\u0000\ud800'", "outputs": []})
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "\u202e\u0000\ud800"})
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
