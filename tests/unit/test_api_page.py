"""The commands of docs/api.md, run as they stand there against a real server."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.exchange_server import Running, exchange_server, tar, token_of

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BEGIN, INSTRUCTOR, RECEIPT = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
FIRST = "".join(line + "\n" for line in BEGIN.splitlines() if line.startswith(("api=", "me=")))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="not run: curl is not installed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "exchange").mkdir()
    with exchange_server(tmp_path / "exchange") as server:
        yield server


def run(server: Running, folder: Path, who: str, commands: str, attempt: str = "") -> str:
    folder.mkdir(exist_ok=True)
    (folder / "gradient.ipynb").write_text("{}")
    given = {"ASSAY_EXCHANGE_URL": server.url, "JUPYTERHUB_API_TOKEN": token_of(who), "attempt": attempt}
    given["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # -f: an answer that is an error ends the commands
    strict = 'set -euo pipefail\ncurl() { command curl -sSf "$@"; }\n'
    done = subprocess.run(
        ["bash", "-c", strict + commands], cwd=folder, env=os.environ | given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_an_instructor_and_of_a_student(server: Running, tmp_path: Path) -> None:
    run(server, tmp_path / "course", "instructor1", FIRST + INSTRUCTOR)
    seen = server.call("GET", "/courses/deep-learning/assignments/homework1").json()
    assert (seen["late"], seen["attempts"], seen["extension"]["reason"]) == ("refuse", 5, "ill")

    fetching, asking = BEGIN.split('curl -H "$me" "$api/attempts/', 1)
    change = {"due": "2999-01-01T00:00:00Z"}  # the day on the page goes by
    server.call("PATCH", "/courses/deep-learning/assignments/homework1", "instructor1", json=change)
    run(server, tmp_path / "home", "student1", fetching)
    (attempt,) = server.call("GET", "/courses/deep-learning/attempts").json()
    path = f"/attempts/{attempt['id']}/feedback"
    server.call("PUT", path, "instructor1", data=tar({"gradient.html": "well done"}))
    rest = 'curl -H "$me" "$api/attempts/' + asking
    run(server, tmp_path / "home", "student1", FIRST + rest, attempt["id"])
    assert (tmp_path / "home" / "gradient.html").read_text() == "well done"

    said = run(server, tmp_path / "home", "student1", FIRST + RECEIPT, attempt["id"])
    assert "The server signed this receipt" in said
    assert (tmp_path / "home" / "receipt.json").read_text().startswith("{")
    assert (tmp_path / "home" / "key.pem").read_text() == server.call("GET", "/key", None).text
