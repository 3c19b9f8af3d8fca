"""A student's functions as the checks see them: `student.conv2d(x, w, b, 1, 0, 1)`.

A call returns a value, or raises StudentError (this call gave none) or StudentLost (the worker is gone; the next call
starts another). Values are plain data rebuilt on this side; what is not plain stays in the worker as a `Remote`.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Any, Final, NamedTuple, NoReturn

from assay.errors import StudentError, StudentLost, Unforeseen
from assay.sandbox.ahead import Foreseen
from assay.sandbox.inside.messages import clean
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.session import GONE, Answer, Connection, Session, Stub
from assay.submission import Source

LOADS = 2  # attempts at running the cells before every further call fails at once
LOSSES = 3  # workers that one function may cost; after that its calls fail at once, and leave time for the others
KEPT, KEPT_BYTES = 200, 128 * MiB  # calls remembered, and of arrays in their answers; the last call always is
NOTES, NOTE = 100, 700  # how many, and characters of one


class Nothing(Enum):
    """There is no value."""

    NOTHING = "nothing"


NOTHING: Final = Nothing.NOTHING


class Recorded(NamedTuple):
    """One call of student code."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    returned: Any  # NOTHING where it did not return
    after: tuple[Any, ...]  # the positional arguments after the call; NOTHING where one cannot be read any more
    error: StudentError | StudentLost | None
    callbacks: int = 0  # how often it called functions that were passed to it
    size: int = 0  # bytes of the arrays that came back


class Student:
    """The functions of one submission, in a worker that starts with the first call.

    `connect` starts a worker. Not thread-safe.
    """

    def __init__(self, connect: Callable[[], Connection], source: Source, limits: Limits) -> None:
        self._connect = connect
        self._source = source
        self._limits = limits
        self._session: Session | None = None
        self._left = limits.seconds
        self._failed_loads: list[StudentLost] = []
        self._losses: dict[str, list[StudentLost]] = {}  # by function
        self._loses_what_is_sent_ahead = False
        self._notes: tuple[str, ...] = ()
        self.calls: list[Recorded] = []
        self._kept = 0  # bytes of the arrays in these

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):  # tools ask for such names to see what an object can do
            raise AttributeError(name)
        return functools.partial(self.call, name)

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function of that name, also where a method of this class hides it."""
        losses = self._losses.get(name)
        try:
            if losses is not None and len(losses) >= LOSSES:
                raise StudentLost(losses[-1].kind, f"{losses[-1].message} {LOSSES} times, so it is not called again")
            return self._record(name, {"op": "call", "target": name}, args, kwargs)
        except StudentLost as lost:
            losses = self._losses.setdefault(name, [])
            if len(losses) < LOSSES:
                losses.append(lost)
            raise

    def forget(self) -> None:
        """Start of one example: no calls made, and functions passed before can no longer be called back."""
        self.calls, self._kept = [], 0
        if self._session is not None:
            self._session.forget_functions()

    @contextmanager
    def ahead(self, calls: Sequence[Foreseen]) -> Iterator[None]:
        """While open, exactly these calls will be made, in this order, so that the worker can make them already.

        Raises Unforeseen where others were made, or where the worker was lost, which is not held against the student:
        then the same has to be done again without. Nothing is sent ahead to who has lost a worker before.
        """
        session = None
        if calls and not self._losses and not self._loses_what_is_sent_ahead:
            with suppress(StudentLost):  # which the first call will meet, too
                session = self._ready()
        if session is None:
            yield
            return
        session.send_ahead(calls)
        try:
            yield
        finally:
            astray = session.end_ahead(time.monotonic() + self._limits.call_seconds)
            self._loses_what_is_sent_ahead |= not session.alive
            if astray:
                raise Unforeseen

    def defines(self, name: str) -> bool:
        """Whether the submission's cells leave a function or class of that name."""
        return self._plain({"op": "defines", "name": name}) is True

    @property
    def notes(self) -> tuple[str, ...]:
        """What did not run while the cells were loaded, a sentence each."""
        try:
            self._ready()
        except StudentLost as lost:
            return (lost.message,)
        return self._notes

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._session is not None:
            self._session.stop()
            self._session = None

    def _record(self, label: str, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            answer = self._ask(request, args, kwargs, self._limits.call_seconds)
        except (StudentError, StudentLost) as error:
            self._keep(Recorded(label, args, kwargs, NOTHING, args, error))
            raise
        after = _after(args, answer.after) if answer.after else args
        if answer.error is not None:
            self._keep(Recorded(label, args, kwargs, NOTHING, after, answer.error, answer.callbacks, answer.size))
            raise answer.error
        self._keep(Recorded(label, args, kwargs, answer.value, after, None, answer.callbacks, answer.size))
        return answer.value

    def _keep(self, call: Recorded) -> None:
        self.calls.append(call)
        self._kept += call.size
        while len(self.calls) > KEPT or (self._kept > KEPT_BYTES and len(self.calls) > 1):
            self._kept -= self.calls.pop(0).size

    def _on(
        self,
        stub: Stub,
        request: dict[str, Any],
        label: str | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Do something with an object of the student's; recorded as a call where it has a label."""
        if stub.session is not self._session or not stub.session.alive:
            raise StudentError("missing", f"an object of type {stub.kind} is gone with the process it lived in")
        request["target"] = stub.number
        return self._plain(request) if label is None else self._record(label, request, args, kwargs or {})

    def _plain(self, request: dict[str, Any]) -> Any:
        """Ask for something that is not a call."""
        answer = self._ask(request, (), {}, self._limits.call_seconds)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _ask(self, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any], seconds: float) -> Answer:
        return self._timed(self._ready(), request, args, kwargs, seconds)

    def _timed(
        self, session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any], seconds: float
    ) -> Answer:
        """Ask within that time, which counts towards that of the whole submission."""
        start = time.monotonic()
        try:
            return session.ask(request, args, kwargs, start + min(seconds, self._left))
        except Unforeseen:
            self._left += time.monotonic() - start  # it was not asked for
            raise
        finally:
            self._left -= time.monotonic() - start

    def _ready(self) -> Session:
        """The worker with the cells loaded."""
        if self._left <= 0:
            self.close()
            raise StudentLost("timeout", f"all calls together took longer than {self._limits.seconds:g} seconds")
        if self._session is not None and self._session.alive:
            return self._session
        if len(self._failed_loads) >= LOADS:
            lost = self._failed_loads[-1]
            raise StudentLost(lost.kind, lost.message)
        session = Session(self._connect(), self._limits, functools.partial(Remote, self), _stub_of)
        request = {
            "op": "load",
            "cells": [[cell.name, cell.text, cell.instructor] for cell in self._source.cells],
            "milliseconds": int(self._limits.load_seconds * 750),  # the rest is for starting and answering
            "frame": self._limits.frame,
        }
        try:
            answer = self._timed(session, request, (), {}, self._limits.load_seconds)
        except StudentLost as lost:
            session.stop()
            self._failed_loads.append(StudentLost(lost.kind, f"the submission could not be loaded: {lost.message}"))
            raise self._failed_loads[-1] from None
        self._notes = _notes(answer)
        self._session = session
        return session


