"""What a function yields while a check is run on it: every value, changed argument and callback, in order."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from assay.checks.probes import Probe
from assay.errors import StudentLost
from assay.grading.control import ControlError
from assay.sandbox.explain import ExplainedStudent
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.local import Thread
from assay.sandbox.proxy import Remote
from assay.sandbox.session import Answer
from assay.submission import Source

MOST = 8 * MiB  # bytes of arrays in one answer
OBJECT = "<an object that stays with the submission>"
_PLACE = re.compile(r" \(cell .*, line \d+\)$")


@dataclass(frozen=True)
class Failure:
    """A call that gave no value, and why."""

    message: str


@dataclass(frozen=True)
class Heard:
    """What one request came to."""

    value: Any  # plain data, with OBJECT for what stays with the student; or a Failure
    after: Mapping[str, Any]  # the arguments that the call changed
    callbacks: int


class Lost(Exception):
    """The witness can say no more: the worker is gone, the time is over, or its answers are too large."""


class Witness(ExplainedStudent):
    """A student that can be listened to. Otherwise it is as any other."""

    _heard: list[Heard] | None = None
    _only: str | None = None  # function whose calls count; None: everything
    _until: float = 0.0
    _lost: bool = False
    held: bool = True  # whether the check did, to which it was listened last

    def listen(self, probe: Probe, *, only: str | None, until: float) -> tuple[Heard, ...]:
        """Everything heard while that probe runs, whatever its verdict. Raises Lost.

        `only`: calls of functions of other names are left out. `until` is a time of the monotonic clock.
        """
        self.forget()
        self._heard, self._only, self._until, self._lost = [], only, until, False
        self.held = False
        try:
            probe.run(self)
            self.held = True
        except (KeyboardInterrupt, ControlError):
            raise
        except BaseException:  # a check may raise anything; what led to it has been heard
            pass
        finally:
            heard, self._heard = tuple(self._heard), None
        if self._lost:
            raise Lost
        return heard

    def has_cost_a_worker(self, function: str) -> bool:
        """Whether calls of that function have taken too long, or ended their worker."""
        return bool(self._losses.get(function))

    def pardon(self) -> None:
        """Call functions again that have cost workers."""
        self._losses.clear()

    def _ask(self, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any], seconds: float) -> Answer:
        if self._heard is None:
            return super()._ask(request, args, kwargs, seconds)
        left = self._until - time.monotonic()
        try:
            if left <= 0 or self._lost:
                raise StudentLost("timeout", "the time for a diagnosis is over")
            answer = super()._ask(request, args, kwargs, min(seconds, left))
        except StudentLost:
            self._lost = True
            raise
        target = request.get("target")
        if self._only is None or not isinstance(target, str) or target == self._only:
            self._lost = answer.size > MOST
            self._heard.append(_heard(answer))
        return answer


@contextmanager
def local_witness(namespace: Mapping[str, object], limits: Limits) -> Iterator[Witness]:
    """Code that we trust as a witness. Never for a submission."""
    witness = Witness(lambda: Thread(namespace), Source(cells=()), limits)
    try:
        yield witness
    finally:
        witness.close()


def _heard(answer: Answer) -> Heard:
    value = _plain(answer.value)
    if answer.error is not None:
        value = Failure(_PLACE.sub("", answer.error.message))
    return Heard(value, {name: _plain(after) for name, after in answer.after.items()}, answer.callbacks)


def _plain(value: Any) -> Any:
    if type(value) is Remote:
        return OBJECT
    if type(value) in (list, tuple):
        return tuple(map(_plain, value))
    return {key: _plain(part) for key, part in value.items()} if type(value) is dict else value
