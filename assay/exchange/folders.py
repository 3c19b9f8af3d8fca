"""Folders and archives: pack what is in one, and write what came from one, whole or not at all."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import shutil
import stat
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn, cast

from assay.errors import ExchangeError
from assay.exchange.manifest import File, Manifest, checked_path, printable

Contents = Iterable[tuple[str, Iterable[bytes]]]  # path and blocks, one file after the other
_DEAD = 3600.0  # seconds after which nobody is writing a folder any more
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_FOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Parcel:
    """Files in an archive, ready to be sent."""

    manifest: Manifest
    archive: IO[bytes]


def chosen(
    folder: Path, ignored: Callable[[str, list[str]], Iterable[str]], left_out: Callable[[str], None]
) -> list[str]:
    """Relative paths of the plain files in a folder, in order. No link is followed; `left_out` is told of each.

    Raises ExchangeError where something cannot be read, or is gone while it is looked at.
    """

    def unreadable(error: OSError) -> NoReturn:
        raise _unreadable(os.path.relpath(error.filename or folder, folder), error) from error

    paths = []
    for place, folders, files in os.walk(folder, onerror=unreadable):
        away = set(ignored(place, [*folders, *files]))
        names = [name for name in (*folders, *files) if name not in away]
        folders[:] = [name for name in folders if name not in away and not os.path.islink(os.path.join(place, name))]
        for name in names:
            path = os.path.relpath(os.path.join(place, name), folder)
            mode = _state(folder, path).st_mode
            if stat.S_ISREG(mode):
                paths.append(path)
            elif not stat.S_ISDIR(mode):
                left_out(path)
    return sorted(paths)


def bytes_of(folder: Path, paths: Iterable[str]) -> int:
    """The size of some files of a folder together. Raises ExchangeError."""
    return sum(_state(folder, path).st_size for path in paths)


@contextmanager
def packed(folder: Path, paths: Sequence[str]) -> Iterator[Parcel]:
    """An archive of some files of a folder, without owners and times.

    Raises Refusal (`bad_path`) and ExchangeError where a file cannot be read, or there is no room for the archive.
    """
    with ExitStack() as stack:
        try:
            archive = tempfile.TemporaryFile()  # noqa: SIM115
            stack.callback(_closed, archive)
            with tarfile.open(fileobj=archive, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                files = [_added(tar, folder, checked_path(path)) for path in sorted(paths)]
            archive.seek(0)
        except OSError as error:
            raise ExchangeError(
                f"The files cannot be packed in the folder for temporary files ({error.strerror or error}). Make room "
                "there, and try again."
            ) from error
        yield Parcel(tuple(files), archive)


def write_folder(folder: Path, contents: Contents, *, new: bool = False) -> None:
    """Make a folder of files, in place of one that was there; until all are written it stays as it was.

    Raises ExchangeError where the disk refuses, or something is there that has to be `new`, and what `contents` raises.
    """
    _remove_what_a_crash_left(folder)
    name = f".{folder.name}.{uuid.uuid4().hex}"
    beside, old = folder.with_name(f"{name}.new"), folder.with_name(f"{name}.old")
    try:
        with _explained(folder):
            beside.mkdir(parents=True)
            for path, blocks in contents:
                _write(_inside(beside, path), blocks)
            if not new and os.path.lexists(folder):
                os.rename(folder, old)
            os.rename(beside, folder)  # fails where there are files by now
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def add_missing(folder: Path, contents: Contents) -> list[str]:
    """Write the files that are not in a folder yet, and return their paths. What is there stays as it is."""
    added = []
    for path, blocks in contents:
        place = _inside(folder, path)
        if not os.path.lexists(place) and _put(place, blocks, os.link):
            added.append(path)
    return added


def write_over(folder: Path, contents: Contents) -> list[str]:
    """Write files into a folder, each in place of the one that was there, and return their paths."""
    return [path for path, blocks in contents if _put(_inside(folder, path), blocks, os.replace)]


def _remove_what_a_crash_left(folder: Path) -> None:
    ours = re.compile(rf"\.{re.escape(folder.name)}\.[0-9a-f]{{32}}\.(new|old)")
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
        with suppress(OSError):
            if ours.fullmatch(left.name) and time.time() - left.lstat().st_mtime > _DEAD:
                shutil.rmtree(left)


def _added(tar: tarfile.TarFile, folder: Path, path: str) -> File:
    try:
        with open(os.open(folder / path, _NOT_FOLLOWED), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise OSError(0, "it is no plain file")
            header = tarfile.TarInfo(path)
            header.size = state.st_size
            reader = _Digesting(file)
            tar.addfile(header, cast(IO[bytes], reader))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise  # it is about the archive
        raise _unreadable(path, error) from error
    return File(path, reader.digest.hexdigest(), header.size)


def _closed(archive: IO[bytes]) -> None:
    with suppress(OSError):  # on a full disk it would try once more to write
        archive.close()


def _state(folder: Path, path: str) -> os.stat_result:
    try:
        return os.lstat(folder / path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> ExchangeError:
    return ExchangeError(
        f"{printable(path)} cannot be read ({error.strerror or error}). Close what writes it, and try again."
    )


class _Digesting:
    """A file that is read once, and its sha256."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        block = self._file.read(size)
        self.digest.update(block)
        return block


def _inside(folder: Path, path: str) -> Path:
    return folder / checked_path(path)


def _put(place: Path, blocks: Iterable[bytes], name: Callable[[Path, Path], None]) -> bool:
    """Write beside a place, then give it the name with `name`; whether that was still free, where it has to be."""
    beside = place.with_name(f".{uuid.uuid4().hex}.new")
    try:
        with _explained(place):
            _write(beside, blocks)
            try:
                name(beside, place)
            except FileExistsError:
                return False
    finally:
        with suppress(OSError):
            beside.unlink()
    return True


def _write(place: Path, blocks: Iterable[bytes]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place, "xb") as file:
        for block in blocks:
            file.write(block)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExchangeError(
            f"{place} cannot be written ({error.strerror or error}). Make room, or a folder that you can write."
        ) from error
