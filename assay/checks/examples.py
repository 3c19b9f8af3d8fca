"""A failing example as text and small pictures. The values are not kept: they may be large, and many checks fail."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from assay.checks.compare import Mismatch
from assay.checks.pictured import pictures_of
from assay.checks.show import printable, show
from assay.checks.strategies import signature_of
from assay.errors import AuthoringError
from assay.outcome import Call, Counterexample

Signatures = Mapping[str, Mapping[str, Any]]  # of every function: annotations of its parameters, in order, and `return`
NAME = 80  # characters of the name of a function
CALLS = 4  # calls of a counterexample that are shown


def counterexample_of(calls: Sequence[Any], mismatch: Mismatch | None, parameters: Signatures) -> Counterexample | None:
    """The calls of a failing example, as the student proxy recorded them, and what differed; None for neither."""
    shown = calls if len(calls) <= CALLS else (*calls[: CALLS - 1], calls[-1])
    texts = tuple(_call(recorded, parameters.get(recorded.function, {})) for recorded in shown)
    if not texts and mismatch is None:
        return None
    annotations = parameters.get(calls[-1].function, {}) if calls else {}
    arguments = _arguments(calls[-1], annotations) if calls else []
    pictures = pictures_of(arguments, mismatch, annotations)
    if mismatch is None:
        return Counterexample(texts, pictures=pictures)
    return Counterexample(texts, show(mismatch.got), show(mismatch.expected), pictures)


def _arguments(recorded: Any, annotations: Mapping[str, Any]) -> list[tuple[str, Any]]:
    parameters = [name for name in annotations if name != "return"]
    names = [*parameters, *(f"argument {i + 1}" for i in range(len(parameters), len(recorded.args)))]
    return [*zip(names, recorded.args, strict=False), *recorded.kwargs.items()]


def _call(recorded: Any, annotations: Mapping[str, Any]) -> Call:
    arguments = _arguments(recorded, annotations)
    returned = None if recorded.error is not None else show(recorded.returned)
    return Call(printable(recorded.function, NAME), tuple((name, show(value)) for name, value in arguments), returned)


def parameters_of(reference: ModuleType) -> Signatures:
    """The parameters of every function of the reference, each with its annotation, and what it returns."""
    return _Annotations(reference)


class _Annotations(Mapping[str, Mapping[str, Any]]):
    """Those of a module's functions, read when they are asked for: only a failure shows any."""

    def __init__(self, module: ModuleType) -> None:
        self._functions = vars(module)

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        function = self._functions[name]
        if not inspect.isfunction(function):
            raise KeyError(name)
        return _annotations(function)

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in self._functions.items() if inspect.isfunction(value))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _annotations(function: Any) -> dict[str, Any]:
    try:
        signature = signature_of(function)
    except AuthoringError:  # of a helper, which need not be readable
        signature = inspect.signature(function)
    annotations = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return {**annotations, "return": signature.return_annotation}
