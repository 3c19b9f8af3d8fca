"""What the server of a person sees of this machine: programs, libraries, the environment. All of it read-only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import assay
from assay.sandbox.isolation.bubblewrap import parents_of
from assay.settings import Settings

PACKAGE = Path(assay.__file__).resolve().parent
SYSTEM = Path("/usr")
AT_THE_TOP = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")  # links into /usr, or folders of old
# Of /etc: how names are found, certificates, fonts, languages, libraries. No passwords, no keys, no settings of others.
ETC = """alternatives bash.bashrc ca-certificates ca-certificates.conf debian_version fonts gai.conf host.conf hosts
    inputrc ld.so.cache ld.so.conf ld.so.conf.d locale.alias locale.conf localtime magic mime.types nsswitch.conf
    os-release pki/tls/certs protocols resolv.conf services ssl/certs ssl/openssl.cnf terminfo timezone vim
    OpenCL vulkan"""
PROCESSORS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
# Switches of the kernel, which belong to root, as the course server of a root Hub does outside.
SWITCHES = """acpi asound bus driver fs irq mtrr scsi sys sysrq-trigger"""
MEMORY = """kcore keys kpagecgroup kpagecount kpageflags timer_list vmallocinfo"""
TEMPORARY = 2 * 2**30  # bytes that /tmp and /dev/shm can hold


def trees() -> tuple[Path, ...]:
    """The folders of programs and libraries: the system's, Python's, the environment's and this package."""
    wanted = (SYSTEM, Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), PACKAGE)
    return tuple(tree for tree in dict.fromkeys(wanted) if not any(tree.is_relative_to(o) for o in wanted if o != tree))


def other_places() -> tuple[Path, ...]:
    """Where programs look for the environment and this package, if links lead from there to where they lie."""
    wanted, lie = (Path(sys.prefix).absolute(), Path(assay.__file__).absolute().parent), trees()
    return tuple(place for place in wanted if not any(place.is_relative_to(tree) for tree in lie))


def data_folder() -> Path | None:
    """The cache of public data sets of whoever runs the Hub, where there is one."""
    folder = os.environ.get("ASSAY_DATA") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "assay")
    try:
        found = Path(folder).expanduser().absolute()
        return found if found.is_dir() else None
    except (OSError, RuntimeError):
        return None


def hidden(settings: Settings) -> tuple[Path, ...]:
    """What must be out of sight wherever it lies: the server's state and every course."""
    return (settings.home.resolve(), *(course.root.resolve() for course in settings.courses))


def words(settings: Settings, devices: Iterable[str] = (), hardware: Iterable[Path] = ()) -> Iterator[str]:
    """The machine in bubblewrap's words. `devices`: further ones, such as a GPU's; `hardware`: folders in /sys."""
    shown = trees()
    data = data_folder()
    # First, since what is shown can lie in there.
    yield from ("--perms", "1777", "--size", str(TEMPORARY), "--tmpfs", "/tmp")
    yield from ("--perms", "0755", "--dir", "/var", "--symlink", "../tmp", "/var/tmp")
    yield from parents_of((*shown, *([data] if data else [])))
    for place in ("/etc", "/home", "/homes"):
        yield from ("--perms", "0755", "--dir", place)
    yield from _top()
    for tree in shown:
        yield from ("--ro-bind", str(tree), str(tree))
    if data is not None:
        yield from ("--ro-bind", str(data), str(data))
    for link in other_places():
        if not any(one.is_relative_to(link.resolve()) for one in hidden(settings)):  # which it would show
            yield from (*parents_of((link,)), "--ro-bind", str(link.resolve()), str(link))
    yield from out_of_sight(hidden(settings), (*shown, *([data] if data else [])))
    yield from _etc()
    yield from _kernel()
    for folder in hardware:
        yield from (*parents_of((folder,)), "--ro-bind", str(folder), str(folder))
    yield from _dev(devices)


def out_of_sight(places: Iterable[Path], shown: Iterable[Path]) -> Iterator[str]:
    """Cover each of the places that lies in what is shown, and holds nothing of it itself."""
    shown = tuple(shown)
    for place in places:
        if place.is_dir() and any(place.is_relative_to(tree) and place != tree for tree in shown):
            yield from ("--tmpfs", str(place), "--remount-ro", str(place))


def _top() -> Iterator[str]:
    for place in map(Path, AT_THE_TOP):
        if place.is_symlink():
            yield from ("--symlink", os.readlink(place), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))


def _etc() -> Iterator[str]:
    for place in (Path("/etc", name) for name in ETC.split()):
        if place.exists():
            yield from parents_of((place,))
            yield from ("--ro-bind", str(place.resolve()), str(place))


def _kernel() -> Iterator[str]:
    yield from ("--proc", "/proc")
    for place in (Path("/proc", name) for name in SWITCHES.split()):
        if place.exists():
            yield from ("--ro-bind", str(place), str(place))
    for place in (Path("/proc", name) for name in MEMORY.split()):
        if place.exists():
            yield from ("--ro-bind", "/dev/null", str(place))
    for place in map(Path, PROCESSORS):
        if place.exists():
            yield from (*parents_of((place,)), "--ro-bind", str(place), str(place))


def _dev(devices: Iterable[str]) -> Iterator[str]:
    yield from ("--dev", "/dev")
    yield from ("--perms", "1777", "--size", str(TEMPORARY), "--tmpfs", "/dev/shm")
    for device in devices:
        yield from ("--dev-bind-try", device, device)
    yield from ("--remount-ro", "/dev")
