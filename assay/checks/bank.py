"""Draw once, judge many: the arguments drawn for each check, kept for the next submission.

Most of the time of a property goes into drawing. A check that holds on every example in the bank has passed; only
one that does not is drawn afresh and shrunk.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from hypothesis.strategies import DataObject

Example = dict[str, Any]


@dataclass
class Bank:
    """Drawn examples by check and seed. Keep one per suite and secret, and fill it by running the reference."""

    _examples: dict[tuple[str, int], tuple[Example, ...]] = field(default_factory=dict)

    def get(self, name: str, seed: int) -> tuple[Example, ...]:
        """Fresh copies of the examples of a check; none where it has not run yet or draws as it goes."""
        return copy.deepcopy(self._examples.get((name, seed), ()))

    def keep(self, name: str, seed: int, examples: list[Example]) -> None:
        """Keep what a check that passed has drawn, unless it drew some of it with `st.data()`."""
        if not any(isinstance(value, DataObject) for example in examples for value in example.values()):
            self._examples[name, seed] = tuple(examples)
