"""JupyterHub for `assay serve` where the course folder has no jupyterhub_config.py of its own."""

import os
from pathlib import Path

from assay.hub.configure import configure
from assay.settings import load

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (JupyterHub provides it)
configure(c, load(Path(os.environ["ASSAY_HOME"]), os.environ))
