"""Uploads: what one of ours holds arrives as it was; anything else is refused and leaves nothing."""

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import ExchangeError, Refusal
from assay.exchange.blobs import Blobs, open_blobs, read
from assay.exchange.manifest import File, Manifest, canonical, checked_name, digest_of, read_manifest
from assay.exchange.tar import Caps, packed, received

ROOMY = Caps()
SMALL = Caps(one_file=1000, all_files=1500, files=3, path=120, depth=2)
with_blobs = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    with open_blobs(tmp_path / "blobs") as opened:
        yield opened


def manifest_of(files: dict[str, bytes]) -> Manifest:
    return tuple(sorted(File(path, sha256(content).hexdigest(), len(content)) for path, content in files.items()))


def ours(files: dict[str, bytes]) -> bytes:
    return b"".join(packed(manifest_of(files), lambda file: [files[file.path]]))


def theirs(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT, **fields: object) -> bytes:
    """An archive by Python's own writer."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def arrived(content: bytes, blobs: Blobs, caps: Caps = ROOMY) -> dict[str, bytes]:
    with received(io.BytesIO(content), blobs, caps) as upload:
        upload.keep()
        manifest = upload.manifest
    return {file.path: b"".join(read(blobs, file.sha256, file.size)) for file in manifest}


def stored(blobs: Blobs) -> list[Path]:
    return [path for path in blobs.folder.rglob("*") if path.is_file()]


def refused(content: bytes, blobs: Blobs, caps: Caps = SMALL) -> str:
    with pytest.raises(Refusal) as refusal, received(io.BytesIO(content), blobs, caps):
        raise AssertionError("accepted")
    assert stored(blobs) == []
    return refusal.value.code


names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/\\:."), min_size=1)
uploads = st.dictionaries(
    names.map(lambda name: name[:20] + ".ipynb"), st.binary(max_size=2000), min_size=1, max_size=4
)


@given(uploads)
@with_blobs
def test_a_folder_arrives_as_it_was_sent(blobs: Blobs, files: dict[str, bytes]) -> None:
    try:
        assert arrived(ours(files), blobs) == files
    except Refusal as refusal:  # two spellings of one name
        assert "are called" in str(refusal)


@given(uploads)
@settings(deadline=None)
def test_an_archive_is_a_function_of_its_files(files: dict[str, bytes]) -> None:
    assert ours(files) == ours(dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(ours(files))) as archive:  # others read it too
        assert {member.name: archive.extractfile(member).read() for member in archive} == files  # type: ignore[union-attr]


@given(st.data())
@with_blobs
def test_a_damaged_upload_leaves_nothing_or_is_another_upload(blobs: Blobs, data: st.DataObject) -> None:
    whole = ours({"homework.ipynb": b"{}" * 300, "dätä/values.csv": b"1,2\n"})
    place = data.draw(st.integers(0, len(whole)))
    change = data.draw(st.binary(max_size=600))
    damaged = whole[:place] + change + whole[place + data.draw(st.sampled_from([0, len(change), 512])) :]
    with suppress(Refusal), received(io.BytesIO(damaged), blobs, SMALL) as upload:
        assert {path for path, _ in upload.staged} and all(one.place.exists() for _, one in upload.staged)
    assert stored(blobs) == []


@given(st.binary(max_size=3000))
@with_blobs
def test_noise_is_refused(blobs: Blobs, noise: bytes) -> None:
    assert refused(noise, blobs) in ("damaged_upload", "empty_upload")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("path", ["homework.ipynb", "größe.csv", "a/" * 8 + "x" * 90, "é" * 49])
def test_archives_of_common_programs_arrive(blobs: Blobs, form: int, path: str) -> None:
    content = theirs((path, b"1"), form=form, mtime=1.5 if form == tarfile.PAX_FORMAT else 1, uname="student1")
    assert arrived(content, blobs) == {path: b"1"}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_arrive(blobs: Blobs, form: int) -> None:
    assert arrived(theirs(("ü" * 119, b"1"), form=form), blobs) == {"ü" * 119: b"1"}
    assert stored(blobs)


PATHS = [
    *("/etc/passwd", "../x", "a/../../x", "a/..", "..", ".", "./x", "a//x", "a/./x", "", "C:/x", "a\\..\\x", "x\ny"),
    *("x\x1b[2J", "\u202ecod.exe", "a\u2028b", "x" * 121, "ü" * 61, "a/b/c/d"),
]


@pytest.mark.parametrize("path", PATHS)
def test_hostile_paths_are_refused(blobs: Blobs, path: str) -> None:
    assert refused(theirs(("fine.ipynb", b"{}"), (path, b"x")), blobs) in ("bad_path", "damaged_upload")


@pytest.mark.parametrize("path", ["a/b", "/etc/passwd", "..", ".hidden", "", "x" * 201, "a\0b", "a\\b"])
def test_hostile_names_of_students_are_refused(path: str) -> None:
    with pytest.raises(Refusal) as refusal:
        checked_name(path, "a student")
    assert refusal.value.code == "bad_name"
    assert checked_name("jo.doe+1@example.org", "a student")


TYPES = ["LNKTYPE", "SYMTYPE", "CHRTYPE", "BLKTYPE", "DIRTYPE", "FIFOTYPE", "CONTTYPE", "GNUTYPE_SPARSE"]


@pytest.mark.parametrize("kind", [*(getattr(tarfile, name) for name in TYPES), b"K", b"V", b"M", b"D", b"g", b"?"])
def test_only_plain_files_are_taken(blobs: Blobs, kind: bytes) -> None:
    assert refused(_with_header(type=kind, linkname="/etc/passwd"), blobs) == "not_a_file"


def test_a_name_with_a_slash_at_its_end_is_a_folder(blobs: Blobs) -> None:
    assert refused(_with_header(name="folder/", type=tarfile.AREGTYPE), blobs) == "not_a_file"


@pytest.mark.parametrize(
    "records",
    [{"size": "1"}, {"GNU.sparse.major": "1", "GNU.sparse.name": "x"}, {"GNU.sparse.map": "0,1"}],
)
def test_headers_that_change_what_a_file_is_are_refused(blobs: Blobs, records: dict[str, str]) -> None:
    assert refused(theirs(("x", b"1"), pax_headers=records), blobs) == "not_a_file"


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"8 path=a\n",
        b"99999999999999 path=a\n",
        b"0 ",
        b"-5 path\n",
        b"5 pa\n",
        b"11 path=\xff\xfe\xfd\n",
        b"\n",
        b"3 \n",
    ],
)
def test_damaged_long_names_are_refused(blobs: Blobs, body: bytes) -> None:
    for kind in (b"x", b"L"):
        header = _header(name="long", type=kind, size=len(body)) + body.ljust(512, b"\0")
        content = header + _header(name="x") + bytes(1024)
        if not (kind == b"L" and body.isascii() and b"\n" not in body):
            assert refused(content, blobs) in ("damaged_upload", "bad_path")


def test_a_long_name_can_hide_no_path(blobs: Blobs) -> None:
    for hidden in ("../x", "/etc/passwd"):
        assert refused(theirs(("x", b"1"), pax_headers={"path": hidden}), blobs) == "bad_path"
        gnu = _header(name="././@LongLink", type=b"L", size=len(hidden) + 1) + hidden.encode().ljust(512, b"\0")
        assert refused(gnu + _header(name="x") + bytes(1024), blobs) == "bad_path"


@pytest.mark.parametrize(
    "content",
    [
        lambda: theirs(("x", b"1"), ("x", b"2")),
        lambda: theirs(("\u00e4", b"1"), ("a\u0308", b"2")),  # ä, spelled in two ways
        lambda: theirs(("x", b"1"), ("x/y", b"2")),
        lambda: theirs(("x/y", b"2"), ("x", b"1")),
        lambda: theirs(("x", b"1"))[:512],
        lambda: theirs(("x", b"1"))[:1024],
        lambda: theirs(("x", b"1"))[: 1024 + 512],
        lambda: theirs(("x", b"1"))[: 1024 + 1000],
        lambda: theirs(("x", b"1")) + theirs(("y", b"2")),
        lambda: theirs(("x", b"1")) + b"more",
        lambda: theirs(("x", b"1")) + bytes(2**21),
        lambda: _header(name="x", type=b"x", size=2**30) + bytes(4096),
        lambda: _header(name="x", type=b"x", size=0) * 9 + bytes(1024),
        lambda: _header(name="x", type=b"x", size=0) + bytes(1024),
        lambda: _header(name="x", size=1).replace(b"x", b"y", 1) + bytes(2048),  # another checksum
        lambda: _summed(_header(name="x")[:124] + b"\xff" * 12 + _header(name="x")[136:]) + bytes(2048),  # size -1
        lambda: _summed(b"\xff\xfe" + _header(name="xx")[2:]) + bytes(1024),  # no UTF-8
        lambda: b"PK\x03\x04" + bytes(2048),
        lambda: b"\x1f\x8b" + bytes(2048),
        lambda: b"",
    ],
)
def test_broken_archives_are_refused(blobs: Blobs, content: Callable[[], bytes]) -> None:
    assert refused(content(), blobs) == "damaged_upload"


def test_nothing_at_all_is_refused(blobs: Blobs) -> None:
    assert refused(bytes(10240), blobs) == "empty_upload"


@pytest.mark.parametrize(
    "members, code",
    [
        ([("x", bytes(1001))], "too_large"),
        ([("x", bytes(1000)), ("y", bytes(501))], "too_large"),
        ([(str(number), b"") for number in range(4)], "too_many_files"),
    ],
)
def test_caps_hold(blobs: Blobs, members: list[tuple[str, bytes]], code: str) -> None:
    assert refused(theirs(*members), blobs) == code


def test_what_fits_the_caps_exactly_is_taken(blobs: Blobs) -> None:
    files = {"a/b/" + "x" * 116: bytes(1000), "y": bytes(500), "z": b""}
    assert arrived(ours(files), blobs, SMALL) == files


def test_a_size_that_is_only_claimed_costs_nothing(blobs: Blobs) -> None:
    stream = io.BytesIO(_header(name="x", size=2**33 - 1) + bytes(2**20))
    with pytest.raises(Refusal, match="larger than 1,000 bytes"), received(stream, blobs, SMALL):
        pass
    assert stream.tell() == 512


def test_an_upload_in_crumbs_is_the_same_upload(blobs: Blobs) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(7, size or 0))

    with received(Slow(ours({"x": b"1" * 600})), blobs) as upload:
        assert upload.manifest == manifest_of({"x": b"1" * 600})


def test_what_nobody_keeps_is_removed(blobs: Blobs) -> None:
    with pytest.raises(KeyboardInterrupt), received(io.BytesIO(ours({"x": b"1"})), blobs):
        assert len(stored(blobs)) == 1
        raise KeyboardInterrupt
    assert stored(blobs) == []


def test_a_file_that_changes_while_it_is_packed_is_noticed() -> None:
    for content in ([b"12"], [b"1", b"234"], []):
        with pytest.raises(ValueError, match="changed while it was read"):
            [*packed(manifest_of({"x": b"123"}), lambda _, content=content: content)]


def test_a_manifest_has_one_text() -> None:
    manifest = manifest_of({"b": b"", "ä": b"1"})
    assert read_manifest(canonical(manifest)) == manifest and canonical(manifest[::-1]) == canonical(manifest)
    assert digest_of(manifest) == sha256(canonical(manifest).encode()).hexdigest()
    assert canonical(manifest_of({"b": b""})) == f'[{{"bytes":0,"path":"b","sha256":"{sha256().hexdigest()}"}}]'
    for damaged in ("", "{}x", '[{"path": "x"}]', "[3]", "3"):
        with pytest.raises(ExchangeError, match="damaged"):
            read_manifest(damaged)


def _header(**fields: object) -> bytes:
    info = tarfile.TarInfo("x")
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


def _with_header(**fields: object) -> bytes:
    return _header(**fields) + bytes(10240)


def _summed(header: bytes) -> bytes:
    checksum = 256 + sum(header[:148]) + sum(header[156:])
    return header[:148] + f"{checksum:06o}\0 ".encode() + header[156:]
