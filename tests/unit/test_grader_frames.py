"""Messages between the worker and its grader: whatever the exchange takes goes over, and nothing larger comes back."""

from __future__ import annotations

import math
import socket
import struct
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from assay.errors import SandboxError
from assay.exchange.tar import Caps
from assay.serving import frames
from assay.serving.frames import Frame
from assay.serving.grader_protocol import LayOut, encoded, request_of

Line = tuple[socket.socket, socket.socket]


@pytest.fixture
def line() -> Iterator[Line]:
    ours, its = socket.socketpair()
    with ours, its:
        yield ours, its


def passed(line: Line, frame: Frame, **options: float) -> Frame | None:
    """What comes out at the other end."""
    sending = Thread(target=frames.send, args=(line[0], frame), daemon=True)
    sending.start()
    return frames.receive(line[1], **options)


def test_an_attempt_with_as_many_files_as_can_be_submitted_reaches_the_grader(line: Line) -> None:
    caps = Caps()
    longest = "é" * ((caps.path - 4) // 2)  # bytes of UTF-8, of which JSON makes three times as many
    request = LayOut("s", "", tuple(f"{number:04}{longest}" for number in range(caps.files)), None, 0.0, None)
    sent = encoded(request, [b"x"] * caps.files)
    assert passed(line, sent) == sent and request_of(sent) == request


@pytest.mark.parametrize(
    ("sizes", "text", "most"),
    [((0,) * (Caps.files + 1), 0, math.inf), ((), frames.MOST_TEXT + 1, math.inf), ((3, 2), 0, 4), ((2**63,), 0, 4)],
)
def test_a_larger_frame_is_refused_before_it_is_read(
    line: Line, sizes: tuple[int, ...], text: int, most: float
) -> None:
    line[0].sendall(struct.pack(f"!II{len(sizes)}Q", text, len(sizes), *sizes))
    with pytest.raises(SandboxError, match="larger than any of ours"):
        frames.receive(line[1], most=most, until=time.monotonic() + 60)


def test_one_that_just_fits_is_taken(line: Line) -> None:
    sent = Frame(b"", (b"abc", b"d"))
    assert passed(line, sent, most=4) == sent


@pytest.mark.parametrize("cut", [1, 8, 17, 20])
def test_a_line_that_ends_in_the_middle_is_no_message(line: Line, cut: int) -> None:
    ours, its = line
    other, end = socket.socketpair()
    with other, end:
        frames.send(other, Frame(b"text", (b"file",)))
        ours.sendall(end.recv(100)[:cut])
    ours.close()
    with pytest.raises(SandboxError, match="ended before it was whole"):
        frames.receive(its)


def test_a_line_that_ends_between_two_messages_has_ended(line: Line) -> None:
    line[0].close()
    assert frames.receive(line[1]) is None


def test_what_is_not_there_in_time_is_not_waited_for(line: Line) -> None:
    line[0].sendall(b"\0")
    with pytest.raises(TimeoutError):
        frames.receive(line[1], until=time.monotonic() + 0.05)
    with pytest.raises(TimeoutError, match="the time for it was over"):
        frames.send(line[0], Frame(b""), until=time.monotonic() - 1)
