"""A course whose own programs look around: in nbgrader_config.py, and where its checks are collected."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.course import Course

SECRET = "PLANTED_SECRET"
# What is got of all that a plan names. It needs nothing but Python, and is text in the course's own files.
SPY = """
def spied(plan):
    import os, pathlib, signal, socket
    def read(path):
        if not (os.listdir(path) if os.path.isdir(path) else pathlib.Path(path).read_bytes()[:40]):
            raise ValueError("empty")
    def seen(_):
        for process in filter(str.isdigit, os.listdir("/proc")):
            for name in ("cmdline", "environ"):
                try:
                    if plan["marker"].encode() in pathlib.Path("/proc", process, name).read_bytes():
                        return
                except OSError:
                    pass
        raise ValueError("not seen")
    def signalled(name):
        os.kill(int(pathlib.Path(name).read_text()), 0)
    got = []
    tries = [(read, beyond + path) for path in plan["read"] for beyond in ("", "/proc/1/root")]
    tries += [(seen, "processes"), (signalled, plan["worker"])]
    for attempt, what in [*tries, (lambda port: socket.create_connection(("127.0.0.1", port), 5), plan["port"])]:
        try:
            attempt(what)
            got.append(str(what))
        except Exception:
            pass
    return got
"""
IN_CONFIG = """
import json as _json, os as _os, pathlib as _pathlib, time as _time
_here = _pathlib.Path({root!r})
_found = _here / "found.json"
if not _found.exists() and (_here / "worker").exists():
    _found.write_text(_json.dumps({{"got": spied(_json.loads({plan!r})), "user": _os.getuid()}}))
while (_here / "hold").exists():
    (_here / "held").touch()
    _time.sleep(0.05)
"""
HINT = ', hint="Spied: " + ", ".join(spied(__import__("json").loads({plan!r}))) + "."'


@contextmanager
def spying(home: Path, course: Course, other: Path) -> Iterator[list[str]]:
    """The course looks around; what there is to find outside. The number of its worker goes to `worker` there."""
    (home / "secrets").mkdir(mode=0o700)
    (home / "secrets" / "receipts.pem").write_text(SECRET)
    read = [home / "settings.toml", home / "secrets", home / "secrets" / "receipts.pem", home / "jobs.sqlite"]
    read += [home / "exchange" / "exchange.sqlite", home / "exchange" / "blobs", other / "graders", home]
    paths = [*map(str, read)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        worker, port = str(course.root / "worker"), server.getsockname()[1]
        plan = json.dumps({"read": paths, "marker": SECRET, "worker": worker, "port": port})
        config, checks = course.root / "nbgrader_config.py", course.graders / "scale" / "checks.py"
        config.write_text(config.read_text() + SPY + IN_CONFIG.format(root=str(course.root), plan=plan))
        factor = "points=4, factor=numbers"
        text = checks.read_text().replace(factor, factor + HINT.format(plan=plan))
        checks.write_text(SPY + text)
        yield [*paths, "processes", worker, str(port)]


def outside(course: Course) -> list[str]:
    """What the same program gets that is not shut in."""
    text = (course.root / "nbgrader_config.py").read_text()
    plan = text[text.index("spied(_json.loads(") :].split("loads(")[1].split("))")[0]
    program = f"import json\n{SPY}\nprint(json.dumps(spied(json.loads({plan}))))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found
