# Files beside the notebook that Python, pytest and IPython would load by themselves.
# deserves: gradient_step=4 descend=3 linear=3

import json
from pathlib import Path


def build(folder: Path, notebook: dict) -> None:
    for name in ("conftest.py", "sitecustomize.py", "usercustomize.py", "numpy.py", "json.py", "pytest.py", "reference.py"):
        (folder / name).write_text("raise SystemExit('FORGED')")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --collect-only")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-p forged'")
    (folder / ".ipython" / "profile_default" / "startup").mkdir(parents=True)
    (folder / ".ipython" / "profile_default" / "startup" / "00.py").write_text("raise SystemExit('FORGED')")
    (folder / "descent.ipynb").write_text(json.dumps(notebook))
