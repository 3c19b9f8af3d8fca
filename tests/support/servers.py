"""What tests of people's servers share: state to be kept secret, an ordinary user, attempts to break out."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from assay.hub import own_port
from tests.support.small_hub import REPOSITORY, SmallHub

NOBODY = 65534
OPENED = """
set -e
stage=$(mktemp -d)
mount --bind "$1" "$stage"
mount -t tmpfs -o mode=0755 none "$2"
mkdir -p "$1"
mount --bind "$stage" "$1"
umount "$stage"
rmdir "$stage"
shift 2
exec "$@"
"""
BREAK_OUT = (REPOSITORY / "tests" / "support" / "break_out.py").read_text()


def plant_state(home: Path, settings: str) -> None:
    """A server's folder with something of everything that must stay secret."""
    for folder in ("secrets", "exchange/blobs", "hub"):
        (home / folder).mkdir(parents=True)
    (home / "settings.toml").write_text(settings)
    (home / "secrets" / "receipts.pem").write_text("key")
    for database in ("exchange/exchange.sqlite", "jobs.sqlite"):
        sqlite3.connect(home / database).execute("create table planted (x)").connection.close()


def attempts_in(hub: SmallHub, server: str, plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What breaking out came to in a terminal and in a kernel of a server."""
    hub.put(server, "break_out.py", BREAK_OUT)
    hub.put(server, "plan.json", json.dumps(plan))
    found = {"terminal": last_json(hub.in_terminal(server, "python break_out.py"))}
    with hub.kernel(server) as kernel:
        found["kernel"] = last_json(kernel.run("%run break_out.py"))
    return found


def python_for_others() -> list[str]:
    """Words before a command to which it looks as if any user could start this Python. They become that command."""
    prefix = Path(sys.base_prefix).resolve()
    closed = [parent for parent in reversed(prefix.parents) if not parent.stat().st_mode & 0o001]
    if not closed:
        return []
    return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", OPENED, "sh", str(prefix), str(closed[0])]


def as_ordinary_user() -> list[str]:
    """Words before a command that make it an ordinary user's, who can read Python and this repository."""
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [*python_for_others(), "setpriv", *user, "--inh-caps=-all", "--bounding-set=-all", "--"]


def last_json(said: str) -> dict[str, Any]:
    lines = [line for line in said.splitlines() if line.startswith("{")]
    assert lines, said
    return dict(json.loads(lines[-1]))


def got(found: dict[str, str]) -> set[str]:
    return {name for name, said in found.items() if said.startswith("got")}


def ports_of(process: int) -> set[int]:
    """Ports of TCP at which a process or one that it started listens."""
    own = own_port.sockets_of(process)
    lines = [line.split() for table in own_port.TABLES for line in Path(table).read_text().splitlines()[1:]]
    return {int(words[1].rpartition(":")[2], 16) for words in lines if words[3] == own_port.LISTEN and words[9] in own}
