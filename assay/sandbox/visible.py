"""The visible run of a notebook: its outputs for the student to see, never a score.

The cells run in a sandbox. Only their outputs come back, are checked for their form, and are put into the notebook
that was given, whatever happens in there: code, metadata and the order of cells cannot be changed by the run.
What the outputs show is the student's claim.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from assay.errors import SandboxError
from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.isolation.job import Ending, Isolation, Job
from assay.sandbox.libraries import mentioned
from assay.sandbox.limits import Limits

CELL_SECONDS = 30.0  # nbgrader's own limit
START_SECONDS = 60.0  # for the first cell to begin; nbgrader's own limit
AFTER_INTERRUPT = 4.0  # for a cell to end that was interrupted; nbclient's own limit
WHAT_HAPPENED = {
    "memory": "The notebook needed more memory than it may use",
    "gpu memory": "The notebook needed more memory of the GPU than it may use",
    "cpu": "The notebook used up its processor time",
    "disk": "The notebook wrote more to disk than it may",
}


class Malformed(Exception):
    """What came out of the sandbox is not what the driver sends."""


@dataclass
class Outcome:
    """What is known of a run."""

    outputs: dict[int, tuple[list[dict[str, Any]], int | None]] = field(default_factory=dict)
    running: int = 0  # the cell that began last
    started: bool = False  # no code of the student's has run before this
    complete: bool = False
    timed_out: bool = False
    stuck: bool = False  # a cell was interrupted and went on


def run_notebook(
    isolation: Isolation,
    notebook: str,
    *,
    libraries: tuple[str, ...],
    files: Mapping[str, bytes],
    limits: Limits,
    cell_seconds: float = CELL_SECONDS,
    gpu: Gpu | None = None,
) -> str:
    """The notebook (JSON) with the outputs of its code cells, within `limits.seconds` and whatever they do.

    Errors do not stop the run. A cell that takes longer than `cell_seconds` is interrupted. Where the run is lost, the
    cell that was running shows an error that says why, and the cells after it have no output. The outputs are
    untrusted. Raises SandboxError where the sandbox cannot be started.
    """
    document = json.loads(notebook)
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    request = {
        "cells": [{"source": _joined(cell["source"]), "tags": cell["metadata"].get("tags", [])} for cell in code],
        "seconds": cell_seconds,
        "output": limits.output,
    }
    outcome = Outcome()
    loaded = mentioned(libraries, "\n".join(_joined(cell["source"]) for cell in code))
    running = isolation.start(Job("notebook", libraries, loaded, limits, files, gpu))
    try:
        with suppress(OSError, Malformed):
            _follow(running.channel, request, outcome, limits)
    finally:
        ending = running.stop()
    if not outcome.started:
        said = ending.output[-2000:] or "nothing"
        raise SandboxError(f"The visible run did not start ({ending.reason}). It said: {said}")
    if not outcome.complete:
        _explain(outcome, ending, limits)
    for number, cell in enumerate(code):
        outputs, cell["execution_count"] = outcome.outputs.get(number, ([], None))
        cell["outputs"] = _merged(outputs)
    return json.dumps(document)


def _follow(channel: socket.socket, request: dict[str, Any], outcome: Outcome, limits: Limits) -> None:
    """Send the cells and take down what is told of them until the end, a time limit, or the first nonsense."""
    deadline = cell_deadline = time.monotonic() + START_SECONDS
    channel.settimeout(START_SECONDS)
    channel.sendall(json.dumps(request).encode() + b"\n")
    lines = _Lines(channel, limits.frame)
    while (line := lines.next(min(deadline, cell_deadline))) is not None:
        message = _message(line)
        if not outcome.started:
            outcome.started, deadline = True, time.monotonic() + limits.seconds
        if message.get("end") is True:
            outcome.complete = True
            return
        number = message.get("running", message.get("cell"))
        if type(number) is not int or not 0 <= number < len(request["cells"]):
            raise Malformed("a cell that is not there")
        if "running" in message:
            outcome.running, cell_deadline = number, time.monotonic() + request["seconds"] + AFTER_INTERRUPT
        else:
            _take_down(message, number, outcome)
    outcome.timed_out = time.monotonic() >= deadline
    outcome.stuck = time.monotonic() >= cell_deadline


def _take_down(message: dict[str, Any], number: int, outcome: Outcome) -> None:
    """Outputs of a cell from a place on, with those before it that are known."""
    known, count = outcome.outputs.get(number, ([], None))[0], message.get("count")
    kept = message.get("from")
    if type(kept) is not int or not 0 <= kept <= len(known):
        raise Malformed("outputs that do not follow on those before")
    new = [_output(output) for output in _list(message.get("outputs"))]
    outcome.outputs[number] = ([*known[:kept], *new], count if type(count) is int else None)


class _Lines:
    """Lines from a channel, at most so many bytes in all."""

    def __init__(self, channel: socket.socket, most: int) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self._left = most
        self._pending = bytearray()
        self._complete: deque[bytes] = deque()

    def next(self, deadline: float) -> bytes | None:
        """The next line; None where the channel is closed or time is up. Raises Malformed past the cap."""
        while not self._complete:
            if not self._poll.poll(1000 * max(deadline - time.monotonic(), 0)):
                return None
            data = self._channel.recv(1 << 16)
            self._left -= len(data)
            if not data:
                return None
            if self._left < 0:
                raise Malformed("too much output")
            self._pending += data
            if b"\n" in data:
                *complete, rest = self._pending.split(b"\n")
                self._pending = bytearray(rest)
                self._complete.extend(map(bytes, complete))
        return self._complete.popleft()


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if type(message) is not dict:
        raise Malformed("not an object")
    return message


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _output(data: Any) -> dict[str, Any]:
    """One output in the form that nbformat 4 gives it, rebuilt from its known parts."""
    kind = data.get("output_type") if type(data) is dict else None
    if kind == "stream" and data.get("name") in ("stdout", "stderr"):
        return {"output_type": "stream", "name": data["name"], "text": _text(data.get("text"))}
    if kind == "error":
        traceback = [_text(line) for line in _list(data.get("traceback"))]
        return _error(_text(data.get("ename")), _text(data.get("evalue")), traceback)
    if kind in ("display_data", "execute_result"):
        shown = {"output_type": kind, "data": _bundle(data.get("data")), "metadata": _clean(data.get("metadata") or {})}
        if kind == "execute_result":
            count = data.get("execution_count")
            shown["execution_count"] = count if type(count) is int else None
        if type(shown["metadata"]) is dict:
            return shown
    raise Malformed("an output of no known kind")


def _bundle(data: Any) -> dict[str, Any]:
    if type(data) is not dict:
        raise Malformed("no data")
    return {_text(kind): _clean(value) if kind.endswith("json") else _text(value) for kind, value in data.items()}


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Malformed("not a text")
    return value.encode("utf-8", "replace").decode()  # half a surrogate pair could not be written to a file


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise Malformed("not a list")
    return value


def _clean(value: Any) -> Any:
    """The same JSON value with texts that can be written to a file."""
    if type(value) is str:
        return _text(value)
    if type(value) is list:
        return [_clean(item) for item in value]
    if type(value) is dict:
        return {_text(key): _clean(item) for key, item in value.items()}
    return value


def _merged(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pieces of one stream that follow each other, joined."""
    merged: list[dict[str, Any]] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output["output_type"] == last.get("output_type") == "stream" and output["name"] == last["name"]:
            last["text"] += output["text"]
        else:
            merged.append(output)
    return merged


def _explain(outcome: Outcome, ending: Ending, limits: Limits) -> None:
    """Say on the cell that was running why nothing came after it."""
    name = "NotebookStopped"
    if outcome.timed_out:
        reason = f"The notebook took longer than {limits.seconds:g} seconds in all"
    elif outcome.stuck:
        name, reason = "CellTimeoutError", "This cell took too long and could not be interrupted"
    else:
        reason = WHAT_HAPPENED.get(ending.reason, "The process that ran the notebook was lost")
    text = f"{reason}. This cell was running; the cells after it did not run."
    outputs, count = outcome.outputs.get(outcome.running, ([], None))
    outcome.outputs[outcome.running] = ([*outputs, _error(name, text, [f"{name}: {text}"])], count)


def _error(name: str, value: str, traceback: list[str]) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
