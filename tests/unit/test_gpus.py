"""The table of GPUs: one each, never one for two, and none is lost."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from assay.errors import SandboxError
from assay.hub import gpus

A, B, C = ((1, ""), (2, ""), (3, ""))


def test_each_server_has_one_of_its_own_and_keeps_it() -> None:
    table = gpus.Table()
    assert table.take(A, ["0", "1"]) == "0"
    assert table.take(B, ["0", "1"]) == "1"
    assert table.take(C, ["0", "1"]) is None
    assert table.take(A, ["0", "1"]) == "0"
    assert table.free(["0", "1", "2"]) == ["2"]


def test_what_is_given_back_can_be_taken() -> None:
    table = gpus.Table()
    table.take(A, ["0"])
    table.give_back(B)
    assert table.take(B, ["0"]) is None
    table.give_back(A)
    assert table.take(B, ["0"]) == "0"


def test_what_others_use_is_not_given() -> None:
    table = gpus.Table()
    assert table.take(A, ["0", "1"], besides={"0"}) == "1"
    assert table.take(B, ["0", "1"], besides={"0"}) is None


def test_a_server_that_ran_on_while_the_hub_was_away_keeps_its_own() -> None:
    table = gpus.Table()
    table.hold(B, "0")
    assert table.take(A, ["0", "1"]) == "1"
    assert table.take(B, ["0", "1"]) == "0"


@pytest.mark.parametrize("again", range(5))
def test_many_at_once(again: int) -> None:
    table, together = gpus.Table(), Barrier(32)
    devices = [str(number) for number in range(20)]

    def start(number: int) -> str | None:
        together.wait()
        return table.take((number, ""), devices)

    with ThreadPoolExecutor(32) as pool:
        found = Counter(pool.map(start, range(32)))
    assert found.pop(None) == 12
    assert set(found) == set(devices) and set(found.values()) == {1}


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two devices; the folder with their files, for which one stands in that everybody can open."""
    files = tmp_path / "dev"
    files.mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (files / name).symlink_to("/dev/null")
    monkeypatch.setattr(gpus, "DEVICES", files)
    for number, identity in enumerate(["GPU-aaaa", "GPU-bbbb"]):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "information").write_text(
            f"Model: \t\t NVIDIA H200\nIRQ:   \t\t 10\nGPU UUID: \t {identity}\nDevice Minor: \t {number}\n"
        )
    monkeypatch.setattr(gpus, "DRIVER", tmp_path)
    return files


@pytest.mark.parametrize("name", ["1", "GPU-bbbb"])
def test_of_this_machine_by_number_or_identity(driver: Path, name: str) -> None:
    found = gpus.of_this_machine(name)
    assert found.identity == "GPU-bbbb"
    assert found.files == tuple(f"{driver}/{one}" for one in ("nvidia1", "nvidiactl", "nvidia-uvm"))


def test_a_device_whose_files_cannot_be_used_is_not_lent(driver: Path) -> None:
    """Without it the server would start, and CUDA would not."""
    (driver / "nvidia-uvm").unlink()
    with pytest.raises(SandboxError, match="The GPU 1 cannot be used: .*nvidia-uvm is not there"):
        gpus.of_this_machine("1")


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("name", ["2", "GPU-cccc", ""])
def test_of_another_machine(name: str) -> None:
    with pytest.raises(SandboxError, match="Correct gpus"):
        gpus.of_this_machine(name)
