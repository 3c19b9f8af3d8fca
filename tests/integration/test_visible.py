"""The visible run of a notebook: as nbgrader runs honest cells, and a notebook comes back whatever hostile ones do."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
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


def test_a_lost_process_shows_on_its_cell_below_what_it_had_printed(isolation: Isolation) -> None:
    cells = run(isolation, "print('before')", "import os\nprint('so far', flush=True)\nos._exit(1)", "print('after')")
    assert printed(cells[0]) == "before\n"
    assert printed(cells[1]) == "so far\n"
    assert errors(cells[1]) == ["NotebookStopped"]
    assert "was lost" in cells[1]["outputs"][-1]["evalue"]
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


def test_what_ends_the_run_costs_only_its_own_notebook(isolation: Isolation) -> None:
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time\ntime.sleep(60)"
    burst = "import time\nprint('x' * 400_000_000)\ntime.sleep(60)"
    for code in (kill, burst):
        cells = run(isolation, "print('before')", code, "print('after')", limits=replace(LIMITS, seconds=20))
        assert printed(cells[0]) == "before\n"
        assert errors(cells[1])[0] in ("NotebookStopped", "PermissionError", "MemoryError")
        assert printed(cells[2]) == ("" if errors(cells[1]) == ["NotebookStopped"] else "after\n")


def test_strange_outputs_stay_outputs_of_their_cell(isolation: Isolation) -> None:
    strange = """
from IPython.display import display
display({"text/plain": 7, "a": [1], 3: b"x", "application/json": float("nan")}, raw=True)
print("\\ud800 half")
display({"text/plain": "b"}, metadata={"a": {1, 2}}, raw=True)
"""
    cells = run(isolation, "print('before')", strange, "print('after')")
    json.dumps(cells, ensure_ascii=False).encode()  # can be written to a file
    assert printed(cells[0]) == "before\n"
    assert cells[1]["outputs"][0]["data"] == {"text/plain": "7", "a": "[1]", "3": "eA==", "application/json": "nan"}
    assert printed(cells[2]) == "after\n"


def test_forged_messages_are_outputs_or_end_the_run(isolation: Isolation) -> None:
    """The cells share a process with what runs them, and so its channel."""
    forged = """
import json, os, socket, stat
for number in range(3, 4096):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            os.write(number, (json.dumps(%s) + "\\n").encode())
    except OSError:
        pass
"""
    theirs = [{"output_type": "stream", "name": "stdout", "text": "forged"}]
    told = {"cell": 0, "from": 0, "outputs": theirs, "count": 1}
    cells = run(isolation, "print('before')", forged % told, "print('after')")
    assert [printed(cell) for cell in cells] == ["forged", "", "after\n"]
    for nonsense in (
        {"cell": 7},
        {"cell": 0, "from": 5, "outputs": []},
        {"cell": 0, "from": True, "outputs": []},
        {"running": "0"},
        {"cell": 0, "from": 0, "outputs": [{"output_type": "update"}]},
        {"cell": 0, "from": 0, "outputs": [{"output_type": "stream", "name": "elsewhere", "text": "x"}]},
        [],
    ):
        cells = run(isolation, "print('before')", forged % nonsense, "print('after')")
        assert [printed(cell) for cell in cells] == ["before\n", "", ""]
        assert errors(cells[1]) == ["NotebookStopped"]


def test_a_fork_of_a_cell_does_not_run_the_others(isolation: Isolation) -> None:
    cells = run(
        isolation,
        "import os\nchild = os.fork()\nprint('both')\nif child: os.waitpid(child, 0)",
        "print('once')",
    )
    assert printed(cells[0]).count("both") == 2
    assert printed(cells[1]) == "once\n"


def test_a_flood_past_python_is_capped_too(isolation: Isolation) -> None:
    flood = "import os\nfor _ in range(2000):\n    os.write(1, b'x' * 1000)"
    cells = run(isolation, flood, "os.write(1, b'after')\n1 / 0", flood)
    assert LIMITS.output // 3 < len(json.dumps(cells[0]["outputs"])) < 2 * LIMITS.output
    assert "more output than 100000 bytes" in printed(cells[0])
    assert printed(cells[1]) == "after" and errors(cells[1]) == ["ZeroDivisionError"]
    assert "more output than 100000 bytes" in printed(cells[2])


def test_an_error_is_shown_where_there_is_no_room_left(isolation: Isolation) -> None:
    cells = run(isolation, "print('x' * 200_000)\n1 / 0")
    assert errors(cells[0]) == ["ZeroDivisionError"]


def test_only_what_is_shown_at_the_end_counts(isolation: Isolation) -> None:
    redrawn = """
