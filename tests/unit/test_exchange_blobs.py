"""The store of contents: whole or not there, once, and compared with their name when read."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Timer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import ExchangeError, Refusal
from assay.exchange import blobs_s3
from assay.exchange.blobs import Blobs, drop, keep, open_blobs, read, stage, write
from tests.support.object_store import ObjectStore, object_store


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_store(tmp_path_factory.mktemp("served") / "files") as running:
        yield running


@pytest.fixture(params=["folder", "object store"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def address(request: pytest.FixtureRequest, kind: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a place in the object store; nothing for a folder."""
    if kind == "folder":
        return ""
    served: ObjectStore = request.getfixturevalue("served")
    for name, value in served.environ.items():
        monkeypatch.setenv(name, value)
    return served.new_place()


@pytest.fixture
def blobs(address: str, tmp_path: Path) -> Iterator[Blobs]:
    with open_blobs(tmp_path / "blobs", address) as opened:
        yield opened


@pytest.fixture
def names(request: pytest.FixtureRequest, address: str, tmp_path: Path) -> Path:
    """Where contents lie under their names, as files in either case."""
    kept: Path = request.getfixturevalue("served").files(address) if address else tmp_path / "blobs"
    return kept


def files_in(*folders: Path) -> list[Path]:
    return sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()})


def contents(blobs: Blobs, content: bytes) -> bytes:
    return b"".join(read(blobs, sha256(content).hexdigest(), len(content)))


def test_contents_lie_under_their_digest(blobs: Blobs, names: Path) -> None:
    kept = write(blobs, [b"one ", b"two"], 7)
    assert kept.sha256 == sha256(b"one two").hexdigest() and kept.size == 7
    assert files_in(names, blobs.folder) == [names / kept.sha256[:2] / kept.sha256]
    if names == blobs.folder:
        assert files_in(names)[0].stat().st_mode & 0o777 == 0o600
    assert contents(blobs, b"one two") == b"one two"


def damaged(names: Path, digest: str, content: bytes) -> None:
    """Written behind the store's back; the object store of the tests looks anew after 5 ms."""
    (names / digest[:2] / digest).write_bytes(content)
    time.sleep(0.05)


