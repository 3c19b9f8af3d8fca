"""Ask a student, the reference and known mistakes the same things, and drop each mistake that says anything else."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from assay.checks.answers import Answer
from assay.checks.collected import seed_for
from assay.checks.probes import Probe
from assay.grading.evidence import Contrast, Evidence, Said, Yielded, agree, contrast, shares_a_side
from assay.grading.known import Known, Memory
from assay.grading.witness import Failure, Lost, Witness, local_witness
from assay.sandbox.limits import Limits

JUDGED, FAILING = 25, 6  # examples on which the first failed check was judged, and how many failing ones are enough
LEADING, OTHERS = 8, 2  # examples of that check, and of each other check of the task, in one fresh draw
ROUNDS, MOST_ROUNDS = 3, 8  # fresh draws


class Speaker(Protocol):
    """Whoever can be listened to."""

    def listen(self, probe: Probe, *, only: str | None, until: float) -> Yielded:
        """What it yields on a probe. Raises Lost."""


@dataclass
class Remembering:
    """A known mistake, or the reference, which is asked each thing once."""

    memory: Memory
    witness: Witness  # starts when it is asked for the first time
    answer: Answer | None = None  # the mistake

    def listen(self, probe: Probe, *, only: str | None, until: float) -> Yielded:
        if probe.key in self.memory.lost:
            raise Lost
        found = self.memory.heard.get(probe.key)
        return self._ask(probe, only, until) if found is None else found

    def contrast(self, probe: Probe, mistake: Yielded, right: Yielded) -> Contrast:
        """How `mistake`, which it yields on a probe, differs from what is right."""
        found = self.memory.contrasts.get(probe.key) or contrast(mistake, right)
        return self.memory.contrasts.setdefault(probe.key, found)

    def _ask(self, probe: Probe, only: str | None, until: float) -> Yielded:
        try:
            heard = self.witness.listen(probe, only=only, until=until)
        except Lost:
            self.witness.pardon()
            if time.monotonic() < until:
                self.memory.lost.add(probe.key)
            raise
        heard = tuple(replace(one, value=self._renamed(one.value)) for one in heard)
        self.memory.keep(probe.key, heard, held=self.witness.held)
        return heard

    def _renamed(self, value: object) -> object:
        """With a class named as the student's is."""
        if self.answer is not None and isinstance(value, Failure):
            return Failure(value.message.replace(self.answer.name, self.answer.of))
        return value


@dataclass
class Voices:
    """The reference and the known mistakes of one function."""

    known: Known
    function: str
    limits: Limits
    stack: ExitStack  # closes them

    @property
    def only(self) -> str | None:
        """Whose calls are heard: all where a class does the task, by way of its methods."""
        return None if inspect.isclass(self.known.reference.get(self.function)) else self.function

    @cached_property
    def reference(self) -> Remembering:
        return self._remembering({}, None)

    @cached_property
    def mistakes(self) -> tuple[tuple[Answer, Remembering], ...]:
        return tuple(
            (answer, self._remembering({answer.of: answer.function}, answer))
            for answer in self.known.mutants
            if answer.of == self.function
        )

    def _remembering(self, changes: Mapping[str, object], answer: Answer | None) -> Remembering:
        witness = self.stack.enter_context(local_witness({**self.known.reference, **changes}, self.limits))
        return Remembering(self.known.memory(self.function, answer.name if answer else ""), witness, answer)


@dataclass
class Candidate:
    """A known mistake that may be the student's."""

    answer: Answer
    speaker: Remembering
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def is_convincing(self) -> bool:
        return self.evidence.is_convincing(self.answer.says)


@dataclass(frozen=True)
class Hearing:
    """A student asked the same things as the reference and the known mistakes of one function."""

    voices: Voices
    student: Speaker
    until: float  # of the monotonic clock

    def survivors(self, names: Sequence[str], secret: bytes) -> list[Candidate]:
        """The mistakes that agree with the student wherever asked; the first check is one that failed. Raises Lost."""
        candidates = self.fitting(names[0], secret)
        for number in range(MOST_ROUNDS):
            for probe in self.fresh(names, secret, number):
                if not candidates:
                    return []
                said = self._hear_both(probe)
                candidates = [one for one in candidates if self._adds(one, probe, said)]
            if number + 1 >= ROUNDS and any(one.is_convincing for one in candidates):
                break
        return candidates

    def fitting(self, name: str, secret: bytes) -> list[Candidate]:
        """Those that agree with the student on the inputs on which a check failed; none where there are none.

        Raises Lost.
        """
        candidates = [Candidate(answer, speaker) for answer, speaker in self.voices.mistakes]
        failing = 0
        for probe in self.voices.known.draw(name, seed=seed_for(secret, name), count=JUDGED):
            said = self._hear_both(probe)
            if said.is_sound and not said.sides:
                continue
            if not agree(said.yielded, self.hear(self.student, probe)):
                raise Lost  # an answer that changes from call to call explains nothing
            if said.is_sound:
                candidates = [one for one in candidates if self._shares_a_side(one, probe, said)]
            candidates = [one for one in candidates if self._adds(one, probe, said) and not one.evidence.excused]
            failing += 1
            if failing == FAILING:
                break
        if not failing:
            return []
        return [replace(one, evidence=Evidence()) for one in candidates]  # what convinces has to be seen afresh

    def _hear_both(self, probe: Probe) -> Said:
        """What the student yields, and what is right. Raises Lost where the reference gives no value either."""
        said, right = self.hear(self.student, probe), self.hear(self.voices.reference, probe)
        if right and all(isinstance(one.value, Failure) for one in right):
            raise Lost
        return Said(said, right)

    def _adds(self, candidate: Candidate, probe: Probe, said: Said) -> bool:
        speaker = candidate.speaker
        try:
            mistake = self.hear(speaker, probe)
        except Lost:
            return False
        return candidate.evidence.add(probe.check, said, mistake, lambda: speaker.contrast(probe, mistake, said.right))

    def _shares_a_side(self, candidate: Candidate, probe: Probe, said: Said) -> bool:
        try:
            return shares_a_side(said, self.hear(candidate.speaker, probe))
        except Lost:
            return False

    def hear(self, speaker: Speaker, probe: Probe) -> Yielded:
        return speaker.listen(probe, only=self.voices.only, until=self.until)

    def fresh(self, names: Sequence[str], secret: bytes, number: int) -> Iterator[Probe]:
        """New examples of all checks, most of the first."""
        for name in names:
            count = LEADING if name == names[0] else OTHERS
            drawn = self.voices.known.draw(name, seed=seed_for(secret, f"{name} diagnosis {number}"), count=count + 1)
            if len(drawn) == 1 and number == 0:  # nothing is drawn
                yield from drawn
            yield from drawn[1:]  # the first one is the simplest, whatever the seed
