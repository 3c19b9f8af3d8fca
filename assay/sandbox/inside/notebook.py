"""Run the code cells of a notebook as nbgrader runs them, inside the sandbox: nbclient drives, a kernel executes.

Both are in the sandbox, so all that leaves it is untrusted. One JSON object a line goes each way over the channel:

    from outside   {"cells": [{"source", "tags"}, ...], "seconds": of one cell, "output": bytes of one cell}
    to outside     {"running": number of a cell}, {"cell": number, "outputs": [...], "count": n}, ..., {"end": true}

The kernel is confined once more: unlike its driver it cannot connect to anything.
"""

from __future__ import annotations

import json
import os
import re
import site
import socket
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TextIO

from .confine import Policy, bound, fence, policy_from

if TYPE_CHECKING:
    from nbformat import NotebookNode

BEGIN_KERNEL = "import sys; sys.path.append(sys.argv.pop(1)); from {package}.notebook import kernel; kernel()"
WITH_EACH_OUTPUT = 100  # bytes that one output counts besides its text
TIMEOUT = {  # as nbgrader 0.9 reports it
    "ename": "CellTimeoutError",
    "evalue": "",
    "traceback": ["\x1b[0;31mCellTimeoutError\x1b[0m: No reply from kernel before timeout"],
}


def serve_notebook(channel: socket.socket, policy: Policy, modules: tuple[str, ...]) -> None:
    """Run the notebook that comes over the channel; returns when its last cell has run or its kernel has died.

    modules: what the kernel loads before its limits are set.
    """
    with channel.makefile("r", encoding="utf-8") as asked, channel.makefile("w", encoding="utf-8") as told:
        request = json.loads(asked.readline())
        _install_kernel(policy, modules)
        _execute(request, told)
        _tell(told, {"end": True})


def kernel() -> None:
    """The kernel's process: confine it, then serve. Its arguments are policy, modules and ipykernel's own."""
    from .start import load

    settings = json.loads(sys.argv.pop(1))
    policy = policy_from(settings["policy"])
    fence(policy)
    site.sethelper()
    load(tuple(settings["modules"]))
    bound(policy)
    sys.path.insert(0, "")
    _launch()


