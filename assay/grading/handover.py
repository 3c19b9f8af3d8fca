"""Hand what is known of an exercise from one process of ours to another: the examples drawn, and what they led to.

All of it comes from the exercise alone. Nothing is read here that was written by a process near a student's code.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

from assay.checks.check import is_property
from assay.checks.probes import probes_of
from assay.grading.known import Drawn, Known
from assay.sandbox.limits import MiB

MOST = 64 * MiB  # bytes in all


def dumps(known: Known) -> bytes:
    """What was drawn and heard, but for what cannot be pickled: that is drawn and heard again."""
    with _importable(known.modules):
        drawn = {key: _pickled(_examples(one)) for key, one in known.drawn.items() if is_property(known.checks[key[0]])}
        memories = {key: _pickled(memory) for key, memory in known.memories.items()}
    left = MOST
    for parts in (drawn, memories):
        for key, data in [*parts.items()]:
            left -= len(data)
            if not data or left < 0:
                del parts[key]
    return pickle.dumps((drawn, memories), protocol=5)


def loads(known: Known, data: bytes) -> None:
    """Take over what `dumps` gave for the same exercise."""
    drawn, memories = pickle.loads(data)
    with _importable(known.modules):
        for (name, seed), part in drawn.items():
            count, examples = pickle.loads(part)
            known.drawn[name, seed] = Drawn(count, probes_of(name, known.checks[name], examples, seed=seed))
        known.memories.update({key: pickle.loads(part) for key, part in memories.items()})


def _examples(drawn: Drawn) -> tuple[int, list[object]]:
    return drawn.count, [probe.example for probe in drawn.probes]


def _pickled(value: object) -> bytes:
    """Empty where it cannot be pickled."""
    try:
        return pickle.dumps(value, protocol=5)
    except Exception:  # whatever an author's class raises
        return b""


@contextmanager
def _importable(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """While open, these modules are found by name, as `pickle` finds classes and functions."""
    hidden = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(hidden)
