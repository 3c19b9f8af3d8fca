"""The compose files as data: what each container is given, and that the examples beside them fit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay.hub import checks, elsewhere
from assay.settings import load

DOCKER = Path(__file__).parents[2] / "docker"
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
FILES = sorted(DOCKER.glob("compose*.yaml"))
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
EXAMPLE = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (DOCKER / ".env.example").read_text(), flags=re.MULTILINE))
SOCKET = "/var/run/docker.sock"


def filled(text: str) -> str:
    """With what the example says."""
    return VARIABLE.sub(lambda found: EXAMPLE[found[1]], text)


def mounts(service: str) -> dict[str, str]:
    """What is mounted where."""
    found = [filled(one).split(":") for one in SERVICES[service].get("volumes", ())]
    return {words[1]: words[0] for words in found}


def overlaid(name: str) -> dict[str, dict[str, Any]]:
    """A file's services; beginning with compose.yaml, environment and secrets are added to."""
    further = yaml.safe_load((DOCKER / name).read_text())["services"]
    for service, one in further.items():
        one["environment"] = {**SERVICES[service].get("environment", {}), **one.get("environment", {})}
        one["secrets"] = [*SERVICES[service].get("secrets", ()), *one.get("secrets", ())]
    return dict(further)


def test_the_example_has_every_variable_and_says_its_default() -> None:
    found = [one for file in FILES for one in VARIABLE.findall(file.read_text())]
    assert set(EXAMPLE) == {name for name, _, _ in found}
    assert {name: default for name, kind, default in found if kind == "-"}.items() <= EXAMPLE.items()
    needed = {name for name, kind, _ in found if kind == "?"}
    set_in_it = set(re.findall(r"^([A-Z_]+)=", (DOCKER / ".env.example").read_text(), flags=re.MULTILINE))
    assert needed == set_in_it


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name: str) -> None:
    one = SERVICES[name]
    assert one["read_only"] is True and one["cap_drop"] == ["ALL"] and one["restart"] == "unless-stopped"
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices", "user"} & set(one)
    assert len(one.get("cap_add", ())) == (5 if name == "postgres" else 0)
    limits = one["deploy"]["resources"]["limits"]
    assert limits["memory"] and limits["pids"]


def test_hidden_checks_secrets_and_the_engine_are_with_those_who_need_them() -> None:
    assert {name for name in SERVICES if "course" in mounts(name).values()} == {"grader", "course"}
    assert {name for name in SERVICES if SOCKET in mounts(name)} == {"hub"}
    secrets = {
        name: {s if isinstance(s, str) else s["source"] for s in one.get("secrets", ())}
        for name, one in SERVICES.items()
    }
    assert secrets == {
        "hub": {"pgpass", "object_store", "course_token"},
        "grader": set(),
        "course": {"course_token"},
        "postgres": {"postgres_password"},
        "objects": {"object_store_keys"},
    }


def test_students_share_a_network_with_the_hub_alone() -> None:
    networks = yaml.safe_load((DOCKER / "compose.yaml").read_text())["networks"]
    joined = {name: set(one.get("networks", ())) for name, one in SERVICES.items()}
    assert {name for name, found in joined.items() if "students" in found} == {"hub"}
    assert networks["backend"]["internal"] is True and networks["courses"]["internal"] is True
    assert SERVICES["grader"]["network_mode"] == "none" and not joined["grader"]
    assert {name for name, one in SERVICES.items() if "ports" in one} == {"hub"}
    assert EXAMPLE["ADDRESS"].startswith("127.0.0.1:"), "without TLS for this host alone"


@pytest.mark.parametrize("name", ["student", "grader"])
def test_jupyter_lies_where_its_extensions_are_looked_for(name: str) -> None:
    """A base's own would be enough for pip, and its terminals would be missing."""
    text = (DOCKER / f"{name}.Dockerfile").read_text()
    (line,) = [line for line in text.splitlines() if "--ignore-installed" in line]
    assert {"jupyterhub", "jupyterlab", "nbgrader"} <= set(line.split())


def test_each_container_is_asked_for_what_it_does() -> None:
    """Grader and course have one image, whose own check is the grader's."""
    grader, course = (" ".join(SERVICES[name]["healthcheck"]["test"]) for name in ("grader", "course"))
    (listening,) = [word for word in SERVICES["grader"]["command"] if word.startswith("--listen=")]
    assert listening.replace("--listen=", "--check=") in grader
    assert "8888" in course and "grader" not in course
    assert ":8333/" in " ".join(SERVICES["objects"]["healthcheck"]["test"])


def test_the_object_store_reserves_no_disk() -> None:
    """Its image says -master.volumePreallocate before what is said here; of two the last counts."""
    assert "-master.volumePreallocate=false" in SERVICES["objects"]["command"]


