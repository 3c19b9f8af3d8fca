"""When a server is stopped because nobody uses it: each profile has a limit of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterhub_idle_culler", reason="not run: needs the hub extra")

from assay.hub import culling
from assay.settings import Profile, Settings

CPU, LONG, GPU = Profile("cpu"), Profile("long", idle_minutes=240), Profile("gpu-1", idle_minutes=20)


def culler(*profiles: Profile, idle_minutes: int = 60) -> culling.ProfileCuller:
    """As its own command line says."""
    settings = Settings(Path("/server"), profiles=profiles, idle_minutes=idle_minutes)
    assert settings.culls
    found = culling.ProfileCuller()
    found.parse_command_line(culling.command(settings)[4:])
    return found


def idle_after(found: culling.ProfileCuller, options: Any) -> int:
    """Minutes."""
    for minutes in range(1, 1000):
        how = {"inactive": timedelta(minutes=minutes), "inactive_limit": found.timeout}
        if found.cull_arbiter_hook(**how, server={"user_options": options}):
            return minutes
    return 0


@pytest.mark.parametrize(
    ("options", "minutes"),
    [({"profile": "cpu"}, 60), ({}, 60), (None, 60), ({"profile": "long"}, 240), ({"profile": "gpu-1"}, 20)]
    + [({"profile": "gone"}, 60), ({"profile": ["gpu-1"]}, 60)],
)
def test_after_the_minutes_of_its_profile(options: Any, minutes: int) -> None:
    assert idle_after(culler(CPU, LONG, GPU), options) == minutes


def test_all_alike_without_profiles() -> None:
    found = culler(idle_minutes=30)
    assert (idle_after(found, {}), found.cull_every) == (30, 900)


def test_some_never() -> None:
    found = culler(CPU, GPU, idle_minutes=0)
    assert (idle_after(found, {}), idle_after(found, {"profile": "cpu"})) == (0, 0)
    assert idle_after(found, {"profile": "gpu-1"}) == 20
    assert found.cull_every == 600, "often enough for the shortest"
    assert not Settings(Path("/server"), profiles=(CPU,), idle_minutes=0).culls


def test_a_gpu_comes_back_sooner() -> None:
    gpu = Profile("gpu", gpu=True, groups=("course-deep-learning",))
    for site, minutes in ((60, 20), (10, 10), (0, 20)):
        assert idle_after(culler(CPU, gpu, idle_minutes=site), {"profile": "gpu"}) == minutes
    assert idle_after(culler(CPU, Profile("gpu", gpu=True, idle_minutes=90)), {"profile": "gpu"}) == 90


def test_a_server_that_was_never_used_and_never_started() -> None:
    assert not culler(CPU).is_idle(inactive=None, inactive_limit=1, server={})
