"""The visible run of a notebook: as nbgrader runs honest cells, and a notebook comes back whatever hostile ones do."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from typing import Any

import pytest

from assay.errors import SandboxError
from assay.sandbox.isolation import Isolation
from assay.sandbox.limits import Limits, MiB
from assay.sandbox.visible import run_notebook
from tests.support.untrusted import NAME_MYSELF, processes_named

LIMITS = Limits(seconds=60, memory=512 * MiB, cpu_seconds=60, output=100_000)


def notebook(*cells: str | dict[str, Any]) -> str:
    """A notebook of code cells, some with metadata of their own."""
    made = []
    for number, cell in enumerate(cells):
        given = {"source": cell} if isinstance(cell, str) else cell
        fields = {"cell_type": "code", "id": f"c{number}", "metadata": {}, "outputs": [], "execution_count": None}
        made.append({**fields, **given})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kept": True}, "cells": made})


def run(isolation: Isolation, *cells: str | dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """The cells after a run."""
    options = {"libraries": ("numpy",), "files": {}, "limits": LIMITS, **options}
    ran = json.loads(run_notebook(isolation, notebook(*cells), **options))
    assert ran["metadata"] == {"kept": True}
    assert [cell["source"] for cell in ran["cells"]] == [c if isinstance(c, str) else c["source"] for c in cells]
    return list(ran["cells"])


def printed(cell: dict[str, Any]) -> str:
    return "".join(output["text"] for output in cell["outputs"] if output["output_type"] == "stream")


def errors(cell: dict[str, Any]) -> list[str]:
    return [output["ename"] for output in cell["outputs"] if output["output_type"] == "error"]


def test_outputs_come_back_and_errors_do_not_stop_the_run(isolation: Isolation) -> None:
    cells = run(
        isolation,
        "import numpy as np\nprint('a')\nprint('b')\nnp.arange(3)",
        {"cell_type": "markdown", "source": "text", "outputs": None},
        "1 / 0",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "print(open('data.csv').read()); import helper; help(helper.twice)",
        {"source": "raise SystemError", "metadata": {"tags": ["skip-execution"]}},
        "   ",
        "x = 1",
        libraries=("numpy", "matplotlib"),
        files={"data.csv": b"1,2", "helper.py": b"def twice(x):\n    '''Two of it.'''"},
    )
    assert cells[0]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "a\nb\n"},
        {"output_type": "execute_result", "data": {"text/plain": "array([0, 1, 2])"}, "metadata": {}}
        | {"execution_count": 1},
    ]
    assert cells[0]["execution_count"] == 1
    assert errors(cells[2]) == ["ZeroDivisionError"]
    assert "ZeroDivisionError" in "".join(cells[2]["outputs"][0]["traceback"])
    assert "image/png" in cells[3]["outputs"][0]["data"]
    assert "1,2" in printed(cells[4]) and "Two of it." in printed(cells[4])
    assert [cell["outputs"] for cell in cells[5:]] == [[], [], []]
    assert [cell["execution_count"] for cell in cells[4:]] == [4, None, None, 5]


def test_a_slow_cell_is_interrupted_and_the_rest_runs(isolation: Isolation) -> None:
    cells = run(isolation, "print('first')\nwhile True: pass", "print('second')", cell_seconds=2)
    assert printed(cells[0]) == "first\n"
    assert errors(cells[0]) == ["KeyboardInterrupt", "CellTimeoutError"]
    assert printed(cells[1]) == "second\n"


def test_a_cell_that_cannot_be_interrupted_ends_the_run(isolation: Isolation) -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    cells = run(isolation, "print('before')", stubborn, "print('after')", cell_seconds=2)
    assert printed(cells[0]) == "before\n"
    assert errors(cells[1])[-1] == "CellTimeoutError"
    assert cells[2]["outputs"] == []


def test_the_whole_run_has_a_limit(isolation: Isolation) -> None:
    limits = Limits(seconds=8)
    cells = run(isolation, "print('before')", "import time\ntime.sleep(1000)", "print('after')", limits=limits)
    assert printed(cells[0]) == "before\n"
    assert errors(cells[1]) == ["NotebookStopped"]
    assert "longer than 8 seconds" in cells[1]["outputs"][-1]["evalue"]
    assert cells[2]["outputs"] == []


def test_a_dead_kernel_shows_on_its_cell(isolation: Isolation) -> None:
    cells = run(isolation, "print('before')", "import os\nprint('so far', flush=True)\nos._exit(1)", "print('after')")
    assert printed(cells[0]) == "before\n"
    assert errors(cells[1]) == ["DeadKernelError"]
    assert cells[2]["outputs"] == []


def test_a_fork_bomb_leaves_a_notebook_and_no_process(isolation: Isolation) -> None:
    name = f"bomb{secrets.token_hex(4)}"
    bomb = f"""{NAME_MYSELF}
