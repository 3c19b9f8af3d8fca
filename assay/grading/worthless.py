"""Answers that ought to earn nothing: the notebook as it is released, and zeros of the right shape."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np

from assay.course import Exercise
from assay.errors import AuthoringError
from assay.notebook.extract import rebuild, source_of
from assay.submission import Source


def untouched(exercise: Exercise, released: Mapping[str, bytes]) -> Source:
    """What somebody submits who hands in the released notebook as it is. `released` are the files, by name.

    Raises AuthoringError where the notebook is not among them.
    """
    content = released.get(exercise.notebook.name)
    if content is None:
        raise AuthoringError(f"{exercise.name} releases no {exercise.notebook.name}. Look at `assay release`.")
    return source_of(rebuild(json.loads(content), content).notebook)


def zeroed(reference: Mapping[str, object], module: str) -> dict[str, object]:
    """The functions and classes that a module defines, with every number that they give zero.

    Structure, shapes and dtypes are those of the reference. Text and other objects are left as they are.
    """
    own = {name: value for name, value in reference.items() if getattr(value, "__module__", None) == module}
    functions = {name: _zeroed(value) for name, value in own.items() if inspect.isfunction(value)}
    return {**functions, **{name: _zeroed_class(value) for name, value in own.items() if inspect.isclass(value)}}


def _zeroed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def zeros_of_the_right_shape(*args: Any, **kwargs: Any) -> Any:
        return _zero(function(*args, **kwargs))

    return zeros_of_the_right_shape


def _zeroed_class(kind: type) -> type:
    """The class, whose objects show zeros for their numbers, to their own methods too."""

    def shown(self: Any, name: str) -> Any:
        value = kind.__getattribute__(self, name)  # type: ignore[call-arg]  # mypy takes it for that of `type`
        return value if callable(value) else _zero(value)

    def method(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def zeros_of_the_right_shape(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if type(result) is kind:
                result.__class__ = zero
            return _zero(result)

        return zeros_of_the_right_shape

    own = {name: value for name, value in vars(kind).items() if inspect.isfunction(value) and name != "__init__"}
    methods = {name: method(function) for name, function in own.items()}
    zero = type(kind.__name__, (kind,), {**methods, "__getattribute__": shown, "__module__": kind.__module__})
    return zero


def _zero(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return np.zeros_like(value)
    if isinstance(value, (bool, int, float)):
        return type(value)(0)
    if type(value) in (tuple, list):
        return type(value)(map(_zero, value))
    if type(value) is dict:
        return {key: _zero(part) for key, part in value.items()}
    if inspect.isfunction(value):
        return _zeroed(value)
    return _Network(value) if hasattr(type(value), "count_params") else value


class _Network:
    """A Keras model that stays what it is for whoever made it, and shows zeros for all its numbers."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return np.zeros_like(self._model(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._model, name)
        return _zeroed(value) if inspect.ismethod(value) else _zero(value)
