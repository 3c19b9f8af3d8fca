"""Messages between a judge and the process that started it."""

import os
import socket
import time
from collections.abc import Iterator

import pytest

from assay.grading.control import LARGEST, LENGTH, ControlError, receive, receive_with_descriptor, send

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def soon() -> float:
    return time.monotonic() + 0.2


def test_messages_arrive_whole_and_in_order(pair: Pair) -> None:
    send(pair[0], {"kind": "first", "text": "Σ \ud83d\n"})
    send(pair[0], {})
    assert receive(pair[1]) == {"kind": "first", "text": "Σ \ud83d\n"}
    assert receive(pair[1], deadline=soon()) == {}


def test_a_descriptor_travels_beside_its_message_and_only_there(pair: Pair) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(pair[0], {"number": 1})
        send(pair[0], {"number": 2}, descriptor=theirs.fileno())
        send(pair[0], {"number": 3})
        assert receive_with_descriptor(pair[1]) == ({"number": 1}, None)
        message, descriptor = receive_with_descriptor(pair[1])
        assert message == {"number": 2} and descriptor is not None
        with socket.socket(fileno=descriptor) as copy:
            copy.sendall(b"hello")
            assert ours.recv(5) == b"hello"
        assert receive_with_descriptor(pair[1]) == ({"number": 3}, None)


def test_a_descriptor_that_nobody_asked_for_is_not_taken(pair: Pair) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            send(pair[0], {}, descriptor=theirs.fileno())
        assert receive(pair[1]) == {}
        assert ours.recv(1) == b""  # no copy of the other end is left


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"3", b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(pair: Pair, body: bytes) -> None:
    pair[0].sendall(LENGTH.pack(len(body)) + body)
    with pytest.raises(ControlError, match="not"):
        receive(pair[1])


def test_a_length_beyond_the_cap_is_refused_before_anything_is_read(pair: Pair) -> None:
    pair[0].sendall(LENGTH.pack(LARGEST + 1))
    with pytest.raises(ControlError, match="announced"):
        receive(pair[1])


@pytest.mark.parametrize("start", [b"", b"\x00\x00", LENGTH.pack(10) + b"{}"])
def test_silence_in_any_place_ends_at_the_deadline(pair: Pair, start: bytes) -> None:
    pair[0].sendall(start)
    with pytest.raises(ControlError, match="in time"):
        receive(pair[1], deadline=soon())


@pytest.mark.parametrize("start", [b"", b"\x00\x00", LENGTH.pack(10) + b"{}"])
def test_an_end_in_any_place_is_noticed(pair: Pair, start: bytes) -> None:
    pair[0].sendall(start)
    pair[0].close()
    with pytest.raises(ControlError, match="gone"):
        receive_with_descriptor(pair[1])


def test_sending_to_nobody_is_an_error(pair: Pair) -> None:
    pair[1].close()
    with pytest.raises(ControlError, match="nobody"):
        send(pair[0], {})


def test_a_refused_message_leaves_no_descriptor_open(pair: Pair) -> None:
    before = len(os.listdir("/proc/self/fd"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        socket.send_fds(pair[0], [LENGTH.pack(LARGEST + 1)], [theirs.fileno()])
        with pytest.raises(ControlError):
            receive_with_descriptor(pair[1])
    assert len(os.listdir("/proc/self/fd")) == before
