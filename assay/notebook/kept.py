"""What becomes of texts that come again: the same for every student, they are worked on once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

MOST = 64 * 1024 * 1024  # characters of texts and of what became of them

_results: OrderedDict[tuple[str, Hashable, str], str] = OrderedDict()
_size = 0
_lock = Lock()


def kept(what: str, settings: Hashable, text: str, make: Callable[[], str]) -> str:
    """The result of `make`, or what it was before for the same text. It must depend on the three alone."""
    global _size
    key = (what, settings, text)
    with _lock:
        if key in _results:
            _results.move_to_end(key)
            return _results[key]
    made = make()
    with _lock:
        if key not in _results:
            _results[key] = made
            _size += len(text) + len(made)
        while _size > MOST:
            (_, _, old), result = _results.popitem(last=False)
            _size -= len(old) + len(result)
    return made
