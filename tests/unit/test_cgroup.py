"""Control groups of either version, on folders that look like them, and on the real ones where there are any.

And what is swept up of graders that crashed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.sandbox.isolation import cgroup, scratch
from assay.sandbox.isolation.cgroup import Group, Place, find_place, make_group, sweep, works
from assay.sandbox.limits import MiB


def test_the_second_version_takes_the_nearest_folder_that_hands_on_both(tmp_path: Path) -> None:
    own = tmp_path / "system.slice" / "grader.service"
    own.mkdir(parents=True)
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "system.slice" / "cgroup.subtree_control").write_text("memory pids\n")
    (own / "cgroup.subtree_control").write_text("\n")
    mounts = f"proc /proc proc rw 0 0\ncgroup2 {tmp_path} cgroup2 rw,nosuid 0 0\n"
    place = find_place(mounts, "0::/system.slice/grader.service\n")
    assert place == Place(2, (tmp_path / "system.slice",))


def test_the_second_version_needs_both_controllers(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory\n")
    assert find_place(f"cgroup2 {tmp_path} cgroup2 rw 0 0\n", "0::/\n") is None


def test_the_first_version_takes_our_own_group_of_each_controller(tmp_path: Path) -> None:
    for folder in ("memory/jobs/one", "pids"):
        (tmp_path / folder).mkdir(parents=True)
    mounts = f"cgroup {tmp_path}/memory cgroup rw,memory 0 0\ncgroup {tmp_path}/pids cgroup rw,pids 0 0\n"
    own = "8:pids:/\n4:memory:/jobs/one\n0::/\n"
    assert find_place(mounts, own) == Place(1, (tmp_path / "memory/jobs/one", tmp_path / "pids"))


def test_in_a_container_the_mount_itself_is_our_group(tmp_path: Path) -> None:
    for folder in ("memory", "pids"):
        (tmp_path / folder).mkdir()
    mounts = f"cgroup {tmp_path}/memory cgroup rw,memory 0 0\ncgroup {tmp_path}/pids cgroup rw,pids 0 0\n"
    own = "8:pids:/docker/abc\n4:memory:/docker/abc\n"
    assert find_place(mounts, own) == Place(1, (tmp_path / "memory", tmp_path / "pids"))


def test_nothing_is_found_where_nothing_is_mounted() -> None:
    assert find_place("proc /proc proc rw 0 0\n", "0::/\n") is None
    assert make_group(None, memory=MiB, processes=1) is None
    assert not works(None)


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert make_group(Place(2, (tmp_path / "missing",)), memory=MiB, processes=1) is None
    assert not works(Place(2, (tmp_path / "missing",)))


def test_the_second_version_is_asked_about_memory(tmp_path: Path) -> None:
    group = Group(2, (tmp_path,))
    assert group.entrances == (tmp_path / "cgroup.procs",)
    assert not group.ran_out_of_memory()
    (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    (tmp_path / "memory.peak").write_text("4096\n")
    assert group.ran_out_of_memory()
    assert group.peak_memory() == 4096


def test_the_second_version_is_killed_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "assay-1-x"
    folder.mkdir()
    (folder / "cgroup.kill").write_text("")
    Group(2, (folder,))._kill()
    assert (folder / "cgroup.kill").read_text() == "1"


def test_a_real_group_has_its_caps_and_is_removed() -> None:
    place = find_place()
    if not works(place):
        pytest.skip("not run: this machine lets nobody make a control group")
    group = make_group(place, memory=64 * MiB, processes=7)
    assert place is not None and group is not None
    try:
        limit = "memory.max" if place.version == 2 else "memory.limit_in_bytes"
        assert (group.folders[0] / limit).read_text().strip() == str(64 * MiB)
        assert (group.folders[-1] / "pids.max").read_text().strip() == "7"
        assert not group.ran_out_of_memory()
    finally:
        group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_groups_of_graders_that_are_gone_are_swept_up(tmp_path: Path) -> None:
    gone, alive = tmp_path / "assay-999999999-a", tmp_path / f"assay-{os.getpid()}-b"
    gone.mkdir()
    alive.mkdir()
    sweep(Place(2, (tmp_path,)))
    assert not gone.exists()
    assert alive.exists()


def test_folders_of_graders_that_are_gone_are_swept_up_by_several_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, alive = tmp_path / f"{scratch.PREFIX}999999999-a", tmp_path / f"{scratch.PREFIX}{os.getpid()}-b"
    gone.mkdir()
    alive.mkdir()
    swept_by_another = tmp_path / f"{scratch.PREFIX}999999998-c"
    monkeypatch.setattr(scratch.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(Path, "glob", lambda *_: iter((swept_by_another, gone, alive)))
    scratch.sweep()
    assert not gone.exists() and alive.exists()


def test_both_controllers_are_capped() -> None:
    assert cgroup.CONTROLLERS == ("memory", "pids")
