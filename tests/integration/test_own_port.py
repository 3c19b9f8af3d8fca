"""The port of a server that starts, taken by another program."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from assay.errors import SandboxError
from assay.hub import own_port

LISTEN = """
import socket, time
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
time.sleep(60)
"""


def test_the_own_server_is_known_even_behind_another_process() -> None:
    with subprocess.Popen(
        ["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", LISTEN], stdout=subprocess.PIPE
    ) as one:
        assert one.stdout is not None
        port = int(one.stdout.readline())
        below = own_port.descendants(one.pid)
        asyncio.run(own_port.until_listening(one.pid, port, 20))
        for process in below:
            subprocess.run(["kill", str(process)], check=False)


def test_a_stranger_at_the_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger, subprocess.Popen(["sleep", "60"]) as server:
        with pytest.raises(SandboxError, match="Another program has taken the port"):
            asyncio.run(own_port.until_listening(server.pid, stranger.getsockname()[1], 20))
        server.kill()


def test_a_server_that_has_ended_is_left_to_the_hub() -> None:
    with subprocess.Popen(["true"]) as server:
        asyncio.run(own_port.until_listening(server.pid, 1, 20))


def test_silence_ends_with_an_error() -> None:
    with subprocess.Popen(["sleep", "60"]) as server:
        with pytest.raises(SandboxError, match="did not listen"):
            asyncio.run(own_port.until_listening(server.pid, 1, 0.3))
        server.kill()
