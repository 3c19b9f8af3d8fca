"""The images, built once for all of these tests, and a site made of them. `make images` runs these tests."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import containers
from tests.support import story as stories
from tests.support.containers import Engine, Site
from tests.support.story import Story

STORE = Path.home() / ".cache" / "assay" / "images"


def why_not() -> str:
    """Why these tests do not run here, if they do not."""
    if "ASSAY_IMAGES" not in os.environ:
        return "building the images takes half an hour the first time; to have it done: make images"
    if os.geteuid() != 0:
        return "debootstrap and Podman's networks need root"
    if found := containers.missing():
        return f"not installed: {', '.join(found)}"
    return ""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Skips where there is no Podman, or nobody has asked for these tests."""
    if reason := why_not():
        pytest.skip(f"not run: {reason}")
    made = containers.engine(Path(os.environ["ASSAY_IMAGES"] or STORE).absolute())
    containers.make_base(made)
    try:
        yield made
    finally:
        made.run("rm", "--all", "--force", "--time=5")


@pytest.fixture(scope="session")
def images(engine: Engine) -> dict[str, str]:
    """All that run without a GPU, by the name of their Dockerfile."""
    return {name: containers.build(engine, name) for name in containers.IMAGES}


@pytest.fixture(scope="session")
def podman_compose() -> str:
    found = shutil.which("podman-compose", path=f"{sysconfig.get_path('scripts')}:{Path(sys.executable).parent}")
    assert found is not None, "podman-compose is not installed: make images"
    return found


@pytest.fixture(scope="session")
def site(
    engine: Engine, images: dict[str, str], podman_compose: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with stories.site_of(engine, images, podman_compose, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="session")
def story(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """From an empty engine to a submission that is graded; what happens on the way is asserted in the tests."""
    made = stories.begin(site, tmp_path_factory.mktemp("course"))
    made.said["release"] = stories.release(made)
    for name in ("student1", "student2"):
        made.people[name].start_server()
    made.said["list"] = made.student("student1", "nbgrader", "list", "--course", stories.COURSE)
    made.submitted("student1")
    made.said["feedback"] = made.feedback("student1")
    return made
