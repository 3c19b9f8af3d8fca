"""JupyterHub for the staff of this course: JupyterLab and formgrader in the course folder.

Only the users named in ASSAY_STAFF (separated by commas) may log in. Students have no server here: one
that runs beside graders/ without a sandbox of its own could read the hidden checks.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub provides it)
course = Path(__file__).parent.resolve()
staff = {name.strip() for name in os.environ.get("ASSAY_STAFF", "").split(",") if name.strip()}

c.JupyterHub.bind_url = os.environ.get("ASSAY_HUB_URL", "http://127.0.0.1:8000")
c.JupyterHub.db_url = f"sqlite:///{course / '.assay' / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(course / ".assay" / "hub_cookie_secret")
(course / ".assay").mkdir(mode=0o700, exist_ok=True)

c.Authenticator.allowed_users = staff
c.Authenticator.allow_all = False
c.JupyterHub.load_groups = {"formgrade-course": {"users": sorted(staff)}}

c.Spawner.notebook_dir = str(course)
c.Spawner.default_url = "/lab"
