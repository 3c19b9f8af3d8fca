"""What a process has open that is to be forked for notebooks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LOOK = """
import os, threading
from assay.sandbox.inside.notebook import prepare
assert not prepare(("numpy", "matplotlib"))
for descriptor in os.listdir("/proc/self/fd"):
    try:
        print(os.readlink(f"/proc/self/fd/{descriptor}"))
    except FileNotFoundError:
        pass
print(threading.active_count())
"""


def test_pictures_drawn_ahead_leave_no_file_of_a_font_open_and_no_thread(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOK],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    *files, threads = done.stdout.splitlines()
    assert threads == "1" and not [name for name in files if name.endswith((".ttf", ".otf"))]
