"""Diagnose each known mistake as if a student had handed it in, so that what this asks is remembered.

Whoever makes a known mistake is asked the same things, and most who make another fail on the same examples.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from assay.checks.check import check_of
from assay.checks.collected import seed_for
from assay.grading.hearing import JUDGED, ROUNDS, Hearing, Remembering, Voices
from assay.grading.known import Known
from assay.grading.witness import Lost

LOOKED = 6  # examples of a check that show whether a mistake fails it; mostly, the first does
ENDLESS = 1e9  # seconds of all calls of one mutant, which are many


@dataclass(frozen=True)
class Rehearsal:
    """One known mistake in one task that it may spoil."""

    hearing: Hearing
    names: list[str]  # of the checks of the task, first the one that fails


def rehearse(known: Known, secret: bytes, *, seconds: float) -> None:
    """Draw and hear what diagnoses will need, the most wanted first, until so much processor time is spent."""
    until = time.process_time() + seconds
    rehearsals: list[Rehearsal] = []
    with ExitStack() as stack:
        for function in dict.fromkeys(answer.of for answer in known.mutants):
            voices = Voices(known, function, replace(known.limits, seconds=ENDLESS), stack)
            for _, mistake in voices.mistakes:
                rehearsals += _rehearsals(voices, mistake, secret) if time.process_time() < until else ()
        for step in (_first_examples, _leading_answers, _right_answers, _whole_diagnosis):
            for one in rehearsals:
                if time.process_time() < until:
                    with suppress(Lost):
                        step(one, secret)


def _first_examples(one: Rehearsal, secret: bytes) -> None:
    """What tells most mistakes apart."""
    one.hearing.fitting(one.names[0], secret)


def _leading_answers(one: Rehearsal, secret: bytes) -> None:
    _right_answers(replace(one, names=one.names[:1]), secret)


def _right_answers(one: Rehearsal, secret: bytes) -> None:
    """What the reference yields, wherever a diagnosis asks."""
    for number in range(ROUNDS):
        for probe in one.hearing.fresh(one.names, secret, number):
            one.hearing.hear(one.hearing.voices.reference, probe)


def _whole_diagnosis(one: Rehearsal, secret: bytes) -> None:
    one.hearing.survivors(one.names, secret)


def _rehearsals(voices: Voices, mistake: Remembering, secret: bytes) -> Iterator[Rehearsal]:
    """One for each task with a check that this mistake fails."""
    known = voices.known
    hearing = Hearing(voices, mistake, until=math.inf)
    for task in known.tasks:
        names = [name for name in known.checks if known.is_usable(name) and known.task_of(name) == task.name]
        abouts = (getattr(check_of(known.checks[name]), "about", None) for name in names)
        if voices.function in {task.name, *abouts}:
            failed = next((name for name in names if _fails(hearing, mistake, name, secret)), None)
            if failed is not None:
                yield Rehearsal(hearing, [failed, *(name for name in names if name != failed)])


def _fails(hearing: Hearing, mistake: Remembering, name: str, secret: bytes) -> bool:
    """Whether the mistake is seen to fail that check."""
    drawn = hearing.voices.known.draw(name, seed=seed_for(secret, name), count=JUDGED)
    for probe in drawn[:LOOKED]:
        with suppress(Lost):
            hearing.hear(mistake, probe)
        if probe.key in mistake.memory.failed or probe.key in mistake.memory.lost:
            return probe.key in mistake.memory.failed
    return False
