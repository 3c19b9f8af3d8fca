"""Which files of which distributions a sandbox shows."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from assay.errors import SandboxError
from assay.sandbox import libraries
from assay.sandbox.libraries import closure, importable, mentioned, normalised, places, view_of


def installed(
    folder: Path, name: str, files: dict[str, str], *, requires: tuple[str, ...] = (), record: bool = True
) -> None:
    """Write a distribution as pip would have installed it."""
    metadata = folder / f"{name}-1.0.dist-info"
    needed = "".join(f"Requires-Dist: {text}\n" for text in requires)
    files = {**files, f"{metadata.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}"}
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if record:
        (metadata / "RECORD").write_text("".join(f'"{place}",,\n' for place in files) + "../../bin/tool,,\n/etc/x,,\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def of(site: Path, name: str) -> Distribution:
    return Distribution.at(site / f"{name}-1.0.dist-info")


def test_numpy_alone_shows_nothing_else() -> None:
    view = view_of(("numpy",))
    assert view.distributions == ("numpy",)
    places = {place.split("-")[0] for place, _ in view.entries}
    assert places <= {"numpy", "numpy.libs"}
    assert view.modules == ("numpy",)
    assert all(lies.exists() for _, lies in view.entries)


def test_what_a_library_requires_is_shown_too() -> None:
    view = view_of(("matplotlib",))
    assert {"pillow", "kiwisolver", "python-dateutil"} <= set(view.distributions)
    shown = {place for place, _ in view.entries}
    assert {"PIL", "dateutil"} <= shown
    assert not {"pytest", "hypothesis", "assay", "pip"} & shown


def test_names_are_compared_as_indexes_do(site: Path) -> None:
    assert normalised("Torch_Geometric") == normalised("torch.geometric") == "torch-geometric"
    installed(site, "some_thing", {"some_thing/__init__.py": ""})
    assert "some-thing" in view_of(("Some.Thing",)).distributions


def test_extras_and_markers_are_not_followed(site: Path) -> None:
    installed(
        site, "first", {"first.py": ""}, requires=("second", 'third; extra == "more"', 'fourth; os_name == "none"')
    )
    for name in ("second", "third", "fourth"):
        installed(site, name, {f"{name}.py": ""})
    installed(site, "second", {"second.py": ""}, requires=("first", "never-installed>=1"))
    assert set(closure(["first"])) == {"first", "second"}


def test_a_shared_folder_is_shown_in_parts(site: Path) -> None:
    installed(site, "ours", {"shared/ours/__init__.py": "", "shared/ours/data/x.txt": "", "shared/single.py": ""})
    installed(site, "theirs", {"shared/theirs/__init__.py": ""})
    assert places(of(site, "ours")) == ("ours-1.0.dist-info", "shared/ours", "shared/single.py")


def test_what_lies_outside_or_runs_at_start_is_not_shown(site: Path) -> None:
    installed(
        site, "plain", {"plain.py": "", "plain.pth": "import os", "__pycache__/plain.pyc": "", "plain.libs/a.so": ""}
    )
    assert places(of(site, "plain")) == ("__pycache__/plain.pyc", "plain-1.0.dist-info", "plain.libs", "plain.py")


def test_files_that_are_gone_are_not_shown(site: Path) -> None:
    installed(site, "gone", {"gone/__init__.py": "", "tool.py": ""})
    (site / "tool.py").unlink()
    assert places(of(site, "gone")) == ("gone", "gone-1.0.dist-info")


def test_the_modules_to_load_ahead(site: Path) -> None:
    installed(site, "scikit-like", {"sklike/__init__.py": "", "_private/__init__.py": "", "single.so": ""})
    installed(site, "main-one", {"main_one/__init__.py": "", "helper/__init__.py": ""})
    assert importable(of(site, "scikit-like")) == ("single", "sklike")
    assert importable(of(site, "main-one")) == ("main_one",)
    assert importable(distribution("numpy")) == ("numpy",)


def test_a_place_within_another_is_shown_once(site: Path) -> None:
    installed(site, "outer", {"both/__init__.py": ""}, requires=("inner",))
    installed(site, "inner", {"both/inner/__init__.py": ""})
    libraries.view_of.cache_clear()
    assert [place for place, _ in view_of(("outer",)).entries if place.startswith("both")] == ["both"]


def test_a_library_that_is_not_installed_is_named() -> None:
    with pytest.raises(SandboxError, match="no-such-library is not installed.*pip install no-such-library"):
        view_of(("no-such-library",))


def test_a_library_without_a_list_of_its_files_is_named(site: Path) -> None:
    installed(site, "unlisted", {"unlisted.py": ""}, record=False)
    with pytest.raises(SandboxError, match="unlisted was installed without a list of its files"):
        view_of(("unlisted",))


def test_only_libraries_that_a_text_names_are_loaded_ahead() -> None:
    assert mentioned(("numpy", "networkx"), "import numpy as np\nnumpylike = 1") == ("numpy",)
    assert mentioned(("networkx",), "networkxx = 1") == ()
