"""What every Python program needs of this machine: interpreter, standard library, shared libraries. Nothing else."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

CACHE_OF_LIBRARIES = Path("/etc/ld.so.cache")
SHARED = ("/usr/share/fonts", "/usr/share/zoneinfo", "/etc/fonts", "/etc/localtime", "/usr/bin")
ABOUT_PROCESSORS = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")
DISTRIBUTION_ROOTS = (Path("/usr"), Path("/usr/local"))  # prefixes that hold more than one program


@dataclass(frozen=True)
class Ground:
    """Read-only files and folders, outer ones first, and the folders below them that stay shut."""

    python: Path
    trees: tuple[Path, ...]
    shut: tuple[Path, ...]  # other Pythons' libraries and this one's site-packages
    links: tuple[tuple[Path, str], ...]  # symbolic links at the top of the file system, such as /lib -> usr/lib


@lru_cache(maxsize=1)
def ground() -> Ground:
    """The ground on which this very interpreter stands, without its virtual environment."""
    python = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    prefix = Path(sys.base_prefix).resolve()
    standard = {Path(sysconfig.get_path(name, vars={"base": str(prefix), "platbase": str(prefix)})).resolve()
                for name in ("stdlib", "platstdlib")}  # fmt: skip
    shared = {folder.resolve() for folder in _library_folders()}
    if prefix not in DISTRIBUTION_ROOTS:
        shared.add(prefix / "lib")
    trees = {CACHE_OF_LIBRARIES, python, *standard, *shared, *map(Path, SHARED), *map(Path, ABOUT_PROCESSORS)}
    existing = sorted((tree for tree in trees if tree.exists()), key=lambda tree: len(tree.parts))
    others = {folder for tree in shared for folder in tree.glob("python[0-9]*") if folder.is_dir()} - standard
    packages = {folder for tree in standard for folder in tree.glob("*-packages")}
    links = tuple(
        (place, os.readlink(place))
        for place in map(Path, ("/bin", "/lib", "/lib32", "/lib64", "/libx32"))
        if place.is_symlink()
    )
    shut = tuple(sorted(others | packages))
    return Ground(python, tuple(tree for tree in existing if not _covered(tree, existing, shut)), shut, links)


def _covered(tree: Path, trees: list[Path], shut: tuple[Path, ...]) -> bool:
    """Whether another of the trees holds this one, with nothing shut in between."""

    def shut_within(outer: Path) -> bool:
        return any(tree.is_relative_to(folder) and folder.is_relative_to(outer) for folder in shut)

    return any(tree != outer and tree.is_relative_to(outer) and not shut_within(outer) for outer in trees)


def open_parts(tree: Path, shut: tuple[Path, ...]) -> Iterator[Path]:
    """The fewest files and folders that hold all of the tree but what is shut."""
    if tree in shut:
        return
    if not any(folder.is_relative_to(tree) for folder in shut):
        yield tree
        return
    for child in sorted(tree.iterdir()):
        yield from open_parts(child, shut)


@lru_cache(maxsize=1)
def readable() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """For an allow-list that cannot take back: paths to read, and folders of which only names may be read."""
    here = ground()
    divided = [tree for tree in here.trees if any(folder.is_relative_to(tree) for folder in here.shut)]
    parts = {str(part) for tree in here.trees for part in open_parts(tree, here.shut)}
    return tuple(sorted(parts)), tuple(map(str, divided))


def _library_folders() -> set[Path]:
    """Folders of shared libraries, from the cache of the dynamic loader."""
    try:
        names = re.findall(rb"(/[^\0]*)/[^\0/]*\.so[^\0/]*\0", CACHE_OF_LIBRARIES.read_bytes())
    except OSError:
        names = [b"/lib", b"/usr/lib"]
    return {Path(os.fsdecode(name)) for name in names} | {Path("/lib64")}
