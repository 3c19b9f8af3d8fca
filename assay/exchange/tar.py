"""Plain tar archives: read one from a stranger as it streams in, and write one that is the same every time.

The reader is strict and small on purpose. It knows ustar headers and the two ways in which common programs write long
names (pax and GNU), and refuses all else: links, devices, folders, sparse files, other sizes in other headers.
"""

from __future__ import annotations

import tarfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tarfile import BLOCKSIZE
from typing import Protocol

from assay.errors import Refusal
from assay.exchange.blobs import Blobs, Staged, Upload, drop, stage
from assay.exchange.manifest import File, Manifest, checked_path, printable

MiB = 2**20
_BLOCK = MiB
_EMPTY = bytes(BLOCKSIZE)
_LONGEST_HEADER = 16 * 1024  # bytes of one pax header; times and owners take a few hundred
_LONGEST_END = MiB  # zeros after the end; tar writes whole records of 10 KiB
_KINDS = {tarfile.LNKTYPE: "a link", tarfile.SYMTYPE: "a link", tarfile.DIRTYPE: "a folder", tarfile.FIFOTYPE: "a pipe"}
_KINDS |= {tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device", tarfile.GNUTYPE_SPARSE: "a file with holes"}


class Readable(Protocol):
    """What an archive is read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True)
class Caps:
    """How much one upload may hold."""

    one_file: int = 100 * MiB
    all_files: int = 100 * MiB
    files: int = 2000
    path: int = 240  # bytes
    depth: int = 8  # folders


@contextmanager
def received(stream: Readable, blobs: Blobs, caps: Caps = Caps()) -> Iterator[Upload]:
    """The files of an uploaded archive, all of them checked; what is not kept before the end is removed.

    Raises Refusal (`damaged_upload`, `empty_upload`, `bad_path`, `not_a_file`, `too_large`, `too_many_files`) and
    ExchangeError where the disk refuses.
    """
    staged: list[tuple[str, Staged]] = []
    try:
        _receive(stream, blobs, caps, staged)
        yield Upload(blobs, tuple(staged))
    finally:
        drop(one for _, one in staged)


def packed(manifest: Manifest, contents: Callable[[File], Iterable[bytes]]) -> Iterator[bytes]:
    """The blocks of an archive of these files: a function of the manifest alone, without owners and times.

    Raises what `contents` raises, and ValueError where that gives another number of bytes than the manifest says.
    """
    for file in sorted(manifest):
        header = tarfile.TarInfo(file.path)
        header.size = file.size
        yield header.tobuf(tarfile.PAX_FORMAT)
        left = file.size
        for block in contents(file):
            left -= len(block)
            if left < 0:
                break
            yield block
        if left:
            raise ValueError(f"{file.path} changed while it was read. Try again.")
        if padding := -file.size % BLOCKSIZE:
            yield bytes(padding)
    yield _EMPTY * 2


def _receive(stream: Readable, blobs: Blobs, caps: Caps, staged: list[tuple[str, Staged]]) -> None:
    """Append to `staged` file by file, so that the caller can remove them whatever happens here."""
    seen: set[str] = set()
    room = caps.all_files
    for path, size in _members(stream, caps):
        checked_path(path, longest=caps.path, deepest=caps.depth)
        if len(seen) == caps.files:
            raise Refusal("too_many_files", f"These are more than {caps.files} files. Submit fewer.")
        name = unicodedata.normalize("NFC", path)  # two spellings of one ä are one name on other systems
        if name in seen:
            raise Refusal("damaged_upload", f"Two files of this upload are called {printable(path)}. Rename one.")
        seen.add(name)
        if size > caps.one_file:
            raise Refusal("too_large", f"{printable(path)} is larger than {caps.one_file:,} bytes. Submit less of it.")
        room -= size
        if room < 0:
            raise Refusal("too_large", f"The files are larger than {caps.all_files:,} bytes together. Submit less.")
        staged.append((path, stage(blobs, _contents(stream, size), size)))
    if not seen:
        raise Refusal("empty_upload", "There is no file in this upload. Check that you submit the right folder.")
    _refuse_files_that_are_folders(seen)


def _refuse_files_that_are_folders(paths: set[str]) -> None:
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if (folder := "/".join(parts[:depth])) in paths:
                raise Refusal(
                    "damaged_upload", f"{printable(folder)} is a file and a folder in one. Rename one of them."
                )


def _members(stream: Readable, caps: Caps) -> Iterator[tuple[str, int]]:
    """Path and size of each file. Whoever iterates takes the contents from the stream, padding included."""
    long_name = None
    extended = False  # the header before this one was about it
    while (block := _exactly(stream, BLOCKSIZE)) != _EMPTY:
        header = _header(block)
        if header.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            if extended:
                raise _damaged("two headers in a row about one file")
            long_name = _long_name(header, stream, caps)
            extended = True
            continue
        path = header.name if long_name is None else long_name
        if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            kind = _KINDS.get(header.type, "of a kind that is not known here")
            raise Refusal("not_a_file", f"{printable(path)} is {kind}. Submit plain files only.")
        yield path, header.size
        long_name, extended = None, False
    if extended:
        raise _damaged("a header without its file")
    _refuse_anything_more(stream)


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except tarfile.HeaderError as error:
        raise _damaged(str(error)) from None
    except (UnicodeDecodeError, ValueError):
        raise _damaged("a header that is not text in UTF-8") from None
    if header.size < 0:
        raise _damaged("a file of a negative size")
    return header


def _long_name(header: tarfile.TarInfo, stream: Readable, caps: Caps) -> str | None:
    """The path in a header that stands before a file's own; None where it only tells times and owners."""
    if header.size > _LONGEST_HEADER:
        raise _damaged(f"a header of more than {_LONGEST_HEADER} bytes")
    body = b"".join(_contents(stream, header.size))
    try:
        if header.type == tarfile.GNUTYPE_LONGNAME:
            return body.rstrip(b"\0").decode()
        records = dict(_pax_records(body))
        if "size" in records or any(key.startswith("GNU.sparse") for key in records):
            raise Refusal(
                "not_a_file", "A file of this upload has holes or a size of its own. Submit plain files only."
            )
        return records.get("path")
    except ValueError:
        raise _damaged("a header that cannot be read") from None


def _pax_records(body: bytes) -> Iterator[tuple[str, str]]:
    """Records are `length key=value\\n`, the length counting all of it (POSIX.1-2001, pax). Raises ValueError."""
    while body:
        digits, found, _ = body[:12].partition(b" ")
        if not found or not digits.isdigit():
            raise ValueError
        record, body = body[: int(digits)], body[int(digits) :]
        if len(record) < int(digits) or len(record) <= len(digits) + 1 or record[-1:] != b"\n":
            raise ValueError
        key, found, value = record[len(digits) + 1 : -1].partition(b"=")
        if not found:
            raise ValueError
        yield key.decode(), value.decode(errors="strict" if key == b"path" else "replace")


def _contents(stream: Readable, size: int) -> Iterator[bytes]:
    """The bytes of one file from the stream; the padding after it is read too."""
    left = size
    while left:
        block = _exactly(stream, min(left, _BLOCK))
        left -= len(block)
        yield block
    if padding := -size % BLOCKSIZE:
        _exactly(stream, padding)


def _exactly(stream: Readable, size: int) -> bytes:
    parts, left = [], size
    while left:
        part = stream.read(left)
        if not part:
            raise Refusal("damaged_upload", "The upload ended too early; nothing was stored. Submit again.")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _refuse_anything_more(stream: Readable) -> None:
    if _exactly(stream, BLOCKSIZE) != _EMPTY:
        raise _damaged("an end that is not one")
    room = _LONGEST_END
    while part := stream.read(_BLOCK):
        room -= len(part)
        if part.strip(b"\0") or room < 0:
            raise _damaged("something after its end")


def _damaged(what: str) -> Refusal:
    return Refusal(
        "damaged_upload", f"The upload is no plain tar archive: it has {what}. Nothing was stored; submit again."
    )
