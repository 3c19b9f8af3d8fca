"""Run code that we do not trust so that it reaches nothing of this machine.

`choose` gives the best tier that withstands its own self-test here: `Bubblewrap`, or `Confined` where namespaces
are forbidden. Forging a score is impossible in every tier, because the border sees to that; the tiers differ in
what is kept secret from, and how far is kept away, a program that tries to break out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from assay.errors import SandboxError
from assay.sandbox.isolation import cgroup, scratch
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import FENCES, Confined
from assay.sandbox.isolation.job import Ending, Isolation, Job
from assay.sandbox.isolation.running import Running
from assay.sandbox.isolation.self_test import Verdict, try_to_break
from assay.sandbox.isolation.warm import Lent, Warm
from assay.sandbox.isolation.zygote import Forking

__all__ = [
    "Ending",
    "Forking",
    "Isolation",
    "Job",
    "Lent",
    "Running",
    "Warm",
    "choose",
    "first_that_holds",
    "open_door",
    "tiers",
    "try_to_break",
]

WARM_START = "warm start"


def tiers() -> tuple[Bubblewrap | Confined, ...]:
    """All tiers, the best one first, whether they hold here or not."""
    place = cgroup.find_place()
    cgroup.sweep(place)
    scratch.sweep()
    groups = place if cgroup.works(place) else None
    without_landlock = tuple(name for name in FENCES if name != "files")
    return (Bubblewrap(groups), Confined(groups), Confined(groups, without_landlock, "own user"))


@lru_cache(maxsize=8)
def choose(guard: Path | None = None) -> Forking:
    """The best tier that holds on this machine; tried once in each process.

    guard: a folder that must stay secret, such as the course's; without one a world-readable folder stands for it.
    Raises SandboxError where not even a file can be kept from a submission.
    """
    isolation, verdicts = first_that_holds(guard)
    if isolation is None:
        raise SandboxError(refusal(verdicts))
    return isolation


def first_that_holds(guard: Path | None = None) -> tuple[Forking | None, tuple[Verdict, ...]]:
    """The first tier that withstands its self-test, or None, and what was found on the way to it.

    It is tried once more with a fork of a zygote. Where that holds less, the tier is used without a warm start.
    """
    verdicts = []
    for tier in tiers():
        verdicts.append(try_to_break(tier, guard))
        if verdicts[-1].holds:
            with Warm(tier) as warm:
                forked = replace(try_to_break(warm, guard), tier=f"{tier.name}, {WARM_START}")
            warms = forked.holds and set(forked.broken) <= set(verdicts[-1].broken)
            return replace(tier, warm=warms), (*verdicts, forked)
    return None, tuple(verdicts)


def refusal(verdicts: tuple[Verdict, ...]) -> str:
    """Why nothing real is graded here, and how to mend it."""
    found = "\n".join(f"  {verdict.tier}: {'; '.join(verdict.broken)}" for verdict in verdicts)
    return (
        f"No sandbox of this machine keeps a submission from reading your files, so nothing is graded.\n{found}\n"
        "Install bubblewrap (apt-get install bubblewrap) on a machine that allows user namespaces, or run on "
        "Linux 5.13 or later with Landlock and libseccomp2. `assay doctor` says which part is missing."
    )


def open_door() -> Forking:
    """No secrecy at all: for the demo, whose submissions are our own. Never grade a stranger's code with it."""
    return Confined(None, (), "open door, which keeps nothing secret")
