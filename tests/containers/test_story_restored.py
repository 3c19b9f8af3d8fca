"""A backup and its restoration, with the very steps of docs/operators.md: nothing that anybody had is gone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import story as stories
from tests.support.containers import ROOT, Site
from tests.support.story import ASSIGNMENT, COURSE, SENTENCE, Story

pytestmark = pytest.mark.xdist_group("containers")

DOCKER = """\
#!/bin/sh
[ "$1" = compose ] || exec {podman} "$@"
shift
exec {compose} --in-pod false --file compose.yaml --file compose.override.yaml "$@"
"""
SUDO = '#!/bin/sh\nexec "$@"\n'  # the tests are root
KEY = "/services/exchange/api/v1/key"


@dataclass(frozen=True)
class Restored:
    """What is the same as before, and the folder of the site that is gone."""

    story: Story
    key: str  # public, of the receipts
    gone: Path


def steps() -> tuple[str, str]:
    """Of a backup, and of its restoration."""
    _, _, text = (ROOT / "docs" / "operators.md").read_text().partition("\n**Backup and restore.** In `docker/`")
    backup, restore = re.findall(r"^```\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)[:2]
    assert "pg_dump" in backup and "pg_restore" in restore
    return backup, restore


def take(script: str, site: Site, programs: Path) -> None:
    """Steps, in the folder of a site, with Podman in place of Docker."""
    programs.mkdir(exist_ok=True)
    docker = DOCKER.format(podman=site.engine.program, compose=site.program)
    for name, text in (("docker", docker), ("sudo", SUDO)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    path = f"{programs}:{site.engine.program.parent}:{os.environ['PATH']}"
    words = ["bash", "-euxo", "pipefail", "-c", script]
    done = subprocess.run(words, cwd=site.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-8000:]}"


@pytest.fixture(scope="module")
def restored(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    programs, folder, site = tmp_path_factory.mktemp("bin"), tmp_path_factory.mktemp("restored"), story.site
    key = story.people["student1"].get(KEY).text
    story.student("student2", "sh", "-c", "echo kept > own.txt")
    backup, restore = steps()
    take(backup, site, programs)
    stories.wait_for_hub(story)  # it goes on after its backup
    stories.end(site)
    assert site.engine.said("volume", "ls", "--quiet") == "" == site.engine.said("ps", "--all", "--quiet")
    for path in (*site.folder.glob("compose*.yaml"), site.folder / "secrets.sh"):
        shutil.copy2(path, folder)
    (site.folder / "backup").rename(folder / "backup")
    story.site = Site(site.engine, folder, site.program)
    take(restore, story.site, programs)
    story.hub = stories.hub_of(story.site)
    stories.wait_for_hub(story)
    return Restored(story, key, site.folder)


def test_nobody_else_can_read_a_backup(restored: Restored) -> None:
    assert (restored.story.site.folder / "backup").stat().st_mode & 0o777 == 0o700


def test_who_was_logged_in_still_is_and_passwords_are_those_of_before(restored: Restored) -> None:
    student = restored.story.people["student1"]
    assert student.get("/hub/api/user").json()["name"] == "student1"
    stories.log_in(restored.story)


def test_receipts_of_before_can_be_verified(restored: Restored) -> None:
    assert "PUBLIC KEY" in restored.key
    assert restored.story.people["student1"].get(KEY).text == restored.key


def test_a_student_finds_the_own_files_and_fetches_the_feedback_of_before(restored: Restored) -> None:
    story = restored.story
    story.people["student1"].start_server()
    story.student("student1", "grep", "-q", "r = m \\* x + b - y", f"{COURSE}/{ASSIGNMENT}/{ASSIGNMENT}.ipynb")
    story.student("student1", "rm", "-r", f"{COURSE}/{ASSIGNMENT}/feedback")
    assert SENTENCE in story.feedback("student1")


def test_what_is_submitted_now_is_graded(restored: Restored) -> None:
    story = restored.story
    story.people["student2"].start_server()
    assert story.student("student2", "cat", "own.txt") == "kept\n"
    story.submitted("student2")
    assert SENTENCE in story.feedback("student2")


def test_the_instructor_sees_both_submissions(restored: Restored) -> None:
    instructor = restored.story.people["instructor1"]
    instructor.visit(f"/services/{COURSE}/formgrader/manage_submissions/{ASSIGNMENT}").raise_for_status()
    listed = instructor.get(f"/services/{COURSE}/formgrader/api/submissions/{ASSIGNMENT}").json()
    assert {one["student"] for one in listed if one["autograded"]} == {"student1", "student2"}
