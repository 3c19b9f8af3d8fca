"""`assay doctor`: which sandbox this machine gives, what each part of it does, and how to mend what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.errors import SandboxError
from assay.sandbox.inside import landlock, seccomp
from assay.sandbox.inside.confine import SIGNALS_SINCE
from assay.sandbox.isolation import WARM_START, Job, cgroup, first_that_holds, gpu, nvml
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from assay.sandbox.isolation.job import Isolation
from assay.sandbox.isolation.launch import HINT
from assay.sandbox.isolation.self_test import Verdict

ON_GPU = "submissions to exercises that want it are graded on it, one at a time"
State = Literal["holds", "does not hold", "not available"]


@dataclass(frozen=True)
class Part:
    """One part of the isolation on this machine."""

    name: str
    state: State
    does: str
    mend: str = ""  # what to do where it is not there


@dataclass(frozen=True)
class Examination:
    """What was found."""

    tier: Isolation | None  # the one that grading uses; None: nothing real is graded here
    verdicts: tuple[Verdict, ...]  # of the tiers that were tried, the best one first
    parts: tuple[Part, ...]
    remarks: tuple[str, ...]  # what the tier in use does not promise


def examine(guard: Path | None = None, devices: Path = gpu.DEVICES) -> Examination:
    """Try to break out of every tier until one holds, and every GPU in the one that does.

    guard: a folder that must stay secret. devices: the folder of device files. Raises CourseError where
    ASSAY_GRADING_GPUS names what is no device.
    """
    tier, verdicts = first_that_holds(guard)
    parts = (*_parts(verdicts), *_gpus(tier, devices))
    return Examination(tier, verdicts, parts, tuple(_remarks(tier, devices)))


def doctor(guard: Path | None = None) -> int:
    """Print what was found. Exit status 0 where real submissions can be graded, else 1."""
    found = examine(guard)
    if importlib.util.find_spec("rich") is not None:
        _print_tables(found)
    else:
        print("\n".join(as_lines(found)))
    return 0 if found.tier is not None else 1


def as_lines(found: Examination) -> Iterator[str]:
    """The findings as plain text."""
    yield _headline(found)
    for verdict in found.verdicts:
        yield f"\n{verdict.tier}: {'holds' if verdict.holds else 'does not hold'}"
        for name, holds, detail in _trials(verdict):
            yield f"  {'yes' if holds else 'NO ':3}  {name}{f' ({detail})' if detail else ''}"
    yield "\nParts"
    for part in found.parts:
        yield f"  {part.state:13}  {part.name}: {part.does}" + (f"\n{'':17}{part.mend}" if part.mend else "")
    if found.remarks:
        yield "\nNot promised by this tier"
        yield from (f"  {remark}" for remark in found.remarks)


def _print_tables(found: Examination) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    colour = {"holds": "green", "does not hold": "red", "not available": "yellow"}
    console.print(f"[bold]{escape(_headline(found))}[/]\n")
    for verdict in found.verdicts:
        table = Table(title=f"[bold]{verdict.tier}[/]", title_justify="left", show_header=False, pad_edge=False)
        for name, holds, detail in _trials(verdict):
            table.add_row("[green]yes[/]" if holds else "[red]no[/]", escape(name), escape(detail))
        console.print(table)
    table = Table(
        "part", "", "what it does", "what to do", title="[bold]parts[/]", title_justify="left", pad_edge=False
    )
    for part in found.parts:
        state = f"[{colour[part.state]}]{part.state}[/]"
        table.add_row(escape(part.name), state, escape(part.does), escape(part.mend))
    console.print(table)
    for remark in found.remarks:
        console.print(f"Not promised by this tier: {escape(remark)}")


def _headline(found: Examination) -> str:
    if found.tier is None:
        return "No sandbox of this machine keeps a submission from your files: nothing real is graded here."
    return f"Submissions are graded in: {found.tier.name}"


def _trials(verdict: Verdict) -> Iterator[tuple[str, bool, str]]:
    if verdict.error:
        yield "it starts", False, " ".join(verdict.error.split())
    for trial in verdict.trials:
        yield trial.name, trial.holds, "" if trial.holds else trial.detail


def _parts(verdicts: tuple[Verdict, ...]) -> Iterator[Part]:
    root = os.geteuid() == 0
    by_name = {verdict.tier: verdict for verdict in verdicts}
    yield _namespaces(by_name[Bubblewrap.name])
    yield from (_warm_start(verdict) for verdict in verdicts if verdict.tier.endswith(WARM_START))
    yield Part(
        "own uid",
        "holds" if root else "not available",
        "the kernel keeps a submission from every file and process that is not for all",
        "" if root else "Only root can give one. In bubblewrap a user namespace stands for it.",
    )
    yield _landlock()
    installed = seccomp.available()
    yield Part(
        "seccomp",
        "holds" if installed else "not available",
        "no network, no other process, few system calls; the second layer in every tier",
        "" if installed else "Install libseccomp: apt-get install libseccomp2",
    )
    yield _control_group()
    yield Part("limits", "holds", "memory, processor time, processes, file size and open files of each process")
    yield Part("watch", "holds", "memory, processor time and disk of all processes together, every 0.1 seconds")


def _namespaces(verdict: Verdict) -> Part:
    does = "a root folder, process table, network and users of its own: only the named libraries are there"
    if verdict.holds:
        return Part("namespaces (bubblewrap)", "holds", does)
    if shutil.which("bwrap") is None:
        return Part("namespaces (bubblewrap)", "not available", does, "apt-get install bubblewrap")
    if "Unknown option" in verdict.error:
        return Part("namespaces (bubblewrap)", "does not hold", does, "Install bubblewrap 0.7 or later.")
    return Part("namespaces (bubblewrap)", "does not hold", does, _why_no_namespaces())


def _warm_start(verdict: Verdict) -> Part:
    does = "libraries are loaded once, and each submission is a fork behind fences of its own"
    if verdict.holds:
        return Part(WARM_START, "holds", does)
    mend = (
        f"Each submission loads its libraries anew: slower, and as safe. {'; '.join(verdict.broken)}. Use Linux 5.14 "
        "or later, and allow user namespaces to programs in bubblewrap (AppArmor may forbid them there)."
    )
    return Part(WARM_START, "does not hold", does, " ".join(mend.split()))


def _why_no_namespaces() -> str:
    settings = {
        "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
        "kernel/unprivileged_userns_clone": ("0", "1"),
        "user/max_user_namespaces": ("0", "15000"),
    }
    for name, (forbids, allows) in settings.items():
        file = Path("/proc/sys", name)
        if file.exists() and file.read_text().strip() == forbids:
            return f"User namespaces are switched off: sysctl -w {name.replace('/', '.')}={allows}"
    return (
        "This looks like a container that forbids namespaces. Where the confined process holds, leave it so. Docker "
        "allows them to an ordinary user with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    )


def _landlock() -> Part:
    version = landlock.abi()
    mend = ""
    if version == 0:
        mend = "Use Linux 5.13 or later, with landlock in the boot parameter lsm= where it is set."
    name = f"Landlock, {landlock.describe(version)}" if version else "Landlock"
    does = "files outside an allow-list cannot be opened, whoever owns them"
    return Part(name, "holds" if version else "not available", does, mend)


def _control_group() -> Part:
    place = cgroup.find_place()
    does = "the kernel caps memory and processes of a submission as a whole"
    if place is not None and cgroup.works(place):
        return Part(f"control group, version {place.version}", "holds", does)
    return Part("control group", "not available", does, "Optional. Without it the watch stands in.")


def _gpus(tier: Isolation | None, folder: Path) -> Iterator[Part]:
    """Those of this machine, and those that its grader was given."""
    named = [word for word in os.environ.get("ASSAY_GRADING_GPUS", "").split(",") if word.strip()]
    numbers = dict.fromkeys((*gpu.numbers_of(named), *gpu.devices_in(folder)))
    if not numbers:
        yield Part("GPU", "not available", ON_GPU, "Optional. /dev/nvidia0 is not there: see docs/operators.md.")
    for number in numbers:
        yield _gpu(tier, gpu.Gpu(number, folder))


def _gpu(tier: Isolation | None, device: gpu.Gpu) -> Part:
    name = f"GPU {device.number}"
    try:
        _ = device.files
        if tier is None:
            return Part(name, "does not hold", ON_GPU, "There is no sandbox to use it in.")
        tier.start(Job("probe", gpu=device)).stop()  # which is ready once CUDA has answered
    except SandboxError as error:
        return Part(name, "does not hold", ON_GPU, " ".join(str(error).removesuffix(HINT).split()))
    try:
        return Part(f"{name} ({nvml.describe(device.number)})", "holds", ON_GPU)
    except nvml.NoAnswer as error:
        return Part(name, "holds", ON_GPU, f"Its memory is not watched (gpu_memory): {error}.")


def _remarks(tier: Isolation | None, devices: Path) -> Iterator[str]:
    if not isinstance(tier, Confined):
        return
    if "files" not in tier.required and gpu.devices_in(devices):
        yield "a submission that was given no GPU can open one whose device file is for all users"
    yield "whether a file exists, its size and its dates can be asked for; its contents cannot"
    yield "temporary files are measured every 0.1 seconds, so the cap can be passed for that long"
    yield "notebooks have no terminal, so lines such as !ls fail"
    if os.geteuid() != 0:
        yield "the cap on processes counts those that this user runs already, as found when a sandbox starts"
        if landlock.abi() < SIGNALS_SINCE:
            yield "a submission's processes cannot signal each other, because this Landlock does not keep signals in"