name_myself({name!r})
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    cells = run(isolation, "print('before')", bomb, "print('after')", limits=Limits(seconds=12), cell_seconds=4)
    assert printed(cells[0]) == "before\n"
    assert errors(cells[1])
    assert processes_named(name) == []


def test_memory_is_capped(isolation: Isolation) -> None:
    cells = run(isolation, f"x = bytearray({2 * LIMITS.memory})", "print('after')")
    assert errors(cells[0]) == ["MemoryError"]
    assert printed(cells[1]) == "after\n"


def test_output_is_capped(isolation: Isolation) -> None:
    flood = "for _ in range(20_000):\n    print('x' * 100)"
    cells = run(isolation, flood, "print('after')", "'y' * 10_000_000", "print('end')")
    assert LIMITS.output // 3 < len(json.dumps(cells[0]["outputs"])) < 2 * LIMITS.output
    assert re.search("more output than 100000 bytes", printed(cells[0]))
    assert printed(cells[1]) == "after\n"
    assert len(json.dumps(cells[2]["outputs"])) < 1000
    assert printed(cells[3]) == "end\n"


def test_a_lost_driver_costs_only_its_own_notebook(isolation: Isolation) -> None:
    """The kernel shares a sandbox with its driver, so it can try to end it, or to feed it until it bursts."""
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time\ntime.sleep(60)"
    burst = "import time\nprint('x' * 400_000_000)\ntime.sleep(60)"
    for code in (kill, burst):
        cells = run(isolation, "print('before')", code, "print('after')", limits=replace(LIMITS, seconds=20))
        assert printed(cells[0]) == "before\n"
        assert errors(cells[1])[0] in ("NotebookStopped", "PermissionError", "MemoryError")
        assert printed(cells[2]) == ("" if errors(cells[1]) == ["NotebookStopped"] else "after\n")


def test_forged_kernel_messages_stay_outputs_of_their_cell(isolation: Isolation) -> None:
    forged = """
kernel = get_ipython().kernel
for kind, content in (
    ("display_data", {"data": {"text/plain": 7, "a": [1]}, "metadata": 3}),
    ("stream", {"name": "stdout", "text": "\\ud800 half"}),
    ("stream", {"name": "elsewhere", "text": 7}),
    ("status", {"execution_state": "idle"}),
):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())
"""
    cells = run(isolation, "print('before')", forged, "print('after')")
    json.dumps(cells, ensure_ascii=False).encode()  # can be written to a file
    assert printed(cells[0]) == "before\n"


def test_the_network_and_the_machine_are_not_there(isolation: Isolation) -> None:
    code = """
import os, socket
for what in (
    lambda: socket.create_connection(("127.0.0.1", 22)),
    lambda: socket.socket(socket.AF_UNIX).connect("/run/dbus/system_bus_socket"),
    lambda: open("/etc/passwd"),
    lambda: open("/proc/1/environ"),
    lambda: __import__("pytest"),
    lambda: __import__("torch"),
):
    try:
        what()
        print("reached")
    except (OSError, ImportError) as error:
        print(type(error).__name__)
"""
    cells = run(isolation, code)
    assert "reached" not in printed(cells[0])
    assert len(printed(cells[0]).splitlines()) == 6


def test_a_missing_library_is_our_error(isolation: Isolation) -> None:
    with pytest.raises(SandboxError, match="no-such-library"):
        run(isolation, "1", libraries=("no-such-library",))
