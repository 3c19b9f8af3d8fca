"""The whole story in containers that compose.yaml starts: released, fetched, submitted, graded, and kept apart."""

from __future__ import annotations

import json

import pytest

from tests.support.hub import wait_for
from tests.support.story import ASSIGNMENT, COURSE, FILES, PATIENCE, SENTENCE, Story, wait_for_hub

pytestmark = pytest.mark.xdist_group("containers")

OPEN = r"""
import socket, sys
for place in sys.argv[1:]:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
        print(place)
    except OSError:
        pass
"""


def test_an_instructor_releases_from_the_server_of_the_course(story: Story) -> None:
    assert json.loads(story.said["release"])["success"]
    assert ASSIGNMENT in story.said["list"]


def test_a_student_finds_what_the_hidden_check_found(story: Story) -> None:
    assert "Fetched" in story.said["fetch"] or ASSIGNMENT in story.said["fetch"]
    assert "ubmitted" in story.said["submit"]
    assert SENTENCE in story.said["feedback"]


def test_the_grader_did_it_and_not_the_hub(story: Story) -> None:
    assert "A worker is served" in story.site.log("grader")
    log = story.engine.inside(story.site.container("hub"), "cat", "/srv/assay/hub/hub.log").stdout
    assert "JupyterHub is now running" in log and "is not shut in here" not in log


def test_hidden_checks_are_in_the_course_volume_alone(story: Story) -> None:
    for service in ("grader", "course"):
        assert f"/srv/course/graders/{ASSIGNMENT}/checks.py" in story.found(story.site.container(service), story.marker)
    others = [
        *(story.site.container(one) for one in ("hub", "postgres", "objects")),
        "assay-student1",
        "assay-student2",
    ]
    assert {one: story.found(one, story.marker) for one in others} == {one: [] for one in others}


def test_secrets_are_with_those_who_need_them(story: Story) -> None:
    folder = story.site.folder / "secrets"
    password = (folder / "postgres_password").read_text()
    key = (folder / "object_store").read_text().rpartition("=")[2].strip()
    token = (folder / "course_token").read_text()
    hub, grader, course = (story.site.container(one) for one in ("hub", "grader", "course"))
    for secret, holders in ((password, {hub}), (key, {hub}), (token, {hub, course})):
        for one in (hub, grader, course, "assay-student1"):
            assert bool(story.found(one, secret)) == (one in holders), one
    for one in ("assay-student1", grader):
        environments = story.engine.inside(one, "sh", "-c", "cat /proc/[0-9]*/environ").stdout
        assert not [secret for secret in (password, key, token) if secret in environments]


def test_a_student_reaches_the_hub_and_nothing_behind_it(story: Story) -> None:
    backend, courses = "assay_backend", "assay_courses"
    behind = {
        "postgres": f"{story.address(story.site.container('postgres'), backend)}:5432",
        "objects": f"{story.address(story.site.container('objects'), backend)}:8333",
        "course": f"{story.address(story.site.container('course'), courses)}:8888",
    }
    names = ["postgres:5432", "objects:8333", f"course-{COURSE}:8888"]
    places = [*behind.values(), *names, "hub:8000"]
    assert story.student("student1", "python3", "-c", OPEN, *places).split() == ["hub:8000"]
    done = story.engine.inside(story.site.container("hub"), "python3", "-c", OPEN, *behind.values(), *names)
    assert set(done.stdout.split()) == {*behind.values(), *names}  # they are there


def test_a_student_has_no_rights_and_no_file_of_another(story: Story) -> None:
    story.student("student2", "sh", "-c", "echo of-student2 > private.txt")
    assert story.found("assay-student1", "of-student2") == []
    assert story.found("assay-student2", "of-student2") == ["/home/jovyan/private.txt"]
    status = dict(
        line.split(":\t", 1)
        for line in story.student("student1", "cat", "/proc/self/status").splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["Uid"].split()[0] == "1000"
    assert story.engine.inside("assay-student1", "touch", "/opt/assay/x").returncode != 0
    assert story.engine.inside("assay-student1", "test", "-e", "/var/run/docker.sock").returncode == 1


def test_the_grader_has_no_network_and_no_rights(story: Story) -> None:
    inside = story.engine.inside(story.site.container("grader"), "cat", "/proc/net/dev").stdout
    assert [line.partition(":")[0].strip() for line in inside.splitlines()[2:]] == ["lo"]
    assert story.engine.inside(story.site.container("grader"), "touch", "/opt/assay/x").returncode != 0


def test_database_and_object_store_are_used(story: Story) -> None:
    hub, postgres, objects = (story.site.container(one) for one in ("hub", "postgres", "objects"))
    tables = story.engine.inside(postgres, "psql", "--username=assay", "--tuples-only", "--command=\\dt *.*", "assay")
    assert "| attempt " in tables.stdout, tables.stderr
    kept = story.engine.inside(objects, "sh", "-c", "find /data/assay/blobs -type f | wc -l")
    assert int(kept.stdout) > 0
    assert story.engine.inside(hub, "sh", "-c", "ls -d /srv/assay/exchange/blobs/??").returncode != 0


def test_everything_is_there_after_a_restart(story: Story) -> None:
    running = story.engine.said("inspect", "--format={{.Id}}", "assay-student1")
    story.site.compose("restart", "hub", files=FILES)
    wait_for_hub(story)
    wait_for(
        lambda: story.people["student1"].get("/hub/api/users/student1").json()["servers"][""]["ready"],
        "the server that ran on",
        PATIENCE,
    )
    assert story.engine.said("inspect", "--format={{.Id}}", "assay-student1") == running
    assert story.people["student1"].get("/hub/api/user").json()["name"] == "student1"
    again = story.people["student1"]
    again.stop_server()
    again.start_server()
    assert SENTENCE in story.student("student1", "sh", "-c", f"cat {COURSE}/{ASSIGNMENT}/feedback/*/*.html")
