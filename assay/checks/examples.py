"""A failing example as text. Nothing of the values is kept: a student's may be large, and many checks may fail."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from assay.checks.compare import Mismatch
from assay.checks.show import printable, show
from assay.outcome import Call, Counterexample

NAME = 80  # characters of the name of a function
CALLS = 4  # calls of a counterexample that are shown


def counterexample_of(
    calls: Sequence[Any], mismatch: Mismatch | None, parameters: Mapping[str, list[str]]
) -> Counterexample | None:
    """The calls of a failing example, as the student proxy recorded them, and what differed; None for neither."""
    shown = calls if len(calls) <= CALLS else (*calls[: CALLS - 1], calls[-1])
    texts = tuple(_call(recorded, parameters.get(recorded.function, [])) for recorded in shown)
    if not texts and mismatch is None:
        return None
    if mismatch is None:
        return Counterexample(texts)
    return Counterexample(texts, show(mismatch.got), show(mismatch.expected))


def _call(recorded: Any, parameters: list[str]) -> Call:
    names = [*parameters, *(f"argument {i + 1}" for i in range(len(parameters), len(recorded.args)))]
    arguments = [*zip(names, recorded.args, strict=False), *recorded.kwargs.items()]
    returned = None if recorded.error is not None else show(recorded.returned)
    return Call(printable(recorded.function, NAME), tuple((name, show(value)) for name, value in arguments), returned)


def parameters_of(reference: ModuleType) -> dict[str, list[str]]:
    """Parameter names of every function of the reference."""
    functions = {name: value for name, value in vars(reference).items() if inspect.isfunction(value)}
    return {name: list(inspect.signature(function).parameters) for name, function in functions.items()}
