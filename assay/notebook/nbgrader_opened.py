"""The gradebook, opened again and again without looking each time whether all its tables are there.

No connection and nothing that was read stays open in between, so that others may write the gradebook, or put another
one in its place. What stays is nbgrader's object, with the statements that SQLAlchemy has put together for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from nbgrader.api import Gradebook
from sqlalchemy import make_url

File = tuple[int, int]  # device and inode
MOST = 8  # that are kept

_known: list[tuple[str, File, Gradebook]] = []  # by address; those that nobody uses at the moment
_lock = Lock()


@contextmanager
def opened_gradebook(url: str) -> Iterator[Gradebook]:
    """For one thread, until the block ends. Raises sqlalchemy.exc.DBAPIError where it cannot be read."""
    with _taken(url) or Gradebook(url) as gradebook:
        yield gradebook
    if (file := _file(url)) is not None:
        with _lock:
            _known.append((url, file, gradebook))
            del _known[:-MOST]


def _taken(url: str) -> Gradebook | None:
    """One that is known, and now in use; those that lay in another file are forgotten."""
    file = _file(url)
    with _lock:
        _known[:] = [one for one in _known if one[0] != url or one[1] == file]
        for number, (known, _, gradebook) in enumerate(_known):
            if known == url:
                del _known[number]
                return gradebook
    return None


def _file(url: str) -> File | None:
    """Which file a gradebook lies in; None where it is empty, or no file."""
    where = make_url(url)
    if where.get_backend_name() != "sqlite" or not where.database:
        return None
    try:
        status = Path(where.database).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status.st_size else None
