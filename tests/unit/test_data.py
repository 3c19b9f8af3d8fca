"""Loading a data set: from this machine, exactly that set, or an error that helps."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import networkx
import numpy as np
import pytest

import assay.data
from assay.data import load, names, places
from assay.data.dataset import Package
from assay.data.sets import SETS
from assay.errors import DataError
from tests.support.data import FILES, IMAGES, gzipped, toy

DOCS = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing remembered of another."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "cache"))
    monkeypatch.setitem(SETS, "toy", toy())
    assay.data._load.cache_clear()
    return tmp_path / "cache"


def fill(folder: Path, *, packed: str = "", **changed: bytes) -> None:
    folder.mkdir(parents=True)
    files = FILES | {name.replace("_", "-"): content for name, content in changed.items()}
    for name, content in files.items():
        (folder / f"{name}{packed}").write_bytes(gzipped(content) if packed else content)


def refused(name: str = "toy") -> str:
    with pytest.raises(DataError) as told:
        load(name)
    return str(told.value)


def test_five_thousand_digits_are_at_hand_without_a_download(cache: Path) -> None:
    digits = load("mnist_5000")
    assert digits.images.shape == (5000, 28, 28) and digits.images.dtype == np.uint8 and digits.images.max() == 255
    assert digits.labels.dtype == np.int64 and np.bincount(digits.labels).tolist() == [500] * 10
    with pytest.raises(ValueError):
        digits.images[0] = 0
    assert load("mnist_5000") is digits


def test_the_karate_club_is_at_hand_without_a_download(cache: Path) -> None:
    assert load("karate_club").adjacency.sum() == 156


def test_a_set_in_the_cache(cache: Path) -> None:
    fill(cache / "toy")
    assert np.array_equal(load("toy").images, IMAGES)


def test_a_set_in_an_installed_package_that_packs_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "debian"
    fill(folder, packed=".gz")
    monkeypatch.setitem(SETS, "toy", toy(package=Package("Debian", "toys", "1", str(folder), packed=".gz")))
    assert np.array_equal(load("toy").images, IMAGES)


def test_a_package_is_read_without_importing_it(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "toys_for_assay" / "data")
    (tmp_path / "toys_for_assay" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(SETS, "toy", toy(package=Package("PyPI", "toys", "1", "toys_for_assay/data")))
    assert np.array_equal(load("toy").images, IMAGES)


def test_nothing_at_hand_names_the_set_the_places_and_the_command(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETS, "toy", toy(package=Package("PyPI", "toys", "1", "no_such_module/data")))
    told = refused()
    assert "toy (three toys)" in told and "assay data get toy" in told and "pip install toys" in told
    assert f"the cache {cache / 'toy'}: toy-images is not there" in told
    assert "the installed PyPI package toys: not installed" in told


def test_an_unknown_set_is_told_the_known_ones(cache: Path) -> None:
    assert "mnist_5000, mnist, " in refused("mnist5000")


@pytest.mark.parametrize("damaged", [FILES["toy-labels"][:-1] + b"\x01", FILES["toy-labels"] + b"\0", b""])
def test_a_damaged_file_is_no_data_set(cache: Path, damaged: bytes) -> None:
    fill(cache / "toy", toy_labels=damaged)
    assert "toy-labels is not the file it should be" in refused()


def test_a_link_or_a_folder_in_place_of_a_file(cache: Path) -> None:
    fill(cache / "toy")
    (cache / "toy" / "toy-labels").unlink()
    (cache / "toy" / "toy-labels").mkdir()
    assert "toy-labels is not there" in refused()


def test_a_damaged_cache_leaves_the_same_set_of_the_package(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache / "toy", toy_images=b"other pictures")
    fill(tmp_path / "debian")
    monkeypatch.setitem(SETS, "toy", toy(package=Package("Debian", "toys", "1", str(tmp_path / "debian"))))
    assert np.array_equal(load("toy").images, IMAGES)


def test_another_set_never_takes_the_place_of_one(cache: Path) -> None:
    fill(cache / "mnist")
    fill(cache / "toys")
    assert "not on this machine" in refused() and "not on this machine" in refused("mnist")


def test_a_club_that_networkx_has_changed_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = networkx.karate_club_graph()
    changed.remove_edge(0, 1)
    monkeypatch.setattr(networkx, "karate_club_graph", lambda: changed)
    assert "networkx is not the set it should be" in refused("karate_club")


def test_a_set_in_code_whose_package_is_missing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    told = refused("karate_club")
    assert "not installed" in told and "pip install networkx" in told and "assay data get" not in told


OFFLINE = """
import sys

def no_network(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "urllib.")):
        raise SystemExit(f"load used {event}")

sys.addaudithook(no_network)
from assay.data import load
from assay.errors import DataError

load("mnist_5000")
for name in ("mnist", "fashion_mnist", "mutag", "proteins", "enzymes", "cora"):
    try:
        load(name)
    except DataError as error:
        assert name in str(error)
    else:
        raise SystemExit(f"{name} came from nowhere")
load("karate_club")  # last, since networkx may import what it likes
print(*{"mlxtend", "pooch", "requests", "pandas"} & set(sys.modules))
"""


def test_load_uses_no_network_no_program_and_no_heavy_import(tmp_path: Path) -> None:
    environment = {"ASSAY_DATA": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_the_cache_is_the_users_or_what_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert places.cache_folder() == tmp_path / "assay"
    monkeypatch.setenv("ASSAY_DATA", "~/sets")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.cache_folder() == tmp_path / "sets"


def test_every_set_says_all_that_it_should() -> None:
    for name, dataset in SETS.items():
        assert dataset.name == name == name.lower()
        assert all((dataset.title, dataset.holds, dataset.source, dataset.licence, dataset.citation))
        assert dataset.files or (dataset.sha256 and dataset.package), f"{name} cannot be checked"
        for digest in (dataset.sha256, *(file.sha256 for file in dataset.files)):
            assert re.fullmatch("[0-9a-f]{64}|", digest)
        assert dataset.package or dataset.canonical, f"{name} comes from nowhere"
        for download in dataset.canonical:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|", download.checksum)


def test_a_gettable_package_has_a_checksum() -> None:
    for dataset in SETS.values():
        if dataset.package and dataset.files and dataset.package.registry != "Debian":
            assert re.fullmatch("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", dataset.package.checksum), dataset.name


@pytest.mark.parametrize("name", names())
def test_the_page_of_sets_says_what_the_code_says(name: str) -> None:
    dataset = SETS[name]
    package = dataset.package
    carrier = f"{package.registry} `{package.name}` {package.version}" if package else "none known"
    assert f"| `{name}` | {dataset.holds} | {dataset.source} | {carrier} | {dataset.licence} |" in DOCS
    assert f"* `{name}`: {dataset.citation}." in DOCS


def test_the_page_names_no_other_set() -> None:
    table = DOCS.split("## The sets")[1].split("\n\n")[1]
    assert set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == set(names())


def test_the_example_of_the_page_runs(cache: Path) -> None:
    exec(DOCS.split("```python\n")[1].split("```")[0], {})


def test_no_registry_host_stands_in_the_code() -> None:
    for path in Path(assay.data.__file__).parent.glob("*.py"):
        assert not re.search(r"npmjs|pypi\.org|pythonhosted|deb\.debian", path.read_text()), path


def test_two_sets_of_the_same_place_do_not_share_what_is_remembered(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache / "toy")
    first = load("toy")
    monkeypatch.setitem(SETS, "toy", replace(toy(), title="others"))
    assert load("toy") is not first
