"""A backup of the server in one file, taken while it runs, and the way back into an empty folder.

The databases are copied first, then the files that the copies name, each compared with its digest: what was kept is
never changed or removed, so every attempt in the backup has its files. The homes of users and the folders of courses
are not in it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from assay import __version__
from assay.errors import ExchangeError
from assay.exchange import blobs
from assay.exchange.disk import sync_folder
from assay.serving import copied
from assay.settings import FILE, Settings, load

FORMAT = 1
ABOUT = "about.json"
_OF_HUB = ("cookie_secret", "people.json", "named.json")
_BLOCK = 2**20
Progress = Callable[[int, int], None]  # how many files of how many


def backup(settings: Settings, target: Path, progress: Progress = lambda done, of: None) -> int:
    """Write a new file, for its owner alone; how many files of submissions are in it. Raises ExchangeError."""
    if os.path.lexists(target):
        raise ExchangeError(f"{target} is there already. Choose another name.")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            new = Path(folder, "new")
            count = _written(settings, new, Path(folder), progress)
            new.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise ExchangeError(f"{target} cannot be written ({error}). Give a file where there is room.") from error
    return count


def restore(home: Path, environ: Mapping[str, str], source: Path, progress: Progress = lambda done, of: None) -> int:
    """Fill an empty folder from a backup; how many files of submissions there are now. Else nothing is left of it.

    Raises ExchangeError, and CourseError where the settings in the backup cannot be used.
    """
    try:
        home.mkdir(mode=0o711, parents=True, exist_ok=True)
        taken = any(home.iterdir())
    except OSError as error:
        raise ExchangeError(f"{home} cannot be filled ({error}). Name another folder in ASSAY_HOME.") from error
    if taken:
        raise ExchangeError(f"{home} is not empty. Name a new folder in ASSAY_HOME, or move this one away.")
    try:
        with tarfile.open(source, mode="r:") as archive:
            return _restored(home, environ, archive, progress)
    except (OSError, tarfile.TarError, ValueError, KeyError) as error:
        _empty(home)
        raise ExchangeError(f"{source} cannot be restored ({error}). Is it a backup of assay backup?") from error
    except BaseException:
        _empty(home)
        raise


def _written(settings: Settings, new: Path, folder: Path, progress: Progress) -> int:
    with (
        open(new, "xb", opener=_for_its_owner) as file,
        tarfile.open(fileobj=file, mode="w") as archive,
        copied.copies(settings, folder) as (databases, files),
        blobs.open_blobs(settings.blobs, settings.blob_store) as store,
    ):
        about = {"format": FORMAT, "assay": __version__, "postgresql": bool(settings.database)}
        _add(archive, ABOUT, json.dumps(about).encode())
        for name, place in {**_small_files(settings), **databases}.items():
            archive.add(place, name, recursive=False)
        for number, one in enumerate(files, start=1):
            _add(archive, f"blobs/{one.sha256}", b"".join(blobs.read(store, one.sha256, one.size)))
            progress(number, len(files))
    _to_the_disk(new)
    return len(files)


def _restored(home: Path, environ: Mapping[str, str], archive: tarfile.TarFile, progress: Progress) -> int:
    members = {one.name: one for one in archive.getmembers() if one.isreg()}
    about = json.loads(_content(archive, members[ABOUT]))
    if about["format"] != FORMAT:
        raise ExchangeError(f"This backup was made by Assay {about['assay']}. Restore it with that version.")
    kept = [name for name in members if name.startswith("blobs/")]
    for name in members.keys() - {ABOUT, *kept}:
        _write(home, name, _blocks(archive, members[name]))
    settings = load(home, environ)
    if bool(settings.database) != about["postgresql"]:
        raise ExchangeError(
            "The backup and the settings do not agree on where tables are kept. Set `database` as it was "
            f"({'PostgreSQL' if about['postgresql'] else 'SQLite, which is the default'}), in ASSAY_DATABASE."
        )
    with blobs.open_blobs(settings.blobs, settings.blob_store) as store:
        for number, name in enumerate(kept, start=1):
            written = blobs.write(store, _blocks(archive, members[name]), members[name].size)
            if name != f"blobs/{written.sha256}":
                raise ExchangeError(f"{name} is damaged in this backup. Take another one.")
            progress(number, len(kept))
    if settings.database:
        copied.put_back(settings, home / copied.DUMP)
        (home / copied.DUMP).unlink()
    return len(kept)


def _small_files(settings: Settings) -> dict[str, Path]:
    """By the names that they have in the server's folder and in the backup."""
    places = [settings.home / FILE, *(settings.hub / name for name in _OF_HUB)]
    places += sorted(settings.secrets.iterdir()) if settings.secrets.is_dir() else []
    return {place.relative_to(settings.home).as_posix(): place for place in places if place.is_file()}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), 0o600
    archive.addfile(header, io.BytesIO(content))


def _blocks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    yield from iter(partial(content.read, _BLOCK), b"")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return b"".join(_blocks(archive, member))


def _write(home: Path, name: str, blocks: Iterator[bytes]) -> None:
    if name != os.path.normpath(name) or name.startswith(("/", "..")):
        raise ValueError(f"{name} is no name of a file in it")
    path = home / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(path, "xb", opener=_for_its_owner) as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _to_the_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _empty(folder: Path) -> None:
    for one in folder.iterdir() if folder.is_dir() else ():
        shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
