"""An operator's evening: back up the server while it runs, lose it, restore it elsewhere, and everybody goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")

from assay.exchange import folders
from assay.exchange.client import Client
from tests.support import hub as hubs
from tests.support.hub import ASSIGNMENT, Person, Running

pytestmark = pytest.mark.xdist_group("backup_served")
ASSAY = Path(sys.executable).with_name("assay")


def run(verb: str, file: Path, course: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ASSAY_HOME": str(home), "COLUMNS": "200"}
    command = [str(ASSAY), "--course", str(course), verb, str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def client(hub: Running, person: Person) -> Client:
    return Client(f"{hub.url}/services/exchange", person.token().json()["token"])


def test_a_restored_server_starts_and_nobody_has_lost_anything(tmp_path: Path) -> None:
    course, file = hubs.make_course(tmp_path / "course"), tmp_path / "server.backup"
    with hubs.running(course, tmp_path / "home") as hub:
        passwords = hub.passwords
        student = client(hub, hub.log_in("student1"))
        with folders.packed(course / "release" / ASSIGNMENT, [f"{ASSIGNMENT}.ipynb"]) as parcel:
            attempt = student.submit("course", ASSIGNMENT, parcel.archive)[0].attempt.id
        receipt = student.receipt(attempt)
        hubs.wait_for(lambda: student.attempt(attempt).feedback is not None, "feedback")
        saved = run("backup", file, course, hub.home)
        assert saved.returncode == 0, saved.stderr
        assert f"Wrote {file}: settings, secrets, databases and" in saved.stdout
        again = run("backup", file, course, hub.home)
        assert again.returncode == 2 and "is there already" in again.stderr
    restored = run("restore", file, course, tmp_path / "other")
    assert restored.returncode == 0, restored.stderr
    assert f"Restored {tmp_path / 'other'}, with" in restored.stdout and "assay serve" in restored.stdout
    with hubs.running(course, tmp_path / "other") as hub:
        assert not hub.passwords, "none is new"
        for name, password in passwords.items():
            hub.log_in(name, password)
        student = client(hub, hub.log_in("student1", passwords["student1"]))
        assert [one.attempt.id for one in student.attempts("course")] == [attempt]
        assert student.receipt(attempt) == receipt
        assert student.attempt(attempt).feedback is not None


def test_what_is_no_server_is_not_backed_up(tmp_path: Path) -> None:
    course = hubs.make_course(tmp_path / "course")
    found = run("backup", tmp_path / "file", course, tmp_path / "nothing")
    assert found.returncode == 2 and "is no server's folder" in found.stderr
    (tmp_path / "file").write_text("no backup")
    found = run("restore", tmp_path / "file", course, tmp_path / "nothing")
    assert found.returncode == 2 and "Traceback" not in found.stderr and str(tmp_path / "file") in found.stderr
