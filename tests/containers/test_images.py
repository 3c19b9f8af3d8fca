"""Each image on a Debian made by debootstrap: what is in it, and what is not."""

from __future__ import annotations

import json

import pytest

from tests.support import containers
from tests.support.containers import ROOT, Engine

pytestmark = pytest.mark.xdist_group("containers")
OURS = ("hub", "student", "grader")
# Folders of an assignment, what belongs to a checkout, and what a build has got from elsewhere.
LEFT_OVER = r"""
exec 2>/dev/null
find / -xdev -type d -name gradient_descent
find / -xdev \( -name .git -o -name .pytest_cache -o -name gradebook.db \) -not -path '*/nbgrader/tests/*'
find / -xdev -path '*/pip/http*' -name '*.body'
cat /etc/pip.conf
ls -A /var/lib/apt/lists
true
"""


@pytest.fixture(scope="module")
def described(engine: Engine, images: dict[str, str]) -> dict[str, dict]:
    return {name: json.loads(engine.said("inspect", "--type=image", images[name]))[0] for name in OURS}


def said(engine: Engine, image: str, *words: str) -> str:
    """What a command prints in a container that is hardened as in compose.yaml, without a network."""
    hardened = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none", "--tmpfs=/tmp")
    return engine.said("run", "--rm", *hardened, image, *words)


@pytest.mark.parametrize("name", OURS)
def test_it_runs_as_nobody_special_and_says_how_it_is(described: dict[str, dict], name: str) -> None:
    config = described[name]["Config"]
    assert config["User"] == "1000"
    assert config["Labels"]["org.opencontainers.image.title"] == f"assay-{name}"
    assert config["Labels"]["org.opencontainers.image.revision"] == "test"
    assert described[name]["HealthCheck" if "HealthCheck" in described[name] else "Healthcheck"]["Test"][0] == "CMD"
    assert config["Entrypoint"][0] == "tini"


@pytest.mark.parametrize("name", OURS)
def test_it_was_told_nothing_secret(described: dict[str, dict], name: str) -> None:
    words = " ".join(described[name]["Config"]["Env"]).lower()
    assert not [one for one in ("token", "password", "secret", "index", "proxy=") if one in words]
    assert "extra-index" not in json.dumps(described[name]["History"]).replace("${TORCH_INDEX:+--extra-index-url", "")


@pytest.mark.parametrize("name", OURS)
def test_it_carries_no_course_and_no_setup_of_this_machine(engine: Engine, images: dict[str, str], name: str) -> None:
    printed = said(engine, images[name], "bash", "-c", LEFT_OVER)
    assert [line for line in printed.splitlines() if line not in ("partial", "auxfiles", "lock")] == []
    for folder in containers.folders_of_packages():
        assert said(engine, images[name], "bash", "-c", f"ls -A '{folder}' 2>/dev/null; true") == ""


@pytest.mark.parametrize("name", OURS)
def test_the_versions_are_those_that_the_project_is_tested_with(
    engine: Engine, images: dict[str, str], name: str
) -> None:
    pinned = dict(
        line.lower().split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line[:60]
    )
    listed = json.loads(said(engine, images[name], "pip", "list", "--format=json", "--disable-pip-version-check"))
    found = {one["name"].lower().replace("_", "-"): one["version"].partition("+")[0] for one in listed}
    known = {key.replace("_", "-"): version for key, version in pinned.items()}
    others = {key: version for key, version in found.items() if known.get(key) != version}
    assert set(others) <= {"assay", "pip", "setuptools"}


def test_the_hub_has_neither_torch_nor_a_way_to_grade(engine: Engine, images: dict[str, str]) -> None:
    listed = said(engine, images["hub"], "pip", "list", "--disable-pip-version-check")
    assert "jupyterhub" in listed and "dockerspawner" in listed
    assert not [one for one in ("torch", "tensorflow", "nodejs") if f"\n{one}" in listed]
    assert said(engine, images["hub"], "configurable-http-proxy", "--version").startswith("5.")


@pytest.mark.parametrize("name", ["student", "grader"])
def test_both_frameworks_work(engine: Engine, images: dict[str, str], name: str) -> None:
    script = (
        "import torch, torch_geometric, tensorflow, nbgrader, jupyterlab, jupyterhub;"
        "print(float(torch.ones(3).sum()), float(tensorflow.reduce_sum(tensorflow.ones(4))))"
    )
    assert said(engine, images[name], "python3", "-c", script).split()[-2:] == ["3.0", "4.0"]


def test_student_and_grader_share_their_large_layers(described: dict[str, dict]) -> None:
    layers = [described[name]["RootFS"]["Layers"] for name in ("student", "grader")]
    shared = [one for one, other in zip(*layers, strict=False) if one == other]
    assert len(shared) >= len(layers[0]) - 2  # all but the code


def test_nothing_but_the_package_goes_to_the_engine() -> None:
    """The list of what may go, so that no new file at the top of a course is sent along."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {line[1:] for line in rules if line.startswith("!")}
    assert allowed == {"assay", "constraints.txt", "docker/health.py", "pyproject.toml"}
    assert all((ROOT / one).exists() for one in allowed)


def test_what_is_kept_for_one_site_is_not_in_the_repository() -> None:
    ignored = (ROOT / "docker" / ".gitignore").read_text().split()
    assert {"secrets/", "tls/", ".env", "settings.toml"} <= set(ignored)
