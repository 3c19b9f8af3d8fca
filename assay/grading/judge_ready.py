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
from assay.checks.foreseen import Calls
from assay.errors import AuthoringError
from assay.grading import diagnosis
from assay.grading.assigned import Round
from assay.grading.control import ControlError, exactly, receive, send
from assay.grading.diagnosis import Known
from assay.grading.judge_rights import confine_judge
from assay.outcome import CheckResult
from assay.sandbox.ahead import Foreseen, foreseen
from assay.sandbox.local import local_student
from assay.sandbox.shared import share

THREADED = ("tensorflow", "jax")  # whose values start threads when they are made


@dataclass
class Ready:
    """All that the judges of a round share. Values that would start threads are made by each of them."""

    round: Round
    reference: Mapping[str, object]
    lacking: Sequence[str]  # what could not be taken away from the zygote
    staff_notes: list[str] = field(default_factory=list)
    _filled: bytes = b""  # Bank.dumps
    _bank: Bank | None = None
    _prepared: bytes = b""  # diagnosis.prepare
    _known: Known | None = None

    def take_bank(self, data: bytes) -> None:
        """Have all forks replay these examples."""
        self._filled = data
        if not _would_start_threads():
            self._bank = Bank.loads(data, once=True)
            self._bank.share(share)

    def take_diagnosis(self, data: bytes) -> None:
        """Have all forks know what was prepared for diagnoses. Raises AuthoringError as `known`."""
        self._prepared = data
        if not _would_start_threads():
            self._known = self.known()

    def bank(self) -> Bank | None:
        """For one judge; None where there is none and everything is drawn."""
        return self._bank or (Bank.loads(self._filled, once=True) if self._filled else None)

    def known(self) -> Known:
        """What a diagnosis needs. Raises AuthoringError where the files of the exercise cannot be used."""
        if self._known is not None:
            return self._known
        found = diagnosis.known(self.round.folder, self.round.tasks, self.round.limits)
        if self._prepared:
            diagnosis.adopt(found, self._prepared)
        return found


def _would_start_threads() -> bool:
    return any(name in sys.modules for name in THREADED)


class Filler:
    """What becomes of a fork that is to fill the bank."""

    def __init__(self, ready: Ready, control: socket.socket) -> None:
        self._ready = ready
        self._control = control
        self._open = ExitStack()
        self._bank = Bank(with_calls=True)

    def seat(self, session: Session) -> Seat:
        """The reference in the student's place, on all checks that draw."""
        round, reference = self._ready.round, self._ready.reference
        confine_judge(round.folder, os.getcwd(), round.limits.seconds + diagnosis.PREPARING)
        student, control = (self._open.enter_context(local_student(reference, round.limits)) for _ in range(2))
        draws = frozenset(name for name, one in session.collected.items() if one.draws)
        return Seat(student, control, self._bank, only=draws)

    def finish(self, results: tuple[CheckResult, ...]) -> None:
        """Hand over what was drawn, and later, while the judges go on, what was prepared for diagnoses."""
        self._open.close()
        self._bank.make_ready(sent_ahead)
        self._hand_over("bank", self._bank.dumps())
        self._hand_over("diagnosis", diagnosis.prepare(self._ready.known(), self._ready.round.secret))

    def refuse(self, message: str) -> None:
        """The exercise cannot be used for this, and the judges will say so."""
        send(self._control, {"kind": "unusable", "message": message})

    def _hand_over(self, kind: str, data: bytes) -> None:
        send(self._control, {"kind": kind, "bytes": len(data)})
        self._control.sendall(data)


def sent_ahead(calls: Calls) -> tuple[Foreseen, ...]:
    """The calls of a check, to be sent before it asks for them; none where they depend on answers."""
    made = foreseen(calls.made)
    return made if made is not None and made == foreseen(calls.nudged) else ()


@dataclass(frozen=True)
class Filling:
    """The fork that fills the bank, as the zygote holds it."""

    channel: socket.socket
    leash: int  # its writing end

    def close(self) -> None:
        """Let the fork go. May be called twice."""
        if self.channel.fileno() != -1:
            self.channel.close()
            os.close(self.leash)


def receive_filled(control: socket.socket, kind: str, deadline: float) -> bytes:
    """What a filling fork hands over. Raises ControlError where it does not, AuthoringError where it says why."""
    match receive(control, deadline=deadline):
        case {"kind": said, "bytes": int(count)} if said == kind:
            return exactly(control, count, deadline)
        case {"kind": "unusable", "message": str(message)}:
            raise AuthoringError(message)
    raise ControlError("it does not say what was asked")
