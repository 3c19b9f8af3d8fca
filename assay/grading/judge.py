"""The judge: a process that runs the hidden checks of one exercise against one submission, and says what came out.

It is a fork of a judge zygote (`judge_zygote`), which has collected the checks, and has no rights but to read
libraries, the cache of data sets and the exercise's own folder. Student code is elsewhere, in workers that it asks for:

    to the judge                            from the judge
                                            {"kind": "judging"}
    the submission: cells, ...
                                            {"kind": "start", "worker": 1}
    {"kind": "started"} and a descriptor
                                            {"kind": "stop", "worker": 1}
    {"kind": "ended", "reason": ...}
                                            {"kind": "found", "report": ...}, before smaller inputs are looked for
                                            {"kind": "found", "report": ...}, before likely mistakes are looked for
                                            {"kind": "report", ...}  or  {"kind": "unusable", "message": ...}
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

from assay.checks.collected import Seat, Session
from assay.errors import StudentLost
from assay.grading.assigned import Assigned
from assay.grading.control import ControlError, receive, receive_with_descriptor, send
from assay.grading.diagnosis import SECONDS, diagnosed, worth_a_try
from assay.grading.judge_ready import Ready
from assay.grading.judge_rights import confine_judge
from assay.grading.witness import Witness
from assay.outcome import CheckResult, Report, to_json
from assay.sandbox.explain import ExplainedStudent, without_noise
from assay.sandbox.local import local_student

RESERVE = 30.0  # seconds of a judge's time that no diagnosis takes


class Worker:
    """A sandboxed worker that the parent started. Implements assay.sandbox.session.Connection."""

    def __init__(self, control: socket.socket, number: int) -> None:
        send(control, {"kind": "start", "worker": number})
        message, descriptor = receive_with_descriptor(control)
        if message != {"kind": "started"} or descriptor is None:
            raise ControlError("no worker came")
        self.channel = socket.socket(fileno=descriptor)
        self._control = control
        self._number = number
        self._ended: Ended | None = None

    def stop(self) -> Ended:
        """End the worker, once."""
        if self._ended is None:
            self.channel.close()
            send(self._control, {"kind": "stop", "worker": self._number})
            self._ended = Ended(str(receive(self._control)["reason"]))
        return self._ended


@dataclass(frozen=True)
class Ended:
    """How a worker ended, as far as a judge needs to know."""

    reason: str


class Judge:
    """What becomes of a process when it is to judge one submission. Raises ControlError where the parent is gone."""

    def __init__(self, ready: Ready, control: socket.socket) -> None:
        self._round = ready.round
        self._ready = ready
        self._control = control
        self._open = ExitStack()
        self._staff_notes = list(ready.staff_notes)

    def seat(self, session: Session) -> Seat:
        """Take on the job, and have the cells loaded."""
        send(self._control, {"kind": "judging"})
        assigned = Assigned.from_message(receive(self._control))
        self._lacking = (*self._ready.lacking, *confine_judge(self._round.folder, os.getcwd(), assigned.seconds))
        self._until = time.monotonic() + assigned.seconds - RESERVE
        numbers = count(1)
        self._student = Witness(lambda: Worker(self._control, next(numbers)), assigned.source, self._round.limits)
        self._student.answered = assigned.source.answered
        self._notes = _loading_notes(self._student)
        control = self._open.enter_context(local_student(self._ready.reference, self._round.limits))
        return Seat(self._student, control, self._ready.bank(), told=self._tell)

    def finish(self, results: tuple[CheckResult, ...]) -> None:
        """Report the results of all checks, and what the student should know about how the cells ran."""
        self._open.close()
        results = self._diagnosed(results)
        self._student.close()
        if self._lacking:
            self._staff_notes.insert(0, f"The judge could not be confined in: {', '.join(self._lacking)}.")
        report = self._report(results)
        send(self._control, {"kind": "report", "report": report, "staff_notes": self._staff_notes})

    def refuse(self, message: str) -> None:
        """Say that the exercise cannot be used."""
        refuse(self._control, message)

    def _report(self, results: tuple[CheckResult, ...]) -> str:
        return to_json(Report("", tuple(map(without_noise, results)), self._notes))

    def _tell(self, results: tuple[CheckResult, ...]) -> None:
        """What the checks found so far: smaller inputs, or likely mistakes, are looked for next."""
        send(self._control, {"kind": "found", "report": self._report(results)})

    def _diagnosed(self, results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
        """The results with likely mistakes. What goes wrong with these is told to staff and changes no verdict."""
        seconds = min(self._until - time.monotonic(), SECONDS)
        if not worth_a_try(results) or seconds <= 0:
            return results
        self._tell(results)
        try:
            return diagnosed(self._ready.known(), results, self._student, self._round.secret, seconds=seconds)
        except ControlError:
            raise
        except Exception as error:
            self._staff_notes.append(f"No likely mistakes could be looked for ({type(error).__name__}: {error}).")
            return results


def refuse(control: socket.socket, message: str) -> None:
    send(control, {"kind": "unusable", "message": message})


def _loading_notes(student: ExplainedStudent) -> tuple[str, ...]:
    try:
        return student.notes
    except StudentLost as lost:
        return (f"Your cells could not all be run: {lost.message}.",)
