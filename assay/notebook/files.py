"""Reading what students submitted from disk: regular files only, no link followed, every size capped.

A submission folder may hold links, pipes, devices and files of any size and name. What an exercise does not take
is moved out of the folder, whole, to a place where staff can look at it; nothing of a student's is deleted.
"""

from __future__ import annotations

import errno
import hashlib
import mimetypes
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from assay.errors import SubmissionError

MiB = 1024 * 1024
NOTEBOOK_BYTES = 64 * MiB  # a notebook with many plots takes a few
SIDE_FILE_BYTES = 32 * MiB
SUBMISSION_BYTES = 256 * MiB  # all side files together, as they say they are: a file with holes takes memory too
MOST_FILES = 2000
_LONGEST_NAME = 200  # bytes; file systems take 255, and a number may follow
DEEPEST = 8  # folders within folders
_NOT_FOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_RUN_BY_BROWSERS = ("html", "xml", "svg", "javascript")


@dataclass(frozen=True)
class Admission:
    """Which files may stay in a submission folder, besides notebooks at its top."""

    names: frozenset[str] | None  # relative POSIX paths; None: every file that a browser would not run as a page
    ignored: tuple[str, ...] = ()  # patterns of names that are never copied from the folder anyway
    refused: Mapping[str, str] = field(default_factory=dict)  # names, with what is wrong with them
    largest: int = SIDE_FILE_BYTES


@dataclass(frozen=True)
class SetAside:
    """A file, folder or link that was moved out of a submission."""

    name: str
    reason: str


def read_regular(path: Path, *, most: int = NOTEBOOK_BYTES) -> bytes:
    """The bytes of a regular file that has one name and no more than `most` bytes. Raises SubmissionError."""
    try:
        descriptor = os.open(path, _NOT_FOLLOWED)
    except OSError as error:
        raise SubmissionError(_why_not_opened(path, error)) from error
    try:
        status = os.fstat(descriptor)
        if reason := _why_not(status):
            raise SubmissionError(f"{path.name} {reason}. Submit the file itself.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1) if status.st_size <= most else b""
    finally:
        os.close(descriptor)
    if status.st_size > most or len(content) > most:
        raise SubmissionError(
            f"{path.name} is larger than {most // MiB} MiB. Clear the outputs (Edit, Clear Outputs of All Cells), "
            "save, and submit it again."
        )
    return content


def side_files(folder: Path, names: Iterable[str], *, most: int = SIDE_FILE_BYTES) -> dict[str, bytes]:
    """The named files of a folder that can be read, by relative POSIX path, while there is room; the others are left
    out."""
    found: dict[str, bytes] = {}
    left = SUBMISSION_BYTES
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or parts[0] == "/":
            continue
        if any((folder / Path(*parts[:depth])).is_symlink() for depth in range(1, len(parts))):
            continue
        try:
            found[name] = read_regular(folder / Path(*parts), most=min(most, left))
        except SubmissionError:
            continue
        left -= len(found[name])
    return found


def set_aside(folder: Path, away: Path, admission: Admission) -> tuple[SetAside, ...]:
    """Move everything that may not stay from `folder` to `away`, and say in `<away>.txt` what and why.

    Raises OSError where something cannot be moved: then the folder is not safe to use.
    """
    moved = []
    for unwelcome in (_unwelcome(folder, "", admission), _beyond_room(folder, "", admission, _Room())):
        for name, reason in list(unwelcome):
            away.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / name).rename(_free_name(away / _short(name.replace("/", "__"))))
            moved.append(SetAside(printable(name), reason))
    if moved:
        with open(away.with_name(f"{away.name}.txt"), "a", encoding="utf-8") as note:
            note.writelines(f"{item.name}: {item.reason}\n" for item in moved)
    return tuple(moved)


def digest_of(folder: Path, ignored: tuple[str, ...] = ()) -> str:
    """32 hexadecimal digits that change with anything in a folder but what matches a pattern of `ignored`.

    Of what is no regular file, only that it is there.
    """
    digest = hashlib.sha256()
    for name, path in _entries(folder, "", ignored):
        try:
            descriptor = os.open(path, _NOT_FOLLOWED)
        except OSError as error:
            digest.update(f"{len(name)} {name} {error.errno} ".encode(errors="surrogateescape"))
            continue
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            digest.update(f"{len(name)} {name} {_why_not(status)} {status.st_size} ".encode(errors="surrogateescape"))
            if stat.S_ISREG(status.st_mode):
                while block := file.read(MiB):
                    digest.update(block)
    return digest.hexdigest()[:32]