def test_whoever_has_a_health_check_is_waited_for_until_it_is_well() -> None:
    """The Hub does not start without a database, and the exchange not without its bucket."""
    waits = SERVICES["hub"]["depends_on"]
    assert {name for name, one in waits.items() if one["condition"] == "service_healthy"} == {"postgres", "objects"}
    assert all("healthcheck" in SERVICES[name] for name in waits)


def test_the_example_of_the_settings_fits(tmp_path: Path) -> None:
    shutil.copy(DOCKER / "settings.toml.example", tmp_path / "settings.toml")
    environ = {name: filled(value) for name, value in SERVICES["hub"]["environment"].items()}
    settings = load(tmp_path, environ)
    (course,) = settings.courses
    checks._check_elsewhere(course, settings)
    assert course.name == EXAMPLE["COURSE"]
    (alias,) = SERVICES["course"]["networks"]["courses"]["aliases"]
    assert course.server == f"http://{filled(alias)}:8888"
    shared = mounts("grader")["/run/assay"]
    assert mounts("hub")[str(Path(course.grader).parent)] == shared
    assert (settings.spawner, settings.hub_host) == ("docker", "hub")


def test_with_certificates_the_course_reaches_the_hub_by_the_hubs_own(tmp_path: Path) -> None:
    found = overlaid("compose.tls.yaml")
    hub, course = found["hub"]["environment"], dict(found["course"]["environment"])
    shutil.copy(DOCKER / "settings.toml.example", tmp_path / "settings.toml")
    settings = load(tmp_path, {name: filled(value) for name, value in hub.items()})
    assert settings.bind_url.startswith("https://") and course["ASSAY_EXCHANGE_URL"].startswith("https://hub:")
    folder = {place: host for place, host in mounts("hub").items() if settings.tls_key.startswith(f"{place}/")}
    assert folder == {"/etc/assay/tls": "./tls"}
    assert (
        course[elsewhere.CERTIFICATE_FILE] == "/run/secrets/certificate" and "certificate" in found["course"]["secrets"]
    )
    files = yaml.safe_load((DOCKER / "compose.tls.yaml").read_text())["secrets"]
    assert files["certificate"]["file"] == settings.tls_certificate.replace("/etc/assay/tls", "./tls")


def test_one_device_is_the_graders_and_the_instructors_have_none() -> None:
    """Images made for CUDA ask for all, and get them where Nvidia's runtime is the default one."""
    found = overlaid("compose.gpu.yaml")
    (device,) = found["grader"]["deploy"]["resources"]["reservations"]["devices"]
    assert (filled(device["device_ids"][0]), device["capabilities"]) == ("0", ["gpu"])
    assert filled(found["grader"]["environment"]["ASSAY_GRADING_GPUS"]) == "0"
    assert found["course"]["environment"]["NVIDIA_VISIBLE_DEVICES"] == "void"


def test_every_image_is_labelled_with_what_it_was_built_from() -> None:
    texts = [(DOCKER / "README.md").read_text(), (DOCKER.parent / "docs" / "operators.md").read_text()]
    builds = [line for text in texts for line in text.splitlines() if line.strip().startswith("docker build ")]
    assert len(builds) == 8
    assert [line for line in builds if "--build-arg REVISION=$TAG" not in line] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: gives files to others, which needs root")
def test_a_further_course_has_a_token_of_its_own(tmp_path: Path) -> None:
    shutil.copy(DOCKER / "secrets.sh", tmp_path)
    for names in ((), ("vision_token",), ("vision_token",)):
        subprocess.run(["sh", str(tmp_path / "secrets.sh"), *names], check=True, capture_output=True)
    first, other = (tmp_path / "secrets" / name for name in ("course_token", "vision_token"))
    assert len(other.read_text()) >= 32 and other.read_text() != first.read_text()
    assert (other.stat().st_uid, other.stat().st_mode & 0o777) == (1000, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: gives files to others, which needs root")
def test_secrets_are_made_once_and_each_is_readable_by_one_user(tmp_path: Path) -> None:
    shutil.copy(DOCKER / "secrets.sh", tmp_path)
    contents = []
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "secrets.sh")], check=True, capture_output=True)
        contents.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})
    assert contents[0] == contents[1] and all(contents[0].values())
    declared = yaml.safe_load((DOCKER / "compose.yaml").read_text())["secrets"]
    assert {f"./secrets/{name}" for name in contents[0]} == {one["file"] for one in declared.values()}
    for path in (tmp_path / "secrets").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_uid == (0 if path.name in ("postgres_password", "object_store_keys.json") else 1000)
    assert len(contents[0]["course_token"]) >= 32 and contents[0]["postgres_password"] in contents[0]["pgpass"]
    assert len({contents[0][name] for name in ("course_token", "postgres_password", "object_store")}) == 3
    assert (tmp_path / "tls").stat().st_uid == 1000, "or the Hub could not look for a certificate"
