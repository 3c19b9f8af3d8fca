"""Random expressions, for classes that record what was computed with them and differentiate it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from assay.errors import AuthoringError

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
NAMES = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Expression:
    """A straight-line program: every step is (operation, i, j) on the nodes before it, leaves first."""

    leaves: tuple[float, ...]
    steps: tuple[tuple[str, int, int], ...]

    def nodes(self, leaves: Sequence[Any]) -> list[Any]:
        """Leaves and intermediate results, computed with whatever objects `leaves` are.

        `+ - * /` are Python's operators; any other operation is a method without arguments, such as `relu`.
        """
        nodes = list(leaves)
        for operation, i, j in self.steps:
            if operation in BINARY:
                nodes.append(BINARY[operation](nodes[i], nodes[j]))
            else:
                nodes.append(getattr(nodes[i], operation)())
        return nodes

    def evaluate(self, leaves: Sequence[Any]) -> Any:
        """The last node."""
        return self.nodes(leaves)[-1]

    def __str__(self) -> str:
        lines = [f"{NAMES[i]} = {value:g}" for i, value in enumerate(self.leaves)]
        for index, (operation, i, j) in enumerate(self.steps, start=len(self.leaves)):
            a, b = NAMES[i], NAMES[j]
            lines.append(
                f"{NAMES[index]} = " + (f"{a} {operation} {b}" if operation in BINARY else f"{a}.{operation}()")
            )
        return "; ".join(lines)

    __repr__ = __str__


def expressions(
    *,
    operations: Sequence[str] = ("+", "-", "*"),
    leaves: tuple[int, int] = (1, 3),
    steps: tuple[int, int] = (1, 6),
    values: SearchStrategy[float] | None = None,
) -> SearchStrategy[Expression]:
    """Expressions in which nodes are used several times, or never. Values are quarters between -2 and 2.

    Raises AuthoringError where `leaves` and `steps` together need more than 26 names.
    """
    if not operations or leaves[0] < 1 or leaves[1] + steps[1] > len(NAMES):
        raise AuthoringError("expressions() needs an operation, a leaf, and at most 26 leaves and steps together.")
    numbers = st.integers(-8, 8).map(lambda n: n / 4) if values is None else values

    @st.composite
    def draws(draw: Callable[[SearchStrategy[Any]], Any]) -> Expression:
        given = tuple(draw(numbers) for _ in range(draw(st.integers(*leaves))))
        made = []
        for node in range(len(given), len(given) + draw(st.integers(*steps))):
            places = st.integers(0, node - 1)
            made.append((draw(st.sampled_from(list(operations))), draw(places), draw(places)))
        return Expression(given, tuple(made))

    return draws()
