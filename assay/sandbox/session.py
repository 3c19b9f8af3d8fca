"""One worker as the judge sees it: requests out, replies checked, callbacks answered.

Every way in which a worker can misbehave leaves here as StudentLost, with the worker stopped.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np

from assay.errors import AuthoringError, StudentError, StudentLost, Unforeseen
from assay.sandbox.ahead import Ahead, Foreseen
from assay.sandbox.channel import Channel, Closed, TimedOut
from assay.sandbox.inside.messages import clean
from assay.sandbox.inside.refusals import Refused
from assay.sandbox.inside.values import Decoder, Encoder
from assay.sandbox.inside.wire import Blob, Caps, Part, WireError, pack
from assay.sandbox.limits import Limits
from assay.sandbox.shared import lent

CALLBACKS = 100_000  # in one call
KINDS = ("missing", "raised", "type", "size")
TO_WORKER = Caps(header=32 * 1024 * 1024, blob=4 * 1024**3)
ANSWER = frozenset({"id", "value", "error", "after"})
NUMBERS = 512  # drawn at once
GONE = ["gone"]
TOLD = (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError)  # by name, to student code
ENDINGS = {  # how a worker ended that closed its channel
    "memory": ("memory", "used more memory than allowed"),
    "cpu": ("timeout", "used more CPU time than allowed"),
    "gpu memory": ("memory", "used more memory of the GPU than allowed"),
    "disk": ("died", "wrote more to its files than allowed"),
}


class Ended(Protocol):
    """How a worker ended."""

    @property
    def reason(self) -> str: ...


class Connection(Protocol):
    """A started worker."""

    @property
    def channel(self) -> socket.socket: ...

    def stop(self) -> Ended:
        """End the worker and everything it started. May be called twice."""


@dataclass(frozen=True)
class Stub:
    """The number under which an object of the student's stays in its worker, and the name of its type."""

    session: Session
    number: int
    kind: str


class Answer(NamedTuple):
    """What came back from one request."""

    value: Any
    error: StudentError | None
    after: dict[str, Any]  # arguments that the call changed: "0", "1", ... or the keyword
    callbacks: int
    size: int  # bytes of the arrays in it


