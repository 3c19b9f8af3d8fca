"""Text and numbers as JSON holds them."""

from __future__ import annotations

import re
from typing import Any

from .refusals import Refused
from .wire import WireError

DIGITS = 4000  # of an int; Python itself refuses to convert more than 4300
_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z", re.ASCII)
_FLOAT = re.compile(r"-?(0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|inf)\Z|nan\Z", re.ASCII)


def written(text: str) -> str:
    """Text as it is sent. Raises Refused."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("type", "text with half a character in it (a lone surrogate)") from None
    return text


def decimal(number: int) -> str:
    """An int as it is sent. Raises Refused."""
    if number.bit_length() > 3 * DIGITS:
        raise Refused("size", f"an int of more than {DIGITS} digits")
    return str(number)


def checked(text: str) -> str:
    """Text as it came. Raises WireError."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise WireError("text with a lone surrogate") from None
    return text


def number_in(tag: str, node: list[Any]) -> int | float:
    """The int or float of a node. Raises WireError."""
    if len(node) != 2 or type(node[1]) is not str or len(node[1]) > DIGITS:
        raise WireError("a number that is not text")
    text: str = node[1]
    if not (_INT if tag == "i" else _FLOAT).match(text):
        raise WireError("a number that is not written as one")
    try:
        return int(text) if tag == "i" else float.fromhex(text)
    except (ValueError, OverflowError) as error:
        raise WireError(f"a number that is none: {error}") from None