def _entries(folder: Path, prefix: str, ignored: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Relative path and path of everything in a folder that is no folder itself, in the order of names."""
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if any(fnmatch(entry.name, pattern) for pattern in ignored):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(folder / entry.name, f"{prefix}{entry.name}/", ignored)
        else:
            yield prefix + entry.name, folder / entry.name


def is_plain_folder(path: Path) -> bool:
    """Whether a path is a folder and not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def printable(text: str, most: int = 200) -> str:
    """A name as it can stand in a log: no control characters, not too long."""
    clean = "".join(char if char.isprintable() else "?" for char in text[: most + 1])
    return clean if len(clean) <= most else clean[:most] + "..."


def _unwelcome(folder: Path, prefix: str, admission: Admission) -> Iterator[tuple[str, str]]:
    """Relative path of, and reason against, each entry that may not stay."""
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if any(fnmatch(entry.name, pattern) for pattern in admission.ignored):
                continue
            if name.count("/") >= DEEPEST:
                yield name, "lies too deep"
            elif admission.names is None or any(wanted.startswith(name + "/") for wanted in admission.names):
                yield from _unwelcome(folder / entry.name, name + "/", admission)
            else:
                yield name, "is a folder that this exercise does not take"
        else:
            reason = _why_not_admitted(name, entry.stat(follow_symlinks=False), admission)
            if reason:
                yield name, reason


@dataclass
class _Room:
    files: int = MOST_FILES
    size: int = SUBMISSION_BYTES


def _beyond_room(folder: Path, prefix: str, admission: Admission, room: _Room) -> Iterator[tuple[str, str]]:
    """What is too much of admitted files, in the order of their names. Notebooks at the top are no side files."""
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        name = prefix + entry.name
        if any(fnmatch(entry.name, pattern) for pattern in admission.ignored):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _beyond_room(folder / entry.name, name + "/", admission, room)
        elif prefix or not name.endswith(".ipynb"):
            room.files -= 1
            room.size -= entry.stat(follow_symlinks=False).st_size
            if room.files < 0:
                yield name, f"comes after the first {MOST_FILES} files"
            elif room.size < 0:
                yield name, f"would make the files larger than {SUBMISSION_BYTES // MiB} MiB together"


def _why_not_admitted(name: str, status: os.stat_result, admission: Admission) -> str:
    reason = _why_not(status)
    if reason or ("/" not in name and name.endswith(".ipynb")):
        return reason  # a notebook at the top is read with its own limit
    if name in admission.refused:
        return admission.refused[name]
    if admission.names is not None:
        if name not in admission.names and not any(fnmatch(name, pattern) for pattern in admission.ignored):
            return "is not among the files that this exercise takes"
    elif any(word in (mimetypes.guess_type(name)[0] or "") for word in _RUN_BY_BROWSERS):
        return "would run in the browser of whoever looks at it"
    return f"is larger than {admission.largest // MiB} MiB" if status.st_size > admission.largest else ""


def _why_not(status: os.stat_result) -> str:
    """What is wrong with a file, whatever it is called; empty where nothing is."""
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"))
    if not stat.S_ISREG(status.st_mode):
        kind = next((word for test, word in kinds if test(status.st_mode)), "a device or socket")
        return f"is {kind}, not a file"
    return "is another name of a file elsewhere (a hard link)" if status.st_nlink > 1 else ""


def _why_not_opened(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"{path.name} is not in the submission. Submit the notebook under the name it was handed out with."
    if error.errno == errno.ELOOP:
        return f"{path.name} is a link, not a file. Submit the file itself."
    return f"{path.name} cannot be opened ({error.strerror}). Submit it again."


def _short(name: str) -> str:
    """A name that leaves room for a number within what file systems take."""
    return os.fsdecode(os.fsencode(name)[:_LONGEST_NAME])


def _free_name(path: Path) -> Path:
    candidate, number = path, 2
    while os.path.lexists(candidate):
        candidate = path.with_name(f"{path.name} ({number})")
        number += 1
    return candidate
