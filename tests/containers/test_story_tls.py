"""The site with a certificate of its own: browsers verify it, and all that runs in containers goes on."""

from __future__ import annotations

import os
import shutil

import pytest
import requests

from tests.support import story as stories
from tests.support.certificates import Files, browser, make_certificate
from tests.support.story import COURSE, FILES, SENTENCE, Story

pytestmark = pytest.mark.xdist_group("containers")
USER = 1000  # in the containers


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_certificate(tmp_path_factory.mktemp("certificates"), "hub.example.org")


@pytest.fixture(scope="module")
def secured(story: Story, files: Files) -> Story:
    """The story, going on over TLS."""
    for path, name in ((files.certificate, "fullchain.pem"), (files.key, "privkey.pem")):
        target = story.site.folder / "tls" / name
        shutil.copy(path, target)
        target.chmod(0o600)
        os.chown(target, USER, USER)
    stories.end_servers(story.site)
    story.site.compose("up", "--detach", "--no-build", files=(*FILES, "compose.tls.yaml"))
    story.hub = stories.hub_of(story.site, "https")
    stories.wait_for_hub(story, lambda: browser(files))
    stories.log_in(story, lambda: browser(files))
    return story


def test_browsers_verify_the_certificate_and_plain_http_is_refused(secured: Story) -> None:
    cookies = [one for one in secured.people["student1"].session.cookies if one.name.startswith("jupyterhub-")]
    assert cookies and all(one.secure for one in cookies)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{secured.hub.url}/hub/login", timeout=60)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{secured.hub.url.replace('https', 'http')}/hub/login", timeout=60)


def test_a_student_submits_over_it_and_gets_feedback(secured: Story) -> None:
    secured.people["student1"].start_server()
    secured.student("student1", "sh", "-c", f"rm -rf {COURSE}")
    secured.submitted("student1")
    assert SENTENCE in secured.feedback("student1")


def test_the_server_of_the_course_releases_over_it(secured: Story) -> None:
    assert "success" in stories.release(secured)


def test_the_hub_in_its_container_is_healthy(secured: Story) -> None:
    done = secured.engine.run("healthcheck", "run", secured.site.container("hub"))
    assert done.returncode == 0, done.stdout + done.stderr
