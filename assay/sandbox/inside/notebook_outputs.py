"""What the cells of a notebook put out, kept as nbclient keeps it, and told piece by piece.

Every output is kept as the JSON that is sent of it. Text is held back for a moment, standard output apart from
standard error, as Jupyter does: it becomes an output when something else is shown, on a flush, or after a while.
"""

from __future__ import annotations

import base64
import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WITH_EACH_OUTPUT = 100  # bytes that one output counts besides its contents
HELD_BACK = 0.2  # seconds, as in ipykernel
NAMES = ("stdout", "stderr")


@dataclass
class Cell:
    """The outputs of one cell."""

    outputs: list[str] = field(default_factory=list)  # JSON
    count: int | None = None  # its execution count
    taken: int = 0  # bytes of its outputs and of the text that is held back
    full: bool = False  # nothing more is taken
    clear_first: bool = False  # what it has is cleared when more comes
    told: int = 0  # so many of its outputs need not be told again
    changed: bool = False  # something is to be told
    early: int = 0  # bytes told of it before it ended


class Outputs:
    """The outputs of all cells. May be used by every thread of the process that made it."""

    def __init__(self, tell: Callable[[bytes], None], most: int, drain: Callable[[], tuple[str, str]]) -> None:
        """most: bytes of the outputs of one cell. drain: what has been written past Python since it was last asked."""
        self._tell = tell
        self._most = most
        self._drain = drain
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._cells: dict[int, Cell] = {}
        self._at = -1  # number of the cell that began last
        self._held_back: dict[str, list[str]] = {name: [] for name in NAMES}
        self._shown: dict[str, list[tuple[int, int]]] = {}  # by display id: (cell, place among its outputs)
        self._last_told = 0.0

    def begin(self, number: int, count: int) -> None:
        """From now on everything is an output of this cell."""
        with self._lock:
            self._at, self._last_told = number, time.monotonic()
            self._cells[number] = Cell(count=count)
            self._say({"running": number})

    def end(self) -> None:
        """Tell what has not been told, of earlier cells that changed as well."""
        with self._lock:
            self._settle()
            for number, cell in self._cells.items():
                if cell.changed or number == self._at:
                    self._say_cell(number, cell)

    def write(self, name: str, text: str) -> None:
        """Text on one of the streams."""
        with self._lock:
            self._hold_back(self._drain())
            self._take(name, text)
            if time.monotonic() - self._last_told > HELD_BACK:
                self.tell_so_far()

    def tell_so_far(self) -> None:
        """Tell what the running cell has put out, as far as there is room for telling early."""
        with self._lock:
            self._settle()
            cell = self._cells.get(self._at)
            if cell is not None and cell.changed and cell.early < self._most:
                cell.early += self._say_cell(self._at, cell)

    def show(self, kind: str, data: Any, metadata: Any, display_id: str | None = None) -> None:
        """Something rich. kind: "display_data" or "execute_result"."""
        with self._lock:
            if display_id:
                self.update(data, metadata, display_id)  # as nbclient does
            cell = self._settle()
            fields = {"execution_count": cell.count} if kind == "execute_result" else {}
            if display_id:
                self._shown.setdefault(display_id, []).append((self._at, len(cell.outputs)))
            self._add(cell, {"output_type": kind, **_bundle(data, metadata), **fields})

    def update(self, data: Any, metadata: Any, display_id: str) -> None:
        """Show this instead of what was shown under that name, in whatever cell."""
        with self._lock:
            for number, place in self._shown.get(display_id, ()):
                cell = self._cells[number]
                new = _json({**json.loads(cell.outputs[place]), **_bundle(data, metadata)})
                grown = len(new) - len(cell.outputs[place])
                if cell.taken + grown <= self._most:
                    cell.outputs[place] = new
                    cell.taken += grown
                    cell.told, cell.changed = min(cell.told, place), True

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """An error that was shown."""
        with self._lock:
            self._add(self._settle(), _error(name, value, traceback))

    def ended_by(self, name: str, value: str, traceback: list[str]) -> None:
        """The error that ended the cell: shown if it is not yet, though there be no room left."""
        with self._lock:
            cell = self._settle()
            for output in map(json.loads, cell.outputs):
                if output["output_type"] == "error" and output["ename"] == name:
                    return
            cell.outputs.append(_json(_error(name, value, traceback)))
            cell.changed = True

    def clear(self, *, wait: bool) -> None:
        """Take away the outputs of this cell, now or when more comes."""
        with self._lock:
            cell = self._settle()
            if wait:
                cell.clear_first = True
            else:
                self._clear(cell)

    def _settle(self) -> Cell:
        """Make outputs of the text that is held back; the cell that runs."""
        self._hold_back(self._drain())
        cell = self._cells.setdefault(self._at, Cell())
        for name in NAMES:
            text = "".join(self._held_back[name])
            if text:
                self._held_back[name].clear()
                cell.taken -= len(text)
                self._add(cell, {"output_type": "stream", "name": name, "text": text})
        return cell

    def _hold_back(self, drained: tuple[str, str]) -> None:
        for name, text in zip(NAMES, drained, strict=True):
            self._take(name, text)

    def _take(self, name: str, text: str) -> None:
        cell = self._cells.setdefault(self._at, Cell())
        if text and cell.clear_first:
            self._clear(cell)
        if not text or cell.full:
            return
        room = max(self._most - cell.taken, 0)
        self._held_back[name].append(text[:room])
        cell.taken += min(len(text), room)
        if len(text) > room:
            self._settle()
            self._cut_off(cell)

    def _add(self, cell: Cell, output: dict[str, Any]) -> None:
        if cell.clear_first:
            self._clear(cell)
        if cell.full:
            return
        text = _json(output)
        cell.changed = True
        if cell.taken + len(text) + WITH_EACH_OUTPUT > self._most and output["output_type"] != "stream":
            self._cut_off(cell)
            return
        cell.outputs.append(text)
        cell.taken += len(text) + WITH_EACH_OUTPUT

    def _cut_off(self, cell: Cell) -> None:
        cell.full = cell.changed = True
        text = f"\n[more output than {self._most} bytes: the rest is left out]\n"
        cell.outputs.append(_json({"output_type": "stream", "name": "stderr", "text": text}))

    def _clear(self, cell: Cell) -> None:
        cell.outputs.clear()
        cell.taken, cell.told, cell.full, cell.clear_first, cell.changed = 0, 0, False, False, True
        for places in self._shown.values():
            places[:] = [place for place in places if self._cells[place[0]] is not cell]

    def _say_cell(self, number: int, cell: Cell) -> int:
        known, cell.told, cell.changed = cell.told, len(cell.outputs), False
        self._last_told = time.monotonic()
        new = ",".join(cell.outputs[known:])
        return self._say({"cell": number, "from": known, "count": cell.count}, f', "outputs": [{new}]}}')

    def _say(self, message: dict[str, Any], rest: str = "}") -> int:
        line = (json.dumps(message)[:-1] + rest + "\n").encode()
        if os.getpid() == self._process:
            self._tell(line)
        return len(line)


def _error(name: str, value: str, traceback: list[str]) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}


def _bundle(data: Any, metadata: Any) -> dict[str, Any]:
    """Data and metadata of one output: what is not JSON is text."""
    shown = {
        str(kind): value if str(kind).endswith("json") or isinstance(value, (str, bytes)) else str(value)
        for kind, value in dict(data).items()
    }
    return {"data": shown, "metadata": metadata if isinstance(metadata, dict) else {}}


def _json(value: Any) -> str:
    """As jupyter_client writes it: bytes in base64, no number as text."""
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), default=_plain)


def _plain(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, (bytes, memoryview, bytearray)) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
