# Scripts in the written answer, in other Markdown and in attachments.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    script = "<script>window.FORGED = 1</script><img src=x onerror='window.FORGED = 1'>[x](javascript:FORGED)"
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = script
            cell["attachments"] = {"x.svg": {"image/svg+xml": "<svg onload='window.FORGED = 1'></svg>"}}
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
