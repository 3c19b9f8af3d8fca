"""An answer of `graders/` as a student would have written it: the text of one notebook cell.

The function gets the name of its task. What it needs besides (helpers, constants, imports, functions of the
reference) is written above it, without annotations and decorators, which only checks understand.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any


class Unwritable(ValueError):
    """An answer that cannot be written as a cell."""


def cell_of(function: Callable[..., Any], task: str, folder: Path) -> str:
    """Python text that defines `task` as this function. `folder` is the one whose files are written out.

    Raises Unwritable where a value that the function needs is neither plain data nor a function of the folder.
    """
    parts: dict[str, str] = {}
    _write(function, folder, parts, {function.__name__: task}, task)
    return "\n\n".join(parts.values()) + "\n"


def _write(
    function: Callable[..., Any], folder: Path, parts: dict[str, str], renamed: dict[str, str], task: str
) -> None:
    tree = _bare(function)
    for name in sorted(_global_names(function)):
        if name in parts or name in renamed or name not in function.__globals__:
            continue
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            parts[name] = f"import {value.__name__}" + (f" as {name}" if value.__name__ != name else "")
        elif inspect.isfunction(value) and Path(value.__code__.co_filename).is_relative_to(folder):
            new = f"right_{name}" if name == task else name
            if new != name:
                renamed = {**renamed, name: new}
            parts[name] = ""  # its place is taken, should it call itself
            _write(value, folder, parts, {name: new}, task)
        else:
            parts[name] = _constant(name, value)
    _Renamed(renamed).visit(tree)
    key = function.__name__
    text = ast.unparse(tree)
    parts.pop(key, None)  # below all that it needs
    parts[key] = text


def _bare(function: Callable[..., Any]) -> ast.FunctionDef:
    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError) as error:
        raise Unwritable(f"the source of {function!r} cannot be read: {error}") from error
    if not isinstance(node, ast.FunctionDef):
        raise Unwritable(f"{function.__name__} is no plain function")
    node.decorator_list, node.returns = [], None
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    return node


def _global_names(function: Callable[..., Any]) -> set[str]:
    return {name for name in _names(function.__code__) if not hasattr(builtins, name) or name in function.__globals__}


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _constant(name: str, value: object) -> str:
    module, own = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module and own == getattr(value, "__name__", None) and own.isidentifier():
        return f"from {module} import {own}" + (f" as {name}" if own != name else "")
    if not isinstance(value, (bool, int, float, str, tuple, list, dict)):
        raise Unwritable(f"{name} = {value!r} is no plain data")
    return f"{name} = {value!r}" if not isinstance(value, dict) else f"{name} = {{}}"


class _Renamed(ast.NodeTransformer):
    """Names of functions exchanged, where they are defined and where they are used."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node