class Remote:
    """An object of the student's, which stays in the worker.

    Attributes, methods, calls, `[]`, and + - * / ** @ and unary - work and give plain values or further Remotes.
    Whatever would treat it as plain data (iteration, bool, len, ==, float, numpy) raises StudentError("type").
    """

    __slots__ = ("__label", "__student", "__stub", "__weakref__")
    __array_ufunc__ = None  # so that array + remote comes here

    def __init__(self, student: Student, stub: Stub) -> None:
        self.__student = student
        self.__stub = stub
        self.__label = stub.kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_repr_", "_ipython_")):  # tools ask for such names to see what an object can do
            raise AttributeError(name)
        value = self.__student._on(self.__stub, {"op": "get", "name": name})
        if type(value) is Remote:
            value.__label = f"{self.__label}.{name}"
        return value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__student._on(self.__stub, {"op": "call"}, self.__label, args, kwargs)

    def __operate(self, name: str, *operands: Any) -> Any:
        return self.__student._on(self.__stub, {"op": "operator", "name": name}, f"operator {name}", operands, {})

    def __add__(self, other: Any) -> Any:
        return self.__operate("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.__operate("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.__operate("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.__operate("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.__operate("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.__operate("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.__operate("truediv", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.__operate("truediv", other, self)

    def __matmul__(self, other: Any) -> Any:
        return self.__operate("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self.__operate("matmul", other, self)

    def __pow__(self, other: Any) -> Any:
        return self.__operate("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.__operate("pow", other, self)

    def __neg__(self) -> Any:
        return self.__operate("neg", self)

    def __getitem__(self, key: Any) -> Any:
        return self.__operate("getitem", self, key)

    def __not_plain(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise StudentError("type", f"an object of type {self.__stub.kind}, where a plain value is needed")

    __iter__ = __len__ = __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __not_plain  # type: ignore[assignment]
    __contains__ = __float__ = __int__ = __index__ = __complex__ = __array__ = __not_plain
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{self.__label} of the submission>"

    def __copy__(self) -> Remote:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Remote:
        return self

    def __del__(self) -> None:
        if (stub := getattr(self, "_Remote__stub", None)) is not None:
            stub.session.release(stub.number)


def _stub_of(value: object) -> Stub | None:
    return value._Remote__stub if type(value) is Remote else None  # type: ignore[attr-defined]


def _after(args: tuple[Any, ...], changed: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments with those in their place that the worker says were changed."""
    return tuple(
        (NOTHING if (value := changed[str(index)]) is GONE else value) if str(index) in changed else before
        for index, before in enumerate(args)
    )


def _notes(answer: Answer) -> tuple[str, ...]:
    said = answer.value if type(answer.value) is list else []
    return tuple(clean(note, NOTE) for note in said[:NOTES] if type(note) is str)
