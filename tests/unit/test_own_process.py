"""After a restart the Hub ends no program that has by chance the number of a server of before."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")

from assay.hub import own_process, profiles
from assay.hub.spawners import BubblewrapSpawner
from assay.settings import Settings
from tests.support.spawners import Site, new_site

SETTINGS = Settings(Path("/server"))


@pytest.fixture
def process() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running.pid


@pytest.fixture
def site() -> Iterator[Site]:
    with new_site(SETTINGS, BubblewrapSpawner, profiles.configure) as found:
        yield found


def test_a_process_is_no_other(process: int) -> None:
    assert own_process.identity(process) == own_process.identity(process) != own_process.identity(os.getpid())
    assert own_process.identity(2**22 + 1) == ""


def test_a_server_that_runs_on_is_found_again(site: Site, process: int) -> None:
    before = site.spawner("student1")
    before.pid = process
    site.kept(before)
    again = site.restarted().spawner("student1")
    assert again.pid == process and asyncio.run(again.poll()) is None


@pytest.mark.parametrize("of", ["another process", "another start of the machine", "a version that did not keep it"])
def test_another_program_with_its_number_is_none_of_ours(site: Site, process: int, of: str) -> None:
    before = site.spawner("student1")
    before.pid = process
    kept = {
        "another process": own_process.identity(os.getpid()),
        "another start of the machine": f"00000000 {own_process.identity(process).split()[1]}",
        "a version that did not keep it": None,
    }[of]
    before.orm_spawner.state = {**before.get_state(), "process": kept}
    site.database.commit()
    again = site.restarted().spawner("student1")
    assert again.pid == 0 and asyncio.run(again.poll()) == 0
