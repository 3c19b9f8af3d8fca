"""Which installed distributions a sandboxed program may see: the named ones and what they need, nothing else.

The files of a distribution are read from its RECORD. A view maps places, relative to one folder on `sys.path`, to
where they lie: `numpy`, `numpy.libs`, `numpy-2.4.6.dist-info`, `six.py`. What is not in the view is not mounted,
so it cannot be imported, whatever the code tries.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from assay.errors import SandboxError

ALWAYS = ("numpy",)  # what the border itself needs
INITS = ("__init__.py", *(f"__init__{suffix}" for suffix in EXTENSION_SUFFIXES))


@dataclass(frozen=True)
class View:
    """The libraries of one program."""

    distributions: tuple[str, ...]  # normalised names, those that were needed by others too
    entries: tuple[tuple[str, Path], ...]  # (place within the view, file or folder that lies there)
    modules: tuple[str, ...]  # importable names of the distributions that were asked for


@lru_cache(maxsize=64)
def view_of(names: tuple[str, ...]) -> View:
    """The view of these distributions, with numpy.

    Raises SandboxError where one is not installed, or was installed without a list of its files.
    """
    wanted = tuple(dict.fromkeys(normalised(name) for name in (*ALWAYS, *names)))
    found = closure(wanted)
    entries: dict[str, Path] = {}
    for member in found.values():
        root = Path(str(member.locate_file("")))
        entries.update((place, root / place) for place in places(member))
    outermost = {place: lies for place, lies in entries.items() if not _inside_another(place, entries)}
    modules = tuple(module for name in wanted for module in importable(found[name]))
    return View(tuple(sorted(found)), tuple(sorted(outermost.items())), modules)


def with_cuda(view: View) -> View:
    """The same with NVIDIA's libraries where they are installed as distributions: TensorFlow names them in an extra."""
    if not _of_cuda():
        return view
    more = view_of(_of_cuda())
    entries = dict((*more.entries, *view.entries))
    outermost = {place: lies for place, lies in entries.items() if not _inside_another(place, entries)}
    return View(
        tuple(sorted({*view.distributions, *more.distributions})), tuple(sorted(outermost.items())), view.modules
    )


@lru_cache(maxsize=1)
def _of_cuda() -> tuple[str, ...]:
    names = {normalised(member.metadata["Name"]) for member in distributions()}
    return tuple(sorted(name for name in names if name.startswith("nvidia-") and name != "nvidia-ml-py"))


def mentioned(names: Iterable[str], text: str) -> tuple[str, ...]:
    """Those of the distributions whose modules a text names, to load them ahead and no others.

    Only a guess: whatever a program imports besides is imported when it does so.
    """
    return tuple(name for name in names if any(re.search(rf"\b{module}\b", text) for module in modules_of(name)))


@lru_cache(maxsize=64)
def modules_of(name: str) -> tuple[str, ...]:
    """The module names of a distribution that are loaded ahead. Raises SandboxError where it is not installed."""
    return importable(_installed(name))


def normalised(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(names: Iterable[str]) -> dict[str, Distribution]:
    """The named distributions and all that they require here, without extras.

    A requirement that is not installed is left out: its own distribution is then as incomplete as outside.
    """
    found: dict[str, Distribution] = {}
    for name in names:
        if normalised(name) not in found:
            found.update(_with_requirements(_installed(name), found))
    return found


def _with_requirements(first: Distribution, known: dict[str, Distribution]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    ahead = [first]
    while ahead:
        member = ahead.pop()
        found[normalised(member.metadata["Name"])] = member
        for text in member.requires or ():
            requirement = Requirement(text)
            name = normalised(requirement.name)
            if name in found or name in known:
                continue
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            try:
                ahead.append(distribution(name))
            except PackageNotFoundError:
                continue
    return found


def places(member: Distribution) -> tuple[str, ...]:
    """The fewest files and folders, relative to where it is installed, that hold the distribution.

    A folder without an `__init__` of its own may be shared with other distributions, so its children are taken.
    """
    files = [file for file in _files(member) if not file.startswith("../") and not file.endswith(".pth")]
    root = Path(str(member.locate_file("")))
    return tuple(place for place in sorted(_fewest(files, "")) if (root / place).exists())


def _fewest(files: list[str], folder: str) -> Iterator[str]:
    """Places that hold the files, all of which are under the folder (empty, or with a slash at its end)."""
    children: dict[str, list[str]] = {}
    for file in files:
        children.setdefault(file[len(folder) :].partition("/")[0], []).append(file)
    for name, below in children.items():
        place = folder + name
        own = not folder and name.endswith((".dist-info", ".libs"))
        if own or place in below or any(f"{place}/{init}" in below for init in INITS):
            yield place
        else:
            yield from _fewest(below, place + "/")


def importable(member: Distribution) -> tuple[str, ...]:
    """The module names to load ahead: the one named like the distribution, else all its public ones."""
    names = set()
    for file in _files(member):
        folder, _, rest = file.partition("/")
        if rest in INITS:
            names.add(folder)
        elif not rest and file.endswith((".py", ".so")):
            names.add(file.split(".")[0])
    own = normalised(member.metadata["Name"]).replace("-", "_")
    public = tuple(sorted(name for name in names if not name.startswith("_") and name.isidentifier()))
    return (own,) if own in public else public


def _files(member: Distribution) -> Iterator[str]:
    record = member.read_text("RECORD")
    if record is None:
        name = member.metadata["Name"]
        raise SandboxError(
            f"{name} was installed without a list of its files (RECORD), so it cannot be shown to a sandbox alone. "
            f"Install it with pip into the environment of Assay: pip install --force-reinstall {name}"
        )
    return (row[0] for row in csv.reader(record.splitlines()) if row and not row[0].startswith("/"))


def _inside_another(place: str, entries: dict[str, Path]) -> bool:
    return any(str(parent) in entries for parent in PurePosixPath(place).parents)


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        raise SandboxError(
            f"The library {name} is not installed here, so no sandbox can show it. "
            f"Install it (pip install {name}) or take it out of the exercise's list of libraries."
        ) from None
