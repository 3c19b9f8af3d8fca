"""The worker: runs a student's cells, then answers one request after another until the channel closes.

A request names an operation, and a reply carries its value or an error:

    {"id", "op": "load", "cells": [[name, text, instructor], ...], "milliseconds", "frame"}
    {"id", "op": "defines", "name"}
    {"id", "op": "call", "target": name or object number, "args": [node, ...], "kwargs": {name: node}}
    {"id", "op": "get", "target": object number, "name"}
    {"id", "op": "operator", "name": "add", "args": [node, node]}
    any request besides: "free": [object number, ...]; descriptors of sealed memory, with the first byte
    a call that was sent before it is asked for: "ahead": true where its reply may wait for the next one's

    {"id", "value": node}  or  {"id", "error": {"kind", "message"}}, both with
    "after": {argument: node}    the arguments that the call changed; ["gone"] where one cannot cross any more

While a call runs, the worker may ask the judge to run a function that was passed to it:

    {"id", "callback": number, "args", "kwargs"}  answered by  {"id", "answer": node}  or  {"id", "error"}
"""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import operator
import resource
import socket
import sys
import threading
import time
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from . import tensors
from .cells import run_cells
from .descriptors import Descriptors
from .given import FROM_JUDGE, Given
from .messages import clean, told
from .refusals import Refused
from .values import LENT, Decoder, Encoder
from .wire import SMALL, Blob, Caps, Frames, Part, pack

SPACE = socket.CMSG_SPACE(4 * LENT)
CLOSED_IN_CHILDREN = int(socket.MSG_CMSG_CLOEXEC)  # a plain int: for a flag, Python calls its own code
HELD_SECONDS = 0.02  # that a reply waits at most, for the next call to end
OPERATORS = frozenset({"add", "sub", "mul", "truediv", "pow", "matmul", "neg", "getitem"})


