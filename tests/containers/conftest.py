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
from tests.support.containers import Engine

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
