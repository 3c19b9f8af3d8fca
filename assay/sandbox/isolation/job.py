"""What is run in a sandbox, how it ended, and what every tier of isolation offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.limits import Limits

if TYPE_CHECKING:
    from assay.sandbox.isolation.running import Running

Reason = Literal["ended", "stopped", "memory", "cpu", "disk", "gpu memory", "crashed", "lost"]


@dataclass(frozen=True)
class Job:
    """One program to run in a sandbox of its own."""

    program: Literal["worker", "notebook", "probe"] = "worker"
    libraries: tuple[str, ...] = ("numpy",)  # distributions it may see, with what they need
    loaded: tuple[str, ...] | None = None  # those of them to load before it begins; None: all
    limits: Limits = field(default_factory=Limits)
    files: Mapping[str, bytes] = field(default_factory=dict)  # put into its working folder, not writable
    gpu: Gpu | None = None  # one that it has for itself


@dataclass(frozen=True)
class Ending:
    """How a sandboxed program ended, as well as it can be known from outside."""

    reason: Reason  # "stopped": it still ran when `stop` was called; "lost": with its zygote, so the fault is ours
    status: int | None  # exit status; minus the signal's number where a signal ended it
    output: str  # tail of stdout and stderr, for staff alone
    cpu_seconds: float  # user and system time of all its processes
    peak_memory: int  # bytes, the largest sum over its processes that was seen


class Isolation(Protocol):
    """A way to run a program so that it reaches nothing of this machine."""

    @property
    def name(self) -> str:
        """What `assay doctor` calls it."""
        ...

    def start(self, job: Job) -> Running:
        """Start a program; returns once its libraries are loaded and nothing more can be reached from inside.

        Raises SandboxError where the sandbox cannot be set up: ours, never the student's.
        """
        ...
