"""Draw once, judge many: what was drawn for each check, and what it computed of that, kept for the next submission.

Most of the time of a property goes into drawing and into the reference. A check that holds on every example in the
bank has passed; only one that does not is drawn afresh and shrunk.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from hypothesis.strategies import DataObject

from assay.checks.foreseen import Calls

Example = dict[str, Any]
Key = tuple[str, int]  # name of a check and seed
Value = TypeVar("Value")
Share = Callable[[np.ndarray], np.ndarray]  # gives an equal array, which may be read-only


class Kept:
    """What a check computes of one example without asking the student, such as the reference's answer.

    It is computed once, by whoever asks first, and is then the same for every student: nobody may change it.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}

    def __call__(self, name: Hashable, compute: Callable[[], Value]) -> Value:
        """The value of that name. `compute` depends on the example alone and leaves no other trace."""
        if name not in self._values:
            self._values[name] = compute()
        found: Value = self._values[name]
        return found

    def share(self, share: Share) -> None:
        """Replace the arrays among the values, and in the dataclasses among them."""
        self._values = {name: _shared(value, share) for name, value in self._values.items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> Kept:
        return self

    def __repr__(self) -> str:
        return "Kept()"


@dataclass
class Bank:
    """Drawn examples by check and seed. Keep one per suite and secret, and fill it by running the reference.

    With `once` the first who asks gets the very examples, to do with as it likes, and later ones get them unpickled
    again: for a process that judges one submission and ends.
    """

    once: bool = False
    with_calls: bool = False  # whether to find out which calls of a student each check makes, too
    _examples: dict[Key, tuple[Example, ...]] = field(default_factory=dict)
    _calls: dict[Key, Any] = field(default_factory=dict)
    _pickled: dict[Key, bytes] = field(default_factory=dict)  # of examples that may be gone

    def get(self, name: str, seed: int) -> tuple[Example, ...]:
        """The examples of a check; none where it has not run yet or draws as it goes."""
        key = name, seed
        if not self.once:
            return copy.deepcopy(self._examples.get(key, ()))
        return self._examples.pop(key, ()) or _unpickled(self._pickled.get(key, b""))

    def keep(self, name: str, seed: int, examples: list[Example]) -> None:
        """Keep what a check that passed has drawn, unless it drew some of it with `st.data()`."""
        if not any(isinstance(value, DataObject) for example in examples for value in example.values()):
            self._examples[name, seed] = tuple(examples)

    def calls(self, name: str, seed: int) -> Any:
        """The calls of a check on its examples, as `make_ready` made them; empty where they are not known."""
        return self._calls.get((name, seed), ())

    def keep_calls(self, name: str, seed: int, calls: Calls) -> None:
        if (name, seed) in self._examples:
            self._calls[name, seed] = calls

    def make_ready(self, ready: Callable[[Calls], Any]) -> None:
        """Replace the calls of each check by what a student's proxy takes."""
        self._calls = {key: ready(calls) for key, calls in self._calls.items()}

    def share(self, share: Share) -> None:
        """Keep the arrays that checks computed where `share` puts them, for all processes that are forked later."""
        done: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # what several checks keep stays one

        def once(array: np.ndarray) -> np.ndarray:
            if id(array) not in done:
                done[id(array)] = array, share(array)
            return done[id(array)][1]

        for kept in {id(value): value for value in self._drawn() if type(value) is Kept}.values():
            kept.share(once)

    def _drawn(self) -> Iterator[Any]:
        return (value for examples in self._examples.values() for one in examples for value in one.values())

    def clear(self) -> None:
        """Forget everything."""
        self._examples.clear()
        self._calls.clear()

    def dumps(self) -> bytes:
        """All of it as bytes, without the checks whose examples cannot be pickled: these are drawn anew.

        Only for another process of ours, and before anything of a student's was near this one. Like `loads`, inside
        `siblings` of the exercise's folder, so that its classes are found.
        """
        examples = {key: data for key, one in self._examples.items() if (data := _pickled(one))}
        return pickle.dumps((examples, {key: _pickled(self._calls.get(key, ())) for key in examples}), protocol=5)

    @classmethod
    def loads(cls, data: bytes, *, once: bool = False) -> Bank:
        """The bank that `dumps` gave, less what cannot be made again here."""
        pickled, calls = pickle.loads(data)
        made = {key: _unpickled(part) for key, part in pickled.items()}
        examples = {key: found for key, found in made.items() if found}
        return cls(once, False, examples, {key: _unpickled(calls[key]) for key in examples}, pickled)


def _shared(value: Any, share: Share) -> Any:
    if type(value) is np.ndarray:
        return share(value)
    if type(value) is tuple:
        return tuple(_shared(part, share) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        return dataclasses.replace(value, **{name: _shared(part, share) for name, part in parts.items()})
    return value


def _pickled(values: tuple[Any, ...]) -> bytes:
    try:
        return pickle.dumps(values, protocol=5)
    except Exception:  # whatever an author's class raises
        return b""


def _unpickled(data: bytes) -> tuple[Any, ...]:
    """What `_pickled` gave; nothing where that was nothing, or cannot be made again here."""
    try:
        values: tuple[Any, ...] = pickle.loads(data) if data else ()
    except Exception:
        return ()
    return values