from IPython.display import clear_output
for number in range(10):
    clear_output(wait=True)
    print(number, 'x' * 50_000)
"""
    assert printed(run(isolation, redrawn)[0]).startswith("9 xxx")


def test_an_error_that_ipython_only_prints_is_shown_as_one(isolation: Isolation) -> None:
    cells = run(isolation, "%nosuch", "%%nosuch\n1", "print('after')")
    assert [errors(cell) for cell in cells] == [["UsageError"], ["UsageError"], []]
    assert "not found" in printed(cells[0])


def test_commands_of_the_shell_run(isolation: Isolation) -> None:
    cells = run(isolation, "!echo out; echo err 1>&2", "!false\n_exit_code", "!sleep 1 &")
    assert printed(cells[0]).split() == ["out", "err"]
    assert cells[1]["outputs"][0]["data"] == {"text/plain": "1"}
    assert errors(cells[2]) == ["OSError"]


def test_a_cell_may_use_its_own_alarm(isolation: Isolation) -> None:
    alarm = """
import signal, time
def ring(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, ring)
signal.alarm(1)
time.sleep(30)
"""
    cells = run(isolation, alarm, "time.sleep(0.1); print('after')", cell_seconds=10)
    assert errors(cells[0]) == ["TimeoutError"] and printed(cells[1]) == "after\n"


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


FORKED = """
import json, os, socket, sys, tempfile, threading
from assay.sandbox.inside.notebook import prepare, serve_notebook
os.environ["HOME"] = tempfile.mkdtemp()
opened = set(os.listdir("/proc/self/fd"))
assert prepare(("numpy", "matplotlib", "no_such_library")).keys() == {"no_such_library"}
assert threading.active_count() == 1 and len(os.listdir("/proc/self/task")) == 1
assert set(os.listdir("/proc/self/fd")) == opened
for notebook in json.loads(sys.argv[1]):
    near, far = socket.socketpair()
    if not os.fork():
        near.close()
        serve_notebook(far)
        os._exit(0)
    far.close()
    request = {"cells": [{"source": cell, "tags": []} for cell in notebook], "seconds": 30, "output": 100_000}
    near.sendall(json.dumps(request).encode() + b"\\n")
    print(json.dumps([json.loads(line) for line in near.makefile()]))
    os.wait()
"""


def test_forks_of_a_prepared_process_share_nothing_that_a_notebook_did() -> None:
    mine = ["import numpy as np, os\nx = 1\nos.environ['MINE'] = '1'", "np.random.rand()", "%precision 2\n1 / 3"]
    yours = ["import numpy as np, os\n'x' in dir(), 'MINE' in os.environ", "np.random.rand()", "1 / 3", "In[:2]"]
    drawn = ["import matplotlib.pyplot as plt\nplt.plot([1]);"]
    done = subprocess.run(
        [sys.executable, "-c", FORKED, json.dumps([mine, yours, drawn, drawn])], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, second, *pictures = [
        [output["data"] for message in json.loads(line) for output in message.get("outputs", ())]
        for line in done.stdout.splitlines()
    ]
    assert first[1] == {"text/plain": "0.33"}
    assert second[0] == {"text/plain": "(False, False)"}
    assert second[1] != first[0]
    assert second[2] == {"text/plain": "0.3333333333333333"}
    assert second[3]["text/plain"].startswith("['', ")
    assert pictures[0] == pictures[1] and "image/png" in pictures[0][0]
