"""Users' servers where namespaces are forbidden: a uid of its own as root, the demo alone as an ordinary user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytest.importorskip("websocket", reason="not run: needs the hub extra")

from assay.hub import own_user
from tests.support.grading import exercise_in
from tests.support.servers import NOBODY, as_ordinary_user, attempts_in, got, plant_state, python_for_others
from tests.support.small_hub import REPOSITORY, small_hub

pytestmark = pytest.mark.xdist_group("servers_without_namespaces")
FORBID = [sys.executable, str(REPOSITORY / "tests" / "support" / "without_namespaces.py")]
FEWER_IDS = [sys.executable, str(REPOSITORY / "tests" / "support" / "fewer_ids.py")]
CHOOSE = """
import sys
from pathlib import Path
from assay.errors import SandboxError
from assay.hub import spawners
from assay.settings import load
try:
    print(*spawners.choose(load(Path(sys.argv[1]), {})), sep="\\n")
except SandboxError as error:
    print("refused", error)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """The folder of a server with a course beside it, which other users can get to."""
    if os.geteuid() != 0:
        pytest.skip("not run: only root can become another user")
    root = Path(tempfile.mkdtemp(prefix="assay-site-"))
    root.chmod(0o755)
    try:
        course = exercise_in(root / "course").course
        course.gradebook.write_bytes(b"gradebook")
        plant_state(root / "server", f'[courses.deep]\nroot = "{course.root}"\n')
        yield root / "server"
    finally:
        shutil.rmtree(root)


def chosen(home: Path, *before: str) -> str:
    """What is chosen by a process that is started by these words."""
    command = [*before, sys.executable, "-c", CHOOSE, str(home)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_with_namespaces_bubblewrap_is_chosen(home: Path) -> None:
    said = chosen(home)
    assert said.splitlines()[0] == "assay.hub.spawners.BubblewrapSpawner"
    assert "sees its own course alone" in said


def test_an_ordinary_user_starts_the_demo_alone_and_is_told(home: Path) -> None:
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(home.parent)], check=True)
    refused = chosen(home, *as_ordinary_user(), *FORBID)
    assert refused.startswith("refused No user's server can be shut in here")
    assert "apt-get install bubblewrap" in refused
    (home / "settings.toml").write_text("demo = true\n" + (home / "settings.toml").read_text())
    said = chosen(home, *as_ordinary_user(), *FORBID)
    assert said.splitlines()[0] == "assay.hub.spawners.OpenSpawner"
    assert "NOT PROTECTED" in said and "hidden checks" in said


def test_root_is_refused_until_secrets_are_closed(home: Path) -> None:
    refused = chosen(home, *python_for_others(), *FORBID)
    assert "chmod -R go-rwx" in refused and str(home.parent / "course" / "graders") in refused
    close(home)
    said = chosen(home, *python_for_others(), *FORBID)
    assert said.splitlines()[0] == "assay.hub.spawners.OwnUserSpawner"
    assert "instructors can read and change everything" in said  # of the course's server, which is not shut in
    (home / "homes").chmod(0o700)
    assert "Let them pass, not look: chmod a+x" in chosen(home, *python_for_others(), *FORBID)


def test_a_container_with_few_ids_is_enough(home: Path) -> None:
    close(home)
    said = chosen(home, *python_for_others(), *FEWER_IDS, *FORBID)
    assert said.splitlines()[0] == "assay.hub.spawners.OwnUserSpawner", said


def close(home: Path) -> None:
    """What the operator is told to do."""
    course = home.parent / "course"
    closed = [*(course / name for name in ("source", "graders", "gradebook.db"))]
    closed += [home / name for name in (*own_user.SECRET_IN_HOME.split(), "hub.log")]
    subprocess.run(["chmod", "-R", "go-rwx", *(str(path) for path in closed if path.exists())], check=True)


def test_a_uid_of_its_own_keeps_files_and_processes_apart(home: Path) -> None:
    close(home)
    course = home.parent / "course"
    with small_hub(home, begin=[*python_for_others(), *FORBID]) as hub:
        servers = {user: hub.start(user) for user in ("student1", "student2")}
        hub.put(servers["student2"], "own.txt", "student2's own")
        other = int(hub.model("student2")["servers"][""]["state"]["pid"])
        own = home / "homes" / "student1"
        secrets = ["graders/tiny/checks.py", "source", "gradebook.db"]
        state = ["settings.toml", "secrets", "hub/cookie_secret", "exchange/exchange.sqlite", "jobs.sqlite"]
        plan = {
            "read": [*(str(course / name) for name in secrets), *(str(home / name) for name in state)]
            + [str(home / "homes" / "student2"), f"/proc/{other}/environ", f"/proc/{hub.process.pid}/environ"]
            + ["/etc/shadow", str(own / "plan.json")],
            "write": [sys.prefix, "/usr/bin", "/etc", str(own)],
            "processes": [other, hub.process.pid],
            "markers": ["PLANTED_SECRET"],
            "urls": [(f"{hub.url}/user/student2/api/contents", True)],
        }
        for found in attempts_in(hub, servers["student1"], plan).values():
            assert got(found["read"]) == {str(own / "plan.json")}
            assert got(found["write"]) == {str(own)}
            assert not got(found["signal"]) and not got(found["trace"])
            assert not found["seen"] and set(found["capabilities"].values()) == {"0" * 16}
            assert list(found["answers"].values()) in ([403], [404])
