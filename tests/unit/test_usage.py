"""What a tree of processes uses: pages that a fork shares count once."""

from __future__ import annotations

import subprocess
import sys

from assay.sandbox.isolation.usage import proportional_memory, usage_of

SHARING = """
import os, sys
held = bytearray(os.urandom(1 << 20)) * 64
pids = [os.fork() for _ in range(1)]
if pids[0]:
    print("ready", flush=True)
sys.stdin.read(1)
"""


def test_shared_pages_count_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SHARING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        proportional, resident = proportional_memory(process.pid), usage_of(process.pid).memory
        process.stdin.write("xx")
        process.stdin.close()
    assert resident > 2 * 64 * 2**20
    assert 64 * 2**20 < proportional < 1.6 * 64 * 2**20