class Failed(Exception):
    """An operation that gives no value, for a reason other than an error of the student's code."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class PassedFunction:
    """A function of the judge's, as the student's code sees it."""

    __slots__ = ("_ask", "_number")

    def __init__(self, ask: Callable[..., Any], number: int) -> None:
        self._ask = ask
        self._number = number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask(self._number, args, kwargs)

    def __repr__(self) -> str:
        return "<a function passed by the check>"


class Worker:
    """One namespace of student code behind one channel."""

    def __init__(self, channel: socket.socket, namespace: dict[str, Any], caps: Caps) -> None:
        self.channel = channel
        self.namespace = namespace
        self.caps = caps
        self.objects: dict[int, Any] = {}
        self.count = 0
        self.frames = Frames(self._into)
        self.held: list[Part] = []  # replies that wait for the next one
        self.held_since = 0.0
        self.descriptors = Descriptors()
        self.request: int | None = None  # id of the call that is running, and may call back
        self.thread = threading.get_ident()
        self.operations = {
            "load": self._load,
            "defines": self._defines,
            "call": self._call,
            "get": self._get,
            "operator": self._operator,
        }
        self.special = {
            "seed": lambda node: np.random.default_rng(int(node[1])),
            "T": lambda node: tensors.tensor_of(node[1]),
            "c": lambda node: PassedFunction(self._callback, node[1]),
            "o": lambda node: self._object(node[1]),
        }

    def run(self) -> None:
        """Answer until the judge closes the channel, which raises EOFError or OSError."""
        while True:
            message, blob = self._receive()
            for number in message.get("free", ()):
                self.objects.pop(number, None)
            self._answer(message, blob)

    def _answer(self, message: dict[str, Any], blob: Blob) -> None:
        encoder = Encoder(self._other, self.caps)
        reply: dict[str, Any] = {"id": message["id"]}
        self.request = None if "ahead" in message else message["id"]
        given: Given | None = None
        try:
            given = self._given(message, blob)
            value = self.operations[message["op"]](message, given)
            reply["value"] = encoder.attempt(value)
        except (Failed, Refused) as error:
            reply["error"] = {"kind": error.kind, "message": clean(error.message)}
        except BaseException as error:  # student code may raise anything; the worker lives on
            reply["error"] = {"kind": "raised", "message": told(error)}
        self.request = None
        if given is not None and (after := given.changed(encoder)):
            reply["after"] = after
        try:
            parts = pack(reply, encoder.parts, self.caps)
        except Refused as error:
            reply = {"id": message["id"], "error": {"kind": error.kind, "message": error.message}}
            parts = pack(reply, [], self.caps)
        self._reply(parts, hold=message.get("ahead", False))

    def _reply(self, parts: list[Part], *, hold: bool) -> None:
        """Send a reply, or hold it for a while, so that the judge is woken once for several."""
        if not hold and not self.held:
            return self._send(parts)
        now = time.monotonic()
        if not self.held:
            self.held_since = now
        self.held += parts
        if not hold or now - self.held_since > HELD_SECONDS or sum(map(len, self.held)) > SMALL:
            parts, self.held = self.held, []
            self._send([b"".join(parts)])

    def _given(self, message: dict[str, Any], blob: Blob) -> Given:
        """The arguments. Descriptors that came with them are closed before a byte of the student's runs."""
        try:
            return Given(Decoder(blob, self.special, FROM_JUDGE, self.descriptors.memory), message)
        finally:
            if self.descriptors:
                self.descriptors.close()

    def _load(self, message: dict[str, Any], given: Given) -> list[str]:
        self.caps = replace(self.caps, blob=message["frame"])
        return run_cells(message["cells"], self.namespace, message["milliseconds"] / 1000)

    def _defines(self, message: dict[str, Any], given: Given) -> bool:
        return callable(self.namespace.get(message["name"]))

    def _call(self, message: dict[str, Any], given: Given) -> Any:
        target = message["target"]
        function = self._object(target) if type(target) is int else self._function(target)
        return function(*given.args, **given.kwargs)

    def _get(self, message: dict[str, Any], given: Given) -> Any:
        target = self._object(message["target"])
        try:
            return getattr(target, message["name"])
        except AttributeError:
            kind = type(target).__name__
            raise Failed("missing", f"an object of type {kind} has no attribute {message['name']}") from None

    def _operator(self, message: dict[str, Any], given: Given) -> Any:
        if message["name"] not in OPERATORS:
            raise Failed("type", f"no operator {message['name']}")
        return getattr(operator, message["name"])(*given.args)

    def _function(self, name: str) -> Callable[..., Any]:
        function = self.namespace.get(name)
        if function is None:
            raise Failed("missing", f"{name} is not defined")
        if not callable(function):
            raise Failed("missing", f"{name} is not a function but of type {type(function).__name__}")
        return function  # type: ignore[no-any-return]

    def _object(self, number: int) -> Any:
        if number not in self.objects:
            raise Failed("missing", "an object that is not there any more")
        return self.objects[number]

    def _other(self, value: object) -> list[Any]:
        """What is not plain data stays here, under a number that was never used before."""
        if type(value) is PassedFunction:
            return ["c", value._number]
        self.count += 1
        self.objects[self.count] = value
        return ["o", self.count, clean(type(value).__name__, 80)]

    def _callback(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the judge to run its function. Raises what that raised, or TypeError for what cannot be passed."""
        if self.request is None or threading.get_ident() != self.thread:
            raise RuntimeError("a function passed by the check works only during the call, and in its thread")
        encoder = Encoder(_only_plain, self.caps)
        try:
            message = {
                "id": self.request,
                "callback": number,
                "args": [encoder.encode(value) for value in args],
                "kwargs": {name: encoder.encode(value) for name, value in kwargs.items()},
            }
            self._send(pack(message, encoder.parts, self.caps))
        except Refused as error:
            raise TypeError(f"a function passed by the check was given {error.message}") from None
        answer, blob = self._receive()
        if "error" in answer:
            raise getattr(builtins, answer["error"]["type"])(answer["error"]["message"])
        return Decoder(blob, self.special, FROM_JUDGE).decode(answer["answer"])

    def _send(self, parts: list[Part]) -> None:
        for part in parts:
            self.channel.sendall(part)

    def _receive(self) -> tuple[dict[str, Any], Blob]:
        return self.frames.next(FROM_JUDGE)

    def _into(self, memory: memoryview | bytearray) -> int:
        size, attached, _, _ = self.channel.recvmsg_into((memory,), SPACE, CLOSED_IN_CHILDREN)
        if attached:
            self.descriptors.take(attached[0][2])
        if not size:
            raise EOFError("the judge has closed the channel")
        return size


def _only_plain(value: object) -> list[Any]:
    raise Refused("type", f"an object of type {type(value).__name__}; pass numbers or arrays")


def serve(channel: socket.socket, namespace: dict[str, Any] | None = None) -> None:
    """Answer requests on a channel until it closes.

    Without a namespace the process is the worker's own: its `__main__` becomes the student's. With one, which may
    hold functions already, nothing else in the process is touched.
    """
    if namespace is None:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        namespace = module.__dict__
        channel = _out_of_the_way(channel)
    channel.setblocking(True)
    with contextlib.suppress(EOFError, OSError):  # the judge has gone
        Worker(channel, namespace, Caps()).run()


def _out_of_the_way(channel: socket.socket) -> socket.socket:
    """The channel under a high number, where no descriptor of a student's goes, and closed in every child."""
    highest = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096)
    moved = fcntl.fcntl(channel.fileno(), fcntl.F_DUPFD_CLOEXEC, highest - 8)
    channel.close()
    return socket.socket(fileno=moved)
