"""What a judge zygote has ready for its judges, and how it comes to it: the bank of examples is filled by a fork.

The fork runs the checks with the reference in the student's place. So no thread that it starts, and nothing that it
leaves behind in a library, is in the zygote.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from assay.checks.bank import Bank
from assay.checks.collected import Seat, Session
from assay.grading import diagnosis
from assay.grading.assigned import Round
from assay.grading.control import exactly, receive, send
from assay.grading.diagnosis import Known
from assay.grading.judge_rights import confine_judge
from assay.outcome import CheckResult
from assay.sandbox.local import local_student
from assay.sandbox.shared import share

THREADED = ("tensorflow", "jax")  # whose values start threads when they are made


@dataclass(frozen=True)
class Filled:
    """What a filling fork says."""

    bank: bytes  # Bank.dumps


@dataclass
class Ready:
    """All that the judges of a round share."""

    round: Round
    reference: Mapping[str, object]
    lacking: Sequence[str]  # what could not be taken away from the zygote
    staff_notes: list[str] = field(default_factory=list)
    _filled: Filled | None = None
    _bank: Bank | None = None
    _known: Known | None = None

    def take(self, filled: Filled) -> None:
        """Have it ready for all forks. Values that would start threads are left to each fork."""
        self._filled = filled
        if not any(name in sys.modules for name in THREADED):
            self._bank = self._loaded()
            if self._bank is not None:
                self._bank.share(share)

    def bank(self) -> Bank | None:
        """For one judge; None where there is none and everything is drawn."""
        return self._bank or self._loaded()

    def known(self) -> Known:
        """What a diagnosis needs. Raises AuthoringError where the files of the exercise cannot be used."""
        if self._known is None:
            self._known = diagnosis.known(self.round.folder, self.round.tasks, self.round.limits)
        return self._known

    def _loaded(self) -> Bank | None:
        return None if self._filled is None else Bank.loads(self._filled.bank, once=True)


class Filler:
    """What becomes of a fork that is to fill the bank."""

    def __init__(self, ready: Ready, control: socket.socket) -> None:
        self._ready = ready
        self._control = control
        self._open = ExitStack()
        self._bank = Bank()

    def seat(self, session: Session) -> Seat:
        """The reference in the student's place, on all checks that draw."""
        round, reference = self._ready.round, self._ready.reference
        confine_judge(os.getcwd(), round.limits.seconds)
        student, control = (self._open.enter_context(local_student(reference, round.limits)) for _ in range(2))
        draws = frozenset(name for name, one in session.collected.items() if one.draws)
        return Seat(student, control, self._bank, only=draws)

    def finish(self, results: tuple[CheckResult, ...]) -> None:
        """Hand over what was drawn."""
        self._open.close()
        bank = self._bank.dumps()
        send(self._control, {"kind": "filled", "bank": len(bank)})
        self._control.sendall(bank)

    def refuse(self, message: str) -> None:
        """The checks cannot be used a second time: the judges will say so."""
        send(self._control, {"kind": "unusable", "message": message})


def receive_filled(control: socket.socket, deadline: float) -> Filled:
    """What a filling fork hands over. Raises ControlError and KeyError where it does not."""
    message = receive(control, deadline=deadline)
    return Filled(exactly(control, int(message["bank"]), deadline))
