"""A student's server in a container: JupyterHub's, with the configuration that this package carries.

python -P -m assay.hub.student_server is the command in every image of students' servers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CONFIGURATION = Path(__file__).parent / "jupyter" / "student"
RUNTIME = "/tmp/.jupyter-runtime"  # short enough for the names of kernels' sockets, and gone with the container
COMMAND = ("-P", "-m", "jupyterhub.singleuser")  # -P: nothing in a person's folder is imported by it


def main() -> None:
    os.environ["JUPYTER_CONFIG_PATH"] = str(CONFIGURATION)
    os.environ["JUPYTER_RUNTIME_DIR"] = RUNTIME
    os.execv(sys.executable, [sys.executable, *COMMAND, *sys.argv[1:]])


if __name__ == "__main__":
    main()
