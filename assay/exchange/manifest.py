"""What a set of files is: their paths, sizes and sha256, and one digest over all of it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.errors import ExchangeError, Refusal

_BLOCK = 2**20
_NOT_FOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # turn the text after them around
_NOT_SHOWN = ("Cc", "Cs", "Zl", "Zp")  # control, half a character, breaks of lines


@dataclass(frozen=True, order=True)
class File:
    """One file. `path` is relative, with `/` between its parts."""

    path: str
    sha256: str
    size: int  # bytes


Manifest = tuple[File, ...]  # in the order of paths


def canonical(manifest: Iterable[File]) -> str:
    """The JSON text of a manifest of which there is one only."""
    listed = [{"bytes": file.size, "path": file.path, "sha256": file.sha256} for file in sorted(manifest)]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def digest_of(manifest: Iterable[File]) -> str:
    """The sha256 of the canonical text: equal for equal files at equal paths."""
    return hashlib.sha256(canonical(manifest).encode()).hexdigest()


def read_manifest(text: str) -> Manifest:
    """The manifest that `canonical` wrote. Raises ExchangeError where it did not."""
    try:
        return tuple(File(str(one["path"]), str(one["sha256"]), int(one["bytes"])) for one in json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise ExchangeError(
            f"A list of files in the database is damaged ({error}). Restore it from a backup."
        ) from None


def checked_path(path: str, *, longest: int = 240, deepest: int = 8) -> str:
    """The path itself, where it can be stored and given back on any system; `longest` is in bytes of UTF-8.

    Raises Refusal (`bad_path`).
    """
    if reason := _why_not(path, longest, deepest):
        raise Refusal("bad_path", f"The file {printable(path)} {reason}. Rename or move it, and submit again.")
    return path


def checked_name(name: str, of: str) -> str:
    """The name of a course, assignment or student, where it can be the name of a folder too.

    Raises Refusal (`bad_name`).
    """
    if "/" in name or name.startswith(".") or _why_not(name, 200, 0):
        raise Refusal("bad_name", f"{printable(name)!r} cannot be the name of {of}. Use letters, digits, - and _.")
    return name


def printable(text: str, most: int = 120) -> str:
    """Text of a stranger as it can stand in a message: no control characters, not too long."""
    clean = "".join(char if char.isprintable() else "?" for char in text[:most])
    return clean if len(text) <= most else clean + "..."


def in_folder(folder: Path) -> Iterator[tuple[str, File | None]]:
    """Relative path of everything in a folder that is no folder, in order; None for what is not a plain file.

    No link is followed. Raises OSError.
    """
    for path, place in sorted(_entries(folder, "")):
        yield path, _described(path, place)


def _described(path: str, place: Path) -> File | None:
    try:
        descriptor = os.open(place, _NOT_FOLLOWED)
    except OSError:
        return None  # a link, a socket, or not ours to read
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        digest, size = hashlib.sha256(), 0
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return File(path, digest.hexdigest(), size)


def _entries(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        listed = list(entries)
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(folder / entry.name, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, folder / entry.name


def _why_not(path: str, longest: int, deepest: int) -> str:
    parts = path.split("/")
    if any(unicodedata.category(char) in _NOT_SHOWN or char in _TURNING for char in path):
        return "has a character in its name that is not shown"
    if path.startswith("/") or path[1:2] == ":":
        return "has an absolute path"
    if ".." in parts:
        return "lies outside of the folder (..)"
    if "" in parts or "." in parts:
        return "has an empty part in its path"
    if "\\" in path:
        return "has a backslash in its name"
    if len(path.encode()) > longest:
        return f"has a path of more than {longest} bytes"
    return f"lies more than {deepest} folders deep" if len(parts) - 1 > deepest else ""
