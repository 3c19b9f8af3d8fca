"""The store of contents: whole or not there, once, and compared with their name when read."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import ExchangeError, Refusal
from assay.exchange import blobs as module
from assay.exchange.blobs import Blobs, drop, keep, open_blobs, read, stage, write


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    with open_blobs(tmp_path / "blobs") as opened:
        yield opened


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents(blobs: Blobs, content: bytes) -> bytes:
    return b"".join(read(blobs, sha256(content).hexdigest(), len(content)))


def test_contents_lie_under_their_digest(blobs: Blobs) -> None:
    kept = write(blobs, [b"one ", b"two"], 7)
    assert kept.sha256 == sha256(b"one two").hexdigest() and kept.size == 7
    assert files_in(blobs.folder) == [blobs.folder / kept.sha256[:2] / kept.sha256]
    assert files_in(blobs.folder)[0].stat().st_mode & 0o777 == 0o600
    assert contents(blobs, b"one two") == b"one two"


@given(st.lists(st.binary(max_size=50), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_what_is_written_is_read(blobs: Blobs, blocks: list[bytes]) -> None:
    write(blobs, blocks, 250)
    assert contents(blobs, b"".join(blocks)) == b"".join(blocks)


def test_equal_contents_are_kept_once(blobs: Blobs) -> None:
    write(blobs, [b"same"], 4)
    write(blobs, [b"sa", b"me"], 4)
    assert len(files_in(blobs.folder)) == 1


def test_contents_over_the_cap_leave_nothing_and_are_not_read_on(blobs: Blobs) -> None:
    asked = []

    def endless() -> Iterator[bytes]:
        while True:
            asked.append(1)
            yield bytes(10)

    with pytest.raises(Refusal, match="larger than 25 bytes"):
        stage(blobs, endless(), 25)
    assert len(asked) == 3 and files_in(blobs.folder) == []


def test_a_source_that_breaks_off_leaves_nothing(blobs: Blobs) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage(blobs, broken(), 100)
    assert files_in(blobs.folder) == []


def test_a_full_disk_leaves_nothing_and_is_not_the_students_fault(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(ExchangeError, match="No space left on device.*not your fault"):
        write(blobs, [b"text"], 4)
    assert files_in(blobs.folder) == []


def test_only_what_is_on_the_disk_gets_a_name(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append("sync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "sync file")
        fsync(descriptor)

    def named(source: Path, target: Path) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(module.os, "fsync", synced)
    monkeypatch.setattr(module.os, "replace", named)
    write(blobs, [b"text"], 4)
    assert done == ["sync file", "name", "sync folder", "sync folder"]


@pytest.mark.parametrize("damage", [b"", b"tex", b"texts", b"tent", b"x" * 3 * 2**20])
def test_damaged_contents_are_never_given_out_whole(blobs: Blobs, damage: bytes) -> None:
    kept = write(blobs, [b"text"], 4)
    (blobs.folder / kept.sha256[:2] / kept.sha256).write_bytes(damage)
    with pytest.raises(ExchangeError, match="damaged on the disk"):
        contents(blobs, b"text")
    write(blobs, [b"text"], 4)  # the same once more mends it
    assert contents(blobs, b"text") == b"text"


def test_the_last_block_waits_for_the_digest(blobs: Blobs) -> None:
    content = bytes(3 * 2**20)
    kept = write(blobs, [content], len(content))
    (blobs.folder / kept.sha256[:2] / kept.sha256).write_bytes(content[:-1] + b"x")
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


def test_what_was_dropped_is_gone_and_what_was_kept_stays(blobs: Blobs) -> None:
    staged = [stage(blobs, [text], 1) for text in (b"a", b"b")]
    keep(blobs, staged[:1])
    drop(staged)
    assert [path.name for path in files_in(blobs.folder)] == [staged[0].sha256]


def test_a_crash_leaves_only_what_the_next_opening_removes(tmp_path: Path) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from assay.exchange.blobs import open_blobs, stage, write
        with open_blobs(Path(sys.argv[1])) as blobs:
            write(blobs, [b"kept"], 4)
            stage(blobs, [b"staged"], 6)
            os._exit(9)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=False)
    assert ended.returncode == 9 and len(files_in(tmp_path)) == 2
    with open_blobs(tmp_path) as blobs:
        assert [path.name for path in files_in(tmp_path)] == [sha256(b"kept").hexdigest()]
        assert contents(blobs, b"kept") == b"kept"
    assert [*(tmp_path / "new").iterdir()] == []


def test_another_opening_leaves_a_living_one_alone(blobs: Blobs) -> None:
    staged = stage(blobs, [b"text"], 4)
    with open_blobs(blobs.folder) as other:
        assert other.new != blobs.new
    keep(blobs, [staged])
    assert contents(blobs, b"text") == b"text"


def test_a_place_that_is_no_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExchangeError, match="cannot hold submissions"), open_blobs(tmp_path / "file"):
        pass
