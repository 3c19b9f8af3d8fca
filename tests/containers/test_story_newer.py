"""Images under another tag, as docs/operators.md says under Upgrade: what people have and what they do goes on."""

from __future__ import annotations

import pytest

from tests.support import story as stories
from tests.support.containers import IMAGES
from tests.support.hub import wait_for
from tests.support.story import ASSIGNMENT, COURSE, FILES, PATIENCE, SENTENCE, Story

pytestmark = pytest.mark.xdist_group("containers")
NEWER = "newer"


@pytest.fixture(scope="module")
def upgraded(story: Story) -> Story:
    """The story, whose site has gone over to other images while a student's server ran."""
    site = story.site
    for tag, _ in (IMAGES[name] for name in ("hub", "student", "grader")):
        site.engine.said("tag", tag, tag.replace("test", NEWER))
    for name, old, new in ((".env", "TAG=test", f"TAG={NEWER}"), ("settings.toml", "cpu-test", f"cpu-{NEWER}")):
        path = site.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))  # its owner stays
    site.compose("up", "--detach", "--no-build", files=FILES)
    stories.wait_for_hub(story)
    return story


def image_of(story: Story, container: str) -> str:
    return story.engine.said("inspect", "--format={{.ImageName}}", container).strip().rpartition("/")[2]


def test_each_part_runs_from_its_newer_image(upgraded: Story) -> None:
    parts = {name: image_of(upgraded, upgraded.site.container(name)) for name in ("hub", "grader", "course")}
    grader = f"assay-grader:cpu-{NEWER}"
    assert parts == {"hub": f"assay-hub:{NEWER}", "grader": grader, "course": grader}


def test_a_users_server_goes_on_and_has_the_newer_image_when_it_is_started_again(upgraded: Story) -> None:
    student = upgraded.people["student1"]
    assert image_of(upgraded, "assay-student1") == "assay-student:cpu-test"
    assert student.get("/hub/api/users/student1").json()["servers"][""]["ready"]
    student.get("/user/student1/api/status").raise_for_status()
    student.stop_server()
    student.start_server()
    assert image_of(upgraded, "assay-student1") == f"assay-student:cpu-{NEWER}"


def test_what_was_there_is_there_and_what_is_submitted_is_graded(upgraded: Story) -> None:
    upgraded.student("student1", "rm", "-r", f"{COURSE}/{ASSIGNMENT}/feedback")
    assert SENTENCE in upgraded.feedback("student1") and graded(upgraded) == 1
    upgraded.student("student1", "rm", "-r", COURSE)
    upgraded.submitted("student1")
    wait_for(lambda: graded(upgraded) == 2, "the feedback of the second attempt", PATIENCE)


def graded(story: Story) -> int:
    """How many attempts student1 has feedback of."""
    story.feedback("student1")
    return len(story.student("student1", "ls", f"{COURSE}/{ASSIGNMENT}/feedback").splitlines())
