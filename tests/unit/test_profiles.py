"""Profiles: who is offered what, who gets what whatever the form showed, and whose a GPU is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")

from tornado.web import HTTPError

from assay.errors import CourseError, SandboxError
from assay.hub import gpus, profiles
from assay.hub.enrolment import enrol_everyone
from assay.hub.spawners import BubblewrapSpawner
from assay.settings import CourseSettings, Profile, Settings
from tests.support.spawners import Site, new_site

GPU = ("nbgrader-deep",)
SETTINGS = Settings(
    Path("/server"),
    profiles=(
        Profile("cpu", "Without a GPU", "For <most> work"),
        Profile("large", groups=("formgrade-deep",)),
        Profile("gpu", "With a GPU", "For training", gpu=True, groups=GPU),
    ),
    gpus=("0", "1"),
)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> gpus.Table:
    found = gpus.Table()
    monkeypatch.setattr(gpus, "TABLE", found)
    return found


@pytest.fixture
def site() -> Iterator[Site]:
    with new_site(SETTINGS, BubblewrapSpawner, profiles.configure) as found:
        yield found


def started(spawner: Any, **options: Any) -> Profile:
    spawner.clear_state()  # as the Hub does first
    spawner.user_options = options
    return asyncio.run(spawner.prepared())


def refused(spawner: Any, **options: Any) -> Any:
    with pytest.raises(HTTPError) as caught:
        started(spawner, **options)
    return caught.value


class TestWhoIsOfferedWhat:
    def test_the_groups_decide(self) -> None:
        assert [one.name for one in profiles.offered(SETTINGS, ())] == ["cpu"]
        assert [one.name for one in profiles.offered(SETTINGS, GPU)] == ["cpu", "gpu"]
        assert [one.name for one in profiles.offered(SETTINGS, ("formgrade-deep", "x"))] == ["cpu", "large"]

    def test_there_is_a_form_only_where_there_is_a_choice(self, site: Site) -> None:
        assert asyncio.run(site.spawner("student1").get_options_form()) == ""
        page = asyncio.run(site.spawner("student2", GPU).get_options_form())
        assert 'value="cpu" checked' in page and 'value="gpu"' in page and "large" not in page
        assert "For &lt;most&gt; work" in page and "<most>" not in page

    @pytest.mark.parametrize(("settings", "left"), [(SETTINGS, "cpu"), (replace(SETTINGS, profiles=()), "standard")])
    def test_who_had_what_is_no_longer_theirs_is_asked_again(self, settings: Settings, left: str) -> None:
        """The Hub starts a server with what was asked for the last time where there is no form."""
        with new_site(settings, BubblewrapSpawner, profiles.configure) as site:
            spawner = site.spawner("student1")
            spawner.orm_spawner.user_options = {"profile": "gpu"}
            site.database.commit()
            spawner = site.spawner("student1", new=True)
            page = asyncio.run(spawner.get_options_form())
            assert f'value="{left}" checked' in page
            started(spawner, **spawner.run_options_from_form({"profile": [left]}))
            assert asyncio.run(spawner.get_options_form()) == ""

    def test_what_cannot_be_had_now_cannot_be_chosen(self, site: Site, table: gpus.Table) -> None:
        for number in (2, 3):
            table.take((number, ""), SETTINGS.gpus)
        page = asyncio.run(site.spawner("student1", GPU).get_options_form())
        assert 'value="gpu" disabled' in page and profiles.ALL_TAKEN in page
        assert 'value="cpu" checked' in page

    def test_the_form_is_read(self, site: Site) -> None:
        spawner = site.spawner("student1")
        assert spawner.run_options_from_form({"profile": ["gpu"], "image": ["other"]}) == {"profile": "gpu"}
        assert spawner.run_options_from_form({}) == {}


class TestStarting:
    def test_everyone_can_start_one_where_an_admin_has_deleted_the_group(self, site: Site) -> None:
        deep = CourseSettings("deep", Path("/deep"), everyone=True)
        logic = CourseSettings("logic", Path("/logic"), everyone=True)
        spawner = site.spawner("student1")
        site.spawner("student2", (logic.student_group,))
        enrol_everyone(replace(SETTINGS, courses=(deep, logic)))(spawner)
        assert spawner.groups() == {logic.student_group}

    def test_without_a_choice_it_is_the_first(self, site: Site) -> None:
        for options in ({}, {"profile": ""}, {"profile": None}, {"something": "else"}):
            assert started(site.spawner("student1", GPU), **options).name == "cpu"

    @pytest.mark.parametrize("forged", ["gpu", "large", "standard", "GPU", ["gpu"], {"name": "gpu"}, 7, "%s %(a)d"])
    def test_a_forged_form_is_refused(self, site: Site, forged: Any, table: gpus.Table) -> None:
        error = refused(site.spawner("student1"), profile=forged)
        assert error.status_code == 403
        assert "Choose one of: cpu." in error.jupyterhub_message
        assert table.free(SETTINGS.gpus) == ["0", "1"]

    def test_who_has_left_the_group_has_left_the_gpu(self, site: Site) -> None:
        spawner = site.spawner("student1", GPU)
        assert started(spawner, profile="gpu").gpu
        spawner.clear_state()
        spawner.user.orm_user.groups.clear()
        site.database.commit()
        assert refused(spawner, profile="gpu").status_code == 403

    def test_without_profiles_nothing_can_be_chosen(self) -> None:
        site = Settings(Path("/server"))
        assert profiles.chosen(site, (), {}) == profiles.STANDARD
        with pytest.raises(HTTPError):
            profiles.chosen(site, (), {"profile": "gpu"})


class TestDevices:
    def test_each_server_has_its_own_until_all_are_taken(self, site: Site) -> None:
        first, second, third = (site.spawner(f"student{number}", GPU) for number in (1, 2, 3))
        for spawner in (first, second):
            started(spawner, profile="gpu")
        assert {first.gpu, second.gpu} == {"0", "1"}
        error = refused(third, profile="gpu")
        assert (error.status_code, error.jupyterhub_message) == (503, profiles.ALL_TAKEN)
        assert started(third, profile="cpu").name == "cpu" and third.gpu == ""

    def test_starting_at_once(self, site: Site) -> None:
        """The engine of containers is asked first, which takes a while."""
        spawners = [site.spawner(f"student{number}", GPU) for number in range(8)]

        async def slowly() -> tuple[str, ...]:
            await asyncio.sleep(0)
            return ()

        async def all_together() -> list[Any]:
            for spawner in spawners:
                spawner.user_options, spawner.gpus_in_use = {"profile": "gpu"}, slowly
            return await asyncio.gather(*(one.prepared() for one in spawners), return_exceptions=True)

        found = asyncio.run(all_together())
        assert [type(one) for one in found].count(HTTPError) == 6
        assert sorted(one.gpu for one in spawners if one.gpu) == ["0", "1"]

    def test_it_is_given_back_when_the_server_has_stopped(self, site: Site, table: gpus.Table) -> None:
        spawner = site.spawner("student1", GPU)
        started(spawner, profile="gpu")
        assert spawner.get_state()["gpu"] == "0"
        spawner.clear_state()
        assert "gpu" not in spawner.get_state()
        assert table.free(SETTINGS.gpus) == ["0", "1"]

    def test_it_stays_with_the_server_of_somebody_who_gets_another_name(self, site: Site, table: gpus.Table) -> None:
        renamed = site.spawner("student1", GPU)
        started(renamed, profile="gpu")
        renamed.user.name = "student9"
        site.users["student9"] = site.users.pop("student1")
        later = site.spawner("student1", GPU)  # somebody else, who has the name now
        assert started(later, profile="gpu") and {renamed.gpu, later.gpu} == {"0", "1"}
        renamed.clear_state()
        assert table.free(SETTINGS.gpus) == ["0"]

    def test_it_is_given_back_when_the_server_does_not_start(self, site: Site, table: gpus.Table) -> None:
        """On a machine whose driver knows no such device, as this one without a GPU."""
        spawner = site.spawner("student1", GPU)
        spawner.user_options = {"profile": "gpu"}
        with pytest.raises(SandboxError, match="knows no GPU 0"):
            asyncio.run(spawner.start())
        spawner.clear_state()  # which the Hub does after each failed start
        assert table.free(SETTINGS.gpus) == ["0", "1"]

    def test_it_survives_a_restart_of_the_hub(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        first = site.spawner("student1", GPU)
        started(first, profile="gpu")
        site.kept(first)
        monkeypatch.setattr(gpus, "TABLE", gpus.Table())  # of a new process
        later = site.restarted()
        again = later.spawner("student1", GPU)
        other = later.spawner("student2", GPU)
        assert again.gpu == "0"
        started(other, profile="gpu")
        assert other.gpu == "1"
        again.clear_state()  # as the Hub does where it finds that the server has ended meanwhile
        later.kept(again)
        assert later.restarted().spawner("student1").gpu == ""
        assert gpus.TABLE.free(SETTINGS.gpus) == ["0"]


class TestOnThisMachine:
    def test_only_its_own_device_is_visible(self, site: Site) -> None:
        spawner = site.spawner("student1", GPU)
        spawner.server = None
        assert spawner.get_env()["CUDA_VISIBLE_DEVICES"] == ""
        spawner.gpu_device = gpus.Device("GPU-aaaa", ("/dev/nvidia1",))
        assert spawner.get_env()["CUDA_VISIBLE_DEVICES"] == "GPU-aaaa"
        spawner.settings = replace(SETTINGS, gpus=())
        assert "CUDA_VISIBLE_DEVICES" not in spawner.get_env()

    def test_devices_of_graders_are_not_visible_either(self, site: Site) -> None:
        spawner = site.spawner("student1")
        spawner.server = None
        course = CourseSettings("deep", Path("/course"), gpus=("0",))
        spawner.settings = replace(SETTINGS, gpus=(), profiles=(), courses=(course,))
        assert spawner.get_env()["CUDA_VISIBLE_DEVICES"] == ""

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"gpus": ()}, "gpus names none"),
            ({"profiles": (Profile("cpu", memory="1G"),)}, "only servers in containers"),
            ({"profiles": (Profile("cpu", image="x"),)}, "only servers in containers"),
            ({"profiles": (Profile("cpu", cpus=1.0),)}, "only servers in containers"),
            (
                {"profiles": (), "spawner_options": {"mem_limit": "1G"}},
                r"\[spawner\] sets mem_limit, which only servers",
            ),
        ],
    )
    def test_what_it_cannot_give_is_said_before_the_start(self, changed: dict[str, Any], said: str) -> None:
        with pytest.raises(CourseError, match=said):
            profiles.check(replace(SETTINGS, **changed))
        if "profiles" in changed:
            profiles.check(replace(SETTINGS, spawner="docker", **changed))

    def test_a_device_that_is_not_here_is_said_before_the_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gpus, "DRIVER", tmp_path)
        monkeypatch.setattr(gpus, "DEVICES", tmp_path)
        for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
            (tmp_path / name).symlink_to("/dev/null")
        (tmp_path / "0000:01:00.0").mkdir()
        (tmp_path / "0000:01:00.0" / "information").write_text("GPU UUID: \t GPU-aaaa\nDevice Minor: \t 0\n")
        with pytest.raises(SandboxError, match="knows no GPU 1"):
            profiles.check(SETTINGS)
        profiles.check(replace(SETTINGS, gpus=("0",)))
        profiles.check(replace(SETTINGS, profiles=()))

    def test_a_cluster_is_told_no_devices(self) -> None:
        with pytest.raises(CourseError, match="the cluster knows which GPUs are free"):
            profiles.check(replace(SETTINGS, spawner="kubernetes"))
