"""Import the Python files of one exercise, which name each other plainly: `from reference import conv2d`.

The names are looked up in that exercise's folder only while its files are in use, and are forgotten afterwards,
so that the `reference` of one exercise is never taken for another's.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from assay.errors import AuthoringError


class _Folder:
    """Finds top-level modules that are files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._folder / f"{name}.py"
        return importlib.util.spec_from_file_location(name, file) if path is None and file.is_file() else None


@contextmanager
def siblings(folder: Path) -> Iterator[None]:
    """While open, the files of `folder` can be imported by name; no bytecode is written beside them."""
    names = {file.stem for file in folder.glob("*.py")}
    hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    finder, bytecode = _Folder(folder), sys.dont_write_bytecode
    sys.meta_path.insert(0, finder)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = bytecode
        sys.meta_path.remove(finder)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


def load(path: Path) -> ModuleType:
    """The module in `path`, inside `siblings` of its folder. Raises AuthoringError where it does not import."""
    try:
        return importlib.import_module(path.stem)
    except AuthoringError as error:
        raise AuthoringError(f"{path.name}: {error}") from error
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise AuthoringError(f"{path.name} cannot be imported ({what}). Run it with python to see where.") from error