def _launch() -> None:
    """ipykernel without the two parts that want a TCP port: the debugger, and the output of forked processes."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    from ipykernel import kernelapp

    class WithoutPort(kernelapp.IOPubThread):
        def __init__(self, socket: Any, pipe: bool = False, **options: Any) -> None:
            super().__init__(socket, pipe=False, **options)

    setattr(kernelapp, "IOPubThread", WithoutPort)  # noqa: B010
    kernelapp.IPKernelApp.launch_instance()


def _install_kernel(policy: Policy, modules: tuple[str, ...]) -> None:
    """Write the description of the kernel to where jupyter_client looks for it, in our own home folder."""
    for variable in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        os.environ[variable] = os.path.join(os.environ["HOME"], variable.lower())
        os.makedirs(os.environ[variable], mode=0o700, exist_ok=True)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # ipykernel sets it after we load matplotlib
    own = replace(policy, user=None, sockets="listen")
    settings = json.dumps({"policy": asdict(own), "modules": modules})
    view = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    begin = BEGIN_KERNEL.format(package=__package__)
    description = {
        "argv": [
            *(*_started_by(sys.executable, modules), sys.executable, "-I", "-S", "-B", "-c", begin),
            *(view, settings, "-f", "{connection_file}"),
        ],
        "display_name": "Python 3",
        "language": "python",
        "interrupt_mode": "message",  # the driver may not be allowed to send signals
    }
    folder = os.path.join(os.environ["JUPYTER_DATA_DIR"], "kernels", "python3")
    os.makedirs(folder)
    with open(os.path.join(folder, "kernel.json"), "w", encoding="utf-8") as file:
        json.dump(description, file)


def _started_by(program: str, modules: tuple[str, ...]) -> tuple[str, ...]:
    """What is to start a kernel with TensorFlow: the program's dynamic loader, where it has one.

    TensorFlow ends a process that it takes for a Python and whose command line it cannot read. Only the driver may
    read its own under Landlock, but what the loader has started is, by its file's name, no Python.
    """
    if {"tensorflow", "keras"}.isdisjoint(modules) or not os.path.exists("/proc/self/stat"):
        return ()  # not needed, nor where bubblewrap shows a command line and nothing else of a process
    with open(program, "rb") as file:
        named = re.search(rb"\0(/[\w./-]*/ld-[\w.-]+)\0", file.read(4096))
    return (os.fsdecode(named[1]),) if named else ()


def _execute(request: dict[str, Any], told: TextIO) -> None:
    from jupyter_client.manager import AsyncKernelManager
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [new_code_cell(cell["source"], metadata={"tags": cell["tags"]}) for cell in request["cells"]]
    client = _client_class()(
        new_notebook(cells=cells),
        km=AsyncKernelManager(kernel_name="python3", transport="ipc"),
        timeout=request["seconds"],
        interrupt_on_timeout=True,
        allow_errors=True,
        raise_on_iopub_timeout=True,
        error_on_timeout=TIMEOUT,
        on_cell_execute=lambda cell, cell_index: _tell(told, {"running": cell_index}),
        on_cell_executed=_note_missing_error,
    )
    client.told, client.most = told, request["output"]
    try:
        client.execute()
    except DeadKernelError:
        client.give_up("DeadKernelError", "The kernel died in this cell; the remaining cells did not run.")
    except CellTimeoutError:
        client.give_up("CellTimeoutError", "This cell could not be interrupted; the remaining cells did not run.")


def _client_class() -> type:
    """nbclient's driver with a cap on the output of a cell, telling of each cell as it ends."""
    from nbclient import NotebookClient

    class Client(NotebookClient):
        told: TextIO
        most: int  # bytes of the outputs of one cell
        at = -1  # number of the cell that runs
        taken = 0  # bytes of its outputs so far

        async def async_execute_cell(
            self, cell: NotebookNode, cell_index: int, execution_count: int | None = None, store_history: bool = True
        ) -> NotebookNode:
            self.at, self.taken = cell_index, 0
            done = await super().async_execute_cell(cell, cell_index, execution_count, store_history)
            self.tell()
            return done

        def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
            if msg["msg_type"] not in ("status", "execute_input", "clear_output"):
                room = self.most - self.taken
                self.taken += len(json.dumps(msg["content"], default=str)) + WITH_EACH_OUTPUT
                if self.taken > self.most:
                    return self.cut_off(msg, cell, cell_index, room)
            return super().process_message(msg, cell, cell_index)

        def cut_off(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int, room: int) -> None:
            if room <= 0:
                return
            if msg["msg_type"] == "stream":
                msg["content"]["text"] = msg["content"]["text"][:room]
                super().process_message(msg, cell, cell_index)
            cell.outputs.append(_stream(f"\n[more output than {self.most} bytes: the rest is left out]\n"))

        def tell(self) -> None:
            cell = self.nb.cells[self.at]
            _tell(self.told, {"cell": self.at, "outputs": cell.outputs, "count": cell.execution_count})

        def give_up(self, name: str, text: str) -> None:
            self.nb.cells[self.at].outputs.append(_error(name, text, [f"{name}: {text}"]))
            self.tell()

    return Client


def _note_missing_error(cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
    """Show an error that the kernel replied with and did not print, such as a timeout. As nbgrader does."""
    reply = execute_reply["content"]
    if reply["status"] != "error":
        return
    if any(output.output_type == "error" and output.ename == reply["ename"] for output in cell.outputs):
        return
    traceback = reply["traceback"] or ["ERROR: An error occurred while showtraceback was disabled"]
    cell.outputs.append(_error(reply["ename"], reply["evalue"], traceback))


def _error(name: str, value: str, traceback: list[str]) -> NotebookNode:
    from nbformat.v4 import new_output

    return new_output("error", ename=name, evalue=value, traceback=traceback)


def _stream(text: str) -> NotebookNode:
    from nbformat.v4 import new_output

    return new_output("stream", name="stderr", text=text)


def _tell(told: TextIO, message: dict[str, Any]) -> None:
    told.write(json.dumps(message) + "\n")
    told.flush()
