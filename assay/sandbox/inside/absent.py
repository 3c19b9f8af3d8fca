"""What stands in for a library that the worker has not got, so that a plot never costs a student their function."""

from __future__ import annotations

import ast
from typing import Any, NoReturn


class LibraryAbsent(ModuleNotFoundError):
    """Code used a library that is not among those of the exercise."""


class Absent:
    """Has every attribute, so that annotations and defaults work, and raises LibraryAbsent as soon as it is used."""

    def __init__(self, library: str) -> None:
        self.__dict__["_library"] = library

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Absent:
        return self

    def __or__(self, other: object) -> Absent:  # in annotations: plt.Axes | None
        return self

    __ror__ = __or__

    def __instancecheck__(self, value: object) -> bool:  # isinstance(x, torch.Tensor) without torch
        return False

    def __repr__(self) -> str:
        return f"<{self._library}, which is not there>"

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        library = self.__dict__["_library"]
        raise LibraryAbsent(f"{library} is not among the libraries of this exercise")

    __call__ = __bool__ = __iter__ = __len__ = __enter__ = __exit__ = __setitem__ = __setattr__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = __rmatmul__ = _refuse
    __lt__ = __gt__ = __le__ = __ge__ = __float__ = __int__ = __index__ = __neg__ = __mro_entries__ = _refuse


def names_bound(statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """The names that an import would have bound, and the library behind each."""
    if isinstance(statement, ast.ImportFrom):
        library = ("." * statement.level + (statement.module or "")).split(".")[0] or "a module of its own folder"
        return {alias.asname or alias.name: library for alias in statement.names if alias.name != "*"}
    return {alias.asname or alias.name.partition(".")[0]: alias.name.partition(".")[0] for alias in statement.names}


def stand_in(statement: ast.Import | ast.ImportFrom, namespace: dict[str, Any]) -> None:
    """Bind every name of a failed import that is not bound to something that works."""
    for name, library in names_bound(statement).items():
        namespace.setdefault(name, Absent(library))