class Session:
    """A connected worker. `wrap` makes the judge's own object of a Stub; `stub_of` finds the Stub of such an object."""

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        wrap: Callable[[Stub], Any],
        stub_of: Callable[[Any], Stub | None],
    ) -> None:
        self._connection = connection
        self._channel = Channel(connection.channel)
        self._caps = Caps(blob=limits.frame)
        self._wrap = wrap
        self._stub_of = stub_of
        self._ids = _random_numbers()
        self._special = {"T": lambda node: node[1], "o": self._object, "c": self._function}
        self._special_in_callbacks = {tag: self._special[tag] for tag in ("T", "c")}
        self._functions: dict[int, Callable[..., Any]] = {}
        self._issued = 0
        self._objects = 0  # the highest object number seen
        self._free: list[int] = []
        self._busy = False
        self._objection: AssertionError | None = None
        self._ahead: Ahead | None = None
        self.alive = True

    def ask(self, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any], deadline: float) -> Answer:
        """Send a request and wait for its reply, answering callbacks meanwhile.

        Raises StudentLost (the worker is stopped then), AuthoringError where an argument cannot cross, and the
        AssertionError of a callback: that is the check's own verdict, whatever the student makes of it. While calls
        are sent ahead it raises Unforeseen in place of all these, and for any other request.
        """
        if self._ahead is not None:
            return self._sent_ahead(self._ahead, request, args, kwargs, deadline)
        if self._busy:
            raise StudentError("type", "a function passed by the check was given an object it cannot use")
        number = next(self._ids)
        request["id"] = number
        parts, descriptors = self._packed(request, args, kwargs)
        self._busy, self._objection = True, None
        try:
            try:
                self._channel.send(parts, deadline, descriptors)
            finally:
                _close(descriptors)
            answer = self._reply(number, deadline)
        except TimedOut:
            self._lose("timeout", request, "took longer than allowed and was stopped")
        except Closed:
            self._lose("died", request, "ended the whole process")
        except WireError:
            self._lose("protocol", request, "wrote something to the channel that is not an answer")
        except BaseException:  # the check's own, out of a callback: the worker still waits for that answer
            self.stop()
            raise
        finally:
            self._busy = False
        if self._objection is not None:
            raise self._objection
        return answer

    def send_ahead(self, calls: Sequence[Foreseen]) -> None:
        """Have the worker make these calls already; what is asked for next has to be these, in this order."""
        self._ahead = Ahead(self._channel, self._caps, calls, self._ids)

    def end_ahead(self, deadline: float) -> bool:
        """Ask as usual again. Whether something else was asked for, or the worker was lost."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return False
        if self.alive:
            try:
                ahead.drop(deadline)
            except (TimedOut, Closed, WireError):
                self.stop()
        return ahead.is_astray

    def forget_functions(self) -> None:
        """Functions passed so far can no longer be called back."""
        self._functions.clear()

    def release(self, number: int) -> None:
        """The object is no longer needed; the worker is told with the next request."""
        self._free.append(number)

    def stop(self) -> Ended:
        self.alive = False
        self._functions.clear()
        return self._connection.stop()

    def _lose(self, kind: str, request: dict[str, Any], message: str) -> NoReturn:
        reason = self.stop().reason
        if kind == "died":
            kind, message = ENDINGS.get(reason, (kind, message))
        target = request.get("target")
        raise StudentLost(kind, f"{target if type(target) is str else 'the code'} {message}") from None

    def _sent_ahead(
        self,
        ahead: Ahead,
        request: dict[str, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        deadline: float,
    ) -> Answer:
        try:
            return self._answer(*ahead.reply(request, args, kwargs, deadline), 0)
        except (TimedOut, Closed, WireError):
            ahead.is_astray = True
            self.stop()
            raise Unforeseen from None

    def _packed(
        self, message: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[list[Part], list[int]]:
        """The frame of a request, and the descriptors that go with it, which are to be closed."""
        encoder = Encoder(self._other, TO_WORKER, lent)
        try:
            message["args"] = [encoder.encode(value) for value in args]
            if kwargs:
                message["kwargs"] = {name: encoder.encode(value) for name, value in kwargs.items()}
            if self._free:
                message["free"], self._free = self._free, []
            return pack(message, encoder.parts, TO_WORKER), encoder.descriptors
        except BaseException as error:
            _close(encoder.descriptors)
            if isinstance(error, Refused):
                raise AuthoringError(f"An argument cannot be sent to student code: {error.message}.") from None
            raise

    def _other(self, value: Any) -> list[Any]:
        stub = self._stub_of(value)
        if stub is not None:
            if stub.session is not self:
                raise StudentError("missing", f"an object of type {stub.kind} is gone with the process it lived in")
            return ["o", stub.number]
        if not callable(value):
            raise Refused("type", f"a value of type {type(value).__name__}")
        for number, function in self._functions.items():
            if function is value:
                return ["c", number]
        self._issued += 1
        self._functions[self._issued] = value
        return ["c", self._issued]

    def _reply(self, number: int, deadline: float) -> Answer:
        callbacks = 0
        while True:
            message, blob = self._channel.receive(deadline, self._caps)
            if type(message.get("id")) is not int or message["id"] != number:
                raise WireError("a reply to another request")
            if "callback" not in message:
                return self._answer(message, blob, callbacks)
            callbacks += 1
            if callbacks > CALLBACKS:
                raise TimedOut
            self._channel.send(self._call_back(message, blob, number), deadline)

    def _answer(self, message: dict[str, Any], blob: Blob, callbacks: int) -> Answer:
        if not message.keys() <= ANSWER or ("value" in message) == ("error" in message):
            raise WireError("a reply that is neither a value nor an error")
        decoder = Decoder(blob, self._special, self._caps)
        error = _student_error(message["error"]) if "error" in message else None
        value = None if error else decoder.decode(message["value"])
        changed = message.get("after", {})
        if type(changed) is not dict:
            raise WireError("arguments after the call that are not named")
        after = {name: GONE if node == GONE else decoder.decode(node) for name, node in changed.items()}
        decoder.finish()
        return Answer(value, error, after, callbacks, len(blob))

    def _call_back(self, message: dict[str, Any], blob: Blob, number: int) -> list[Part]:
        if message.keys() != {"id", "callback", "args", "kwargs"}:
            raise WireError("a callback that is not one")
        if type(message["args"]) is not list or type(message["kwargs"]) is not dict:
            raise WireError("a callback without arguments")
        decoder = Decoder(blob, self._special_in_callbacks, self._caps)
        args = [decoder.decode(node) for node in message["args"]]
        kwargs = {name: decoder.decode(node) for name, node in message["kwargs"].items()}
        decoder.finish()
        function = self._known(message["callback"])
        encoder = Encoder(self._other, TO_WORKER)
        try:
            value = function(*args, **kwargs)
        except Exception as error:
            if isinstance(error, AssertionError) and self._objection is None:
                self._objection = error
            return pack({"id": number, "error": _told_to_student(error, args)}, [], TO_WORKER)
        try:
            return pack({"id": number, "answer": encoder.encode(value)}, encoder.parts, TO_WORKER)
        except Refused as error:
            raise AuthoringError(f"A function passed to student code returned {error.message}.") from None

    def _known(self, number: object) -> Callable[..., Any]:
        if type(number) is not int or not 0 < number <= self._issued:
            raise WireError("a function that was never passed")
        return self._functions.get(number, _expired)

    def _function(self, node: list[Any]) -> Callable[..., Any]:
        if len(node) != 2:
            raise WireError("a function without a number")
        return self._known(node[1])

    def _object(self, node: list[Any]) -> Any:
        """Numbers grow, so that one number never means two objects."""
        if len(node) != 3 or type(node[1]) is not int or type(node[2]) is not str:
            raise WireError("an object without number and type")
        if not self._objects < node[1] < 2**53:
            raise WireError("an object whose number was used before")
        self._objects = node[1]
        return self._wrap(Stub(self, node[1], clean(node[2], 80) or "object"))


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _student_error(error: object) -> StudentError:
    if type(error) is not dict or error.keys() != {"kind", "message"}:
        raise WireError("an error without kind and message")
    if error["kind"] not in KINDS or type(error["message"]) is not str:
        raise WireError("an error of no known kind")
    return StudentError(error["kind"], clean(error["message"]))


def _told_to_student(error: Exception, args: list[Any]) -> dict[str, str]:
    """The kind of error and what the student passed; never its text, which may tell what the check knows."""
    name = type(error).__name__ if type(error) in TOLD else "RuntimeError"
    given = ", ".join(_shape(value) for value in args) or "nothing"
    return {"type": name, "message": clean(f"the function passed by the check could not use {given}")}


def _shape(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    return f"a value of type {type(value).__name__}"


def _expired(*args: object, **kwargs: object) -> NoReturn:
    raise RuntimeError("this function belonged to an earlier example")


def _random_numbers() -> Iterator[int]:
    """Of 48 random bits each, so that a reply written in advance is no reply."""
    while True:
        drawn = secrets.token_bytes(6 * NUMBERS)
        yield from (int.from_bytes(drawn[start : start + 6], "little") for start in range(0, len(drawn), 6))
