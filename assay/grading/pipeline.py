"""Grade one submission: start a judge, start the sandboxed workers it asks for, and check what it reports.

this process ──job──► judge (a fork of its zygote: pytest, Hypothesis, the exercise's graders/ folder; nothing else)
     │  ◄─worker?──    │
     └─isolation─► worker ◄──calls──┘ over a descriptor that this process hands to the judge
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from assay.course import Exercise
from assay.errors import AuthoringError, SandboxError
from assay.grading.assigned import Assigned
from assay.grading.control import ControlError, receive, send
from assay.grading.gpus import NONE, Gpus, notes_on
from assay.grading.judges import Judge, Judges
from assay.grading.rounds import draw_secret, suite_version
from assay.grading.sound import Unsound, sound_report
from assay.outcome import Report
from assay.sandbox.isolation.job import Ending, Isolation, Job
from assay.sandbox.libraries import mentioned
from assay.submission import Source

if TYPE_CHECKING:
    from assay.sandbox.isolation.running import Running

GRACE_SECONDS = 90.0  # for the judge's own work: drawing inputs, the reference, looking for smaller examples
WORKERS = 2  # alive at the same time
NOTES = 20  # staff notes about workers
NOTE = 2000  # characters of a staff note
CHATTER = re.compile(  # what TensorFlow writes whenever it is loaded, before anybody can tell it not to
    r"^(?:WARNING: All log messages before absl::InitializeLog\(\) .*|I0000 00:00:[\d.]+ +\d+ \S+\] .*)\n?",
    re.MULTILINE,
)


def grade(
    exercise: Exercise,
    source: Source,
    *,
    secret: bytes,
    round: str,
    isolation: Isolation,
    files: Mapping[str, bytes] = MappingProxyType({}),
    judges: Judges | None = None,
    gpus: Gpus = NONE,
    grace_seconds: float = GRACE_SECONDS,
    found: Callable[[Report], object] | None = None,
) -> Report:
    """Everything the hidden checks say about one submission.

    `secret` is the course secret (`rounds.course_secret`) and `round` a name such as `rounds.round_name()`: equal
    ones draw equal examples. `files` are the submitted side files that the exercise keeps. `judges` are kept from one
    submission to the next; without, a judge is started for this one alone. `gpus` are the devices of this grader; where
    the exercise wants one, this waits until one is free. Whatever the submission does ends as a result in the report.
    The judge gets `exercise.limits.seconds + grace_seconds` of wall time, and so long to start.
    `found` is called with all verdicts where smaller failing inputs are still looked for, and once more where likely
    mistakes are. These change no verdict, but where only then the reference turns out to fail as well.

    Raises AuthoringError where the exercise cannot be used, and SandboxError where the judge or a worker could not
    be started or the judge was lost: then nothing is known, and no points are given on that account.
    """
    assigned = Assigned(source, exercise.limits.seconds + grace_seconds)
    version = suite_version(exercise)
    loaded = mentioned(exercise.libraries, "\n".join(cell.text for cell in source.cells))
    with ExitStack() as stack:
        gpu = stack.enter_context(gpus.lent(exercise))
        worker = Job("worker", exercise.libraries, loaded, exercise.limits, files, gpu)
        named = _Named(exercise.name, version, round, time.monotonic())
        judges = judges or stack.enter_context(Judges())
        judge = stack.enter_context(judges.start(exercise, draw_secret(secret, suite=version, round=round)))
        try:
            report = _serve(judge, exercise, assigned, isolation, worker, lambda early: found and found(named(early)))
        except (ControlError, Unsound) as error:
            raise SandboxError(
                f"The judge of {exercise.name} was lost: {error}. Nothing was graded; grade this submission again, "
                f"and if it stays so, look at the exercise with `assay verify`.\n{judge.output()}".rstrip()
            ) from error
    return named(replace(report, staff_notes=(*notes_on(exercise, gpu), *report.staff_notes)))


def prepare(exercise: Exercise, *, secret: bytes, round: str, judges: Judges) -> None:
    """Start what judges submissions of this exercise in this round, without waiting for it."""
    judges.prepare(exercise, draw_secret(secret, suite=suite_version(exercise), round=round))


@dataclass(frozen=True)
class _Named:
    """Gives a report what the judge is not told."""

    exercise: str
    suite: str
    round: str
    started: float  # monotonic

    def __call__(self, report: Report) -> Report:
        taken = time.monotonic() - self.started
        return replace(report, assignment=self.exercise, suite_version=self.suite, round=self.round, seconds=taken)


def _serve(
    judge: Judge,
    exercise: Exercise,
    assigned: Assigned,
    isolation: Isolation,
    job: Job,
    found: Callable[[Report], object],
) -> Report:
    """Answer a judge's requests until it reports. Every worker has ended when this returns or raises."""
    waiting = [isolation.start(job)]  # the first worker starts while the judge does
    workers: dict[int, Running] = {}
    notes: list[str] = []
    unheard = [found] * 2  # before smaller inputs and before likely mistakes are looked for
    try:
        if unusable := judge.begin(time.monotonic() + assigned.seconds):
            raise AuthoringError(f"{exercise.name}: {unusable}")
        deadline = time.monotonic() + assigned.seconds
        send(judge.channel, assigned.message())
        while True:
            message = receive(judge.channel, deadline=deadline)
            match message:
                case {"kind": "start", "worker": int(number)} if number not in workers and len(workers) < WORKERS:
                    workers[number] = waiting.pop() if waiting else isolation.start(job)
                    send(judge.channel, {"kind": "started"}, descriptor=workers[number].channel.fileno())
                case {"kind": "stop", "worker": int(number)} if number in workers:
                    ending = workers.pop(number).stop()
                    if ending.reason == "lost":
                        raise SandboxError("The zygote of a worker has ended, and the worker with it. Grade it again.")
                    notes += _note_of(ending)
                    send(judge.channel, {"kind": "ended", "reason": ending.reason})
                case {"kind": "unusable", "message": str(text)}:
                    raise AuthoringError(f"{exercise.name}: {text}")
                case {"kind": "found", "report": str(text)} if unheard:
                    unheard.pop()(sound_report(text, exercise))
                case {"kind": "report", "report": str(text), "staff_notes": [*said]}:
                    report = sound_report(text, exercise)
                    return replace(report, staff_notes=(*map(str, said), *notes[:NOTES]))
                case _:
                    raise ControlError("it says something that a judge does not say")
    finally:
        for worker in (*waiting, *workers.values()):
            worker.stop()


def _note_of(ending: Ending) -> list[str]:
    """What staff may want to know of how a worker ended."""
    output = CHATTER.sub("", ending.output)
    if ending.reason in ("ended", "stopped") and not output.strip():
        return []
    megabytes = ending.peak_memory / 2**20
    used = f"{ending.cpu_seconds:.1f} s of CPU time, {megabytes:.0f} MiB of memory"
    return [f"A worker ended ({ending.reason}, status {ending.status}, {used}).\n{output}"[:NOTE].rstrip()]