@given(st.lists(st.binary(max_size=50), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_what_is_written_is_read(blobs: Blobs, blocks: list[bytes]) -> None:
    write(blobs, blocks, 250)
    assert contents(blobs, b"".join(blocks)) == b"".join(blocks)


def test_equal_contents_are_kept_once(blobs: Blobs, names: Path) -> None:
    write(blobs, [b"same"], 4)
    write(blobs, [b"sa", b"me"], 4)
    assert len(files_in(names, blobs.folder)) == 1


def test_contents_over_the_cap_leave_nothing_and_are_not_read_on(blobs: Blobs, names: Path) -> None:
    asked = []

    def endless() -> Iterator[bytes]:
        while True:
            asked.append(1)
            yield bytes(10)

    with pytest.raises(Refusal, match="larger than 25 bytes"):
        stage(blobs, endless(), 25)
    assert len(asked) == 3 and files_in(names, blobs.folder) == []


def test_a_source_that_breaks_off_leaves_nothing(blobs: Blobs, names: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage(blobs, broken(), 100)
    assert files_in(names, blobs.folder) == []


def test_a_full_disk_leaves_nothing_and_is_not_the_students_fault(
    blobs: Blobs, names: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExchangeError, match="No space left on device.*not your fault"):
        write(blobs, [b"text"], 4)
    assert files_in(names, blobs.folder) == []


@pytest.mark.parametrize("kind", ["folder"])
def test_only_what_is_on_the_disk_gets_a_name(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append("sync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "sync file")
        fsync(descriptor)

    def named(source: Path, target: Path) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", named)
    write(blobs, [b"text"], 4)
    assert done == ["sync file", "name", "sync folder", "sync folder"]


@pytest.mark.parametrize("damage", [b"", b"tex", b"texts", b"tent", b"x" * 3 * 2**20])
def test_damaged_contents_are_never_given_out_whole(blobs: Blobs, names: Path, damage: bytes) -> None:
    kept = write(blobs, [b"text"], 4)
    damaged(names, kept.sha256, damage)
    with pytest.raises(ExchangeError, match="damaged on the disk"):
        contents(blobs, b"text")
    write(blobs, [b"text"], 4)  # the same once more mends it
    assert contents(blobs, b"text") == b"text"


def test_the_last_block_waits_for_the_digest(blobs: Blobs, names: Path) -> None:
    content = bytes(3 * 2**20)
    kept = write(blobs, [content], len(content))
    damaged(names, kept.sha256, content[:-1] + b"x")
    got = []
    with pytest.raises(ExchangeError, match="damaged"):
        got.extend(read(blobs, kept.sha256, kept.size))
    assert sum(map(len, got)) < len(content)


def test_what_is_missing_is_explained(blobs: Blobs) -> None:
    with pytest.raises(ExchangeError, match="cannot be read"):
        contents(blobs, b"never written")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_digests_are_names(blobs: Blobs, name: str) -> None:
    with pytest.raises(ExchangeError, match="no sha256"):
        next(read(blobs, name, 1))


def test_what_was_dropped_is_gone_and_what_was_kept_stays(blobs: Blobs, names: Path) -> None:
    staged = [stage(blobs, [text], 1) for text in (b"a", b"b")]
    keep(blobs, staged[:1])
    drop(staged)
    assert [path.name for path in files_in(names, blobs.folder)] == [staged[0].sha256]


def test_a_crash_leaves_only_what_the_next_opening_removes(address: str, names: Path, tmp_path: Path) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from assay.exchange.blobs import open_blobs, stage, write
        with open_blobs(Path(sys.argv[1]), sys.argv[2]) as blobs:
            write(blobs, [b"kept"], 4)
            stage(blobs, [b"staged"], 6)
            os._exit(9)
    """
    place = tmp_path / "blobs"
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(place), address], check=False)
    assert ended.returncode == 9 and len(files_in(names, place)) == 2
    with open_blobs(place, address) as blobs:
        assert [path.name for path in files_in(names, place)] == [sha256(b"kept").hexdigest()]
        assert contents(blobs, b"kept") == b"kept"
    assert [*(place / "new").iterdir()] == []


def test_another_opening_leaves_a_living_one_alone(blobs: Blobs, address: str) -> None:
    staged = stage(blobs, [b"text"], 4)
    with open_blobs(blobs.folder, address) as other:
        assert other.new != blobs.new
    keep(blobs, [staged])
    assert contents(blobs, b"text") == b"text"


def test_a_place_that_is_no_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExchangeError, match="cannot hold submissions"), open_blobs(tmp_path / "file"):
        pass


STORE_ONLY = pytest.mark.parametrize("kind", ["object store"])


@STORE_ONLY
def test_what_another_machine_kept_is_read_here(blobs: Blobs, address: str, tmp_path: Path) -> None:
    write(blobs, [b"text"], 4)
    with open_blobs(tmp_path / "another machine", address) as other:
        assert contents(other, b"text") == b"text"


@STORE_ONLY
def test_a_store_that_is_started_again_in_the_middle_loses_nothing(blobs: Blobs, served: ObjectStore) -> None:
    write(blobs, [b"before"], 6)
    staged = stage(blobs, [b"text"], 4)
    served.stop()
    back = Timer(1.0, served.start)
    back.start()
    keep(blobs, [staged])
    back.join()
    assert contents(blobs, b"text") == b"text" and contents(blobs, b"before") == b"before"


@STORE_ONLY
def test_a_store_that_stays_away_is_not_the_students_fault(
    blobs: Blobs, served: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("max_retries", "retry_timeout"):
        monkeypatch.setitem(blobs_s3._AGAIN, name, {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}[name])
    with open_blobs(blobs.folder, served.new_place()) as impatient:
        staged = stage(impatient, [b"text"], 4)
        served.stop()
        try:
            with pytest.raises(ExchangeError, match="not your fault"):
                keep(impatient, [staged])
            with pytest.raises(ExchangeError, match="cannot be read"):
                contents(impatient, b"text")
        finally:
            served.start()
        keep(impatient, [staged])
        assert contents(impatient, b"text") == b"text"


@STORE_ONLY
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("s3://no-such-bucket/x", "Make the bucket"),
        ("http://bucket", "which is no address"),
        ("s3://", "which is no address"),
    ],
)
def test_a_store_that_cannot_be_used_is_explained(address: str, tmp_path: Path, wrong: str, said: str) -> None:
    with pytest.raises(ExchangeError, match=said), open_blobs(tmp_path / "blobs", wrong):
        pass


@STORE_ONLY
def test_wrong_keys_are_explained_and_not_shown(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: ObjectStore
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(ExchangeError, match="cannot hold submissions") as caught, open_blobs(tmp_path, address):
        pass
    assert "another-secret" not in str(caught.value) and served.secret not in str(caught.value)
