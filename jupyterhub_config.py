"""JupyterHub for the courses of this server. `assay serve` reads it; docs/operators.md explains every choice."""

import os
from pathlib import Path

from assay.hub.configure import configure
from assay.settings import load

c = get_config()  # noqa: F821  (JupyterHub provides it)
home = Path(os.environ.get("ASSAY_HOME", Path(__file__).parent / "server"))
configure(c, load(home, os.environ))

# The site's choices go here; they count more than settings.toml. JupyterHub's documentation has them all, for example:
# c.JupyterHub.active_server_limit = 100
# c.JupyterHub.template_vars = {"announcement": "The server is updated on Friday at 18:00."}
