"""What a student's notebook printed and drew, made safe to show: text, errors and checked pictures, nothing else.

The outputs come from the sandbox and are whatever the student wants them to be. They are taken apart and built anew;
of a picture not the text but the decoded and re-encoded bytes are kept.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assay.notebook.reading import text_of

MiB = 1024 * 1024
MOST_SIDE = 8000  # pixels along one side of a picture
_SHOWN_AS_NOTHING = "(no text)"
_CUT = "\n... the rest was cut off ...\n"
# Everything below a space but tab, newline, return and the escape of colours.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\x1b(?!\[[0-9;]{0,30}m)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Allowance:
    """What the outputs of one notebook may still take."""

    pieces: int = 1000
    text: int = 2 * MiB  # characters
    pictures: int = 16 * MiB  # bytes, encoded
    colours: int = 4000  # changes of colour; nbconvert takes time with the square of them


def safe_outputs(outputs: object, allowance: Allowance) -> list[dict[str, Any]]:
    """The outputs of one cell in notebook format 4, of the kinds that can be shown, within the allowance.

    The first output that nbgrader takes a score from (an error, text on stderr, a result) is kept in any case, so
    that cutting never changes a score.
    """
    kept: list[dict[str, Any]] = []
    decided = False
    for output in _merged(outputs):
        decides = not decided and _decides(output)
        if allowance.pieces <= 0 and not decides:
            continue
        safe = _safe_output(output, allowance)
        if safe is not None:
            allowance.pieces -= 1
            decided = decided or decides
            kept.append(safe)
    return kept


def error_output(name: str, message: str) -> dict[str, Any]:
    """An output that says in red that a cell failed."""
    return {
        "output_type": "error",
        "ename": name,
        "evalue": message,
        "traceback": [f"\x1b[0;31m{name}\x1b[0m: {message}"],
    }


def _merged(outputs: object) -> Iterable[dict[str, Any]]:
    """The outputs that are dicts; neighbours on the same stream as one, as a million prints are."""
    stream: list[str] = []
    name = ""
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        is_stream = output.get("output_type") == "stream"
        if stream and (not is_stream or _stream_name(output) != name):
            yield {"output_type": "stream", "name": name, "text": "".join(stream)}
            stream = []
        if is_stream:
            name = _stream_name(output)
            stream.append(text_of(output.get("text")))
        else:
            yield output
    if stream:
        yield {"output_type": "stream", "name": name, "text": "".join(stream)}


def _stream_name(output: dict[str, Any]) -> str:
    return "stderr" if output.get("name") == "stderr" else "stdout"


def _decides(output: dict[str, Any]) -> bool:
    kind = output.get("output_type")
    return kind in ("error", "execute_result") or (kind == "stream" and output["name"] == "stderr")


def _safe_output(output: dict[str, Any], allowance: Allowance) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        return {"output_type": "stream", "name": output["name"], "text": _text(output["text"], allowance)}
    if kind == "error":
        lines = output.get("traceback")
        return {
            "output_type": "error",
            "ename": _text(output.get("ename"), allowance, most=200),
            "evalue": _text(output.get("evalue"), allowance, most=2000),
            "traceback": _text(lines, allowance).split("\n")
            if not isinstance(lines, list)
            else _lines(lines, allowance),
        }
    if kind in ("display_data", "execute_result"):
        return _safe_display(kind, output.get("data"), allowance)
    return None


def _safe_display(kind: str, data: object, allowance: Allowance) -> dict[str, Any] | None:
    kept: dict[str, str] = {}
    if isinstance(data, dict):
        for mime, size_of in _PICTURES.items():
            picture = _picture(data.get(mime), size_of, allowance)
            if picture is not None:
                kept[mime] = picture
        if "text/plain" in data:
            kept["text/plain"] = _text(data["text/plain"], allowance)
    if kind == "execute_result":
        kept["text/plain"] = kept.get("text/plain") or _SHOWN_AS_NOTHING  # nbgrader insists on it
        return {"output_type": kind, "data": kept, "metadata": {}, "execution_count": None}
    return {"output_type": kind, "data": kept, "metadata": {}} if kept else None


def _lines(values: list[object], allowance: Allowance) -> list[str]:
    return [_text(value, allowance) for value in values[:100]]


def _text(value: object, allowance: Allowance, *, most: int = MiB) -> str:
    text = text_of(value)
    room = max(0, min(most, allowance.text))
    if len(text) > room:
        text = text[:room] + _CUT
    allowance.text -= len(text)
    text = _CONTROL.sub("", text)
    colours = text.count("\x1b")
    if colours > allowance.colours:
        return _COLOUR.sub("", text)
    allowance.colours -= colours
    return text


def _picture(value: object, size_of: Any, allowance: Allowance) -> str | None:
    """A picture encoded anew, or None where it is none or too large."""
    text = text_of(value)
    if not text or len(text) > allowance.pictures:
        return None
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    size = size_of(content)
    if size is None or not all(0 < side <= MOST_SIDE for side in size):
        return None
    encoded = base64.b64encode(content).decode("ascii")
    allowance.pictures -= len(encoded)
    return encoded


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the header that begins every PNG file."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the first frame header of a JPEG file."""
    if content[:3] != b"\xff\xd8\xff":
        return None
    position = 2
    while position + 9 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[position + 5 : position + 9])
            return width, height
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return None


_PICTURES = {"image/png": _png_size, "image/jpeg": _jpeg_size}
