"""Run the code cells of a notebook as nbgrader runs them (nbclient and ipykernel), in this very process.

It is in the sandbox, so all that leaves it is untrusted. One JSON object a line goes each way over the channel:

    from outside   {"cells": [{"source", "tags"}, ...], "seconds": of one cell, "output": bytes of one cell}
    to outside     {"running": number of a cell}
                   {"cell": number, "from": n, "outputs": [...], "count": n}    its outputs from the n-th on
                   {"end": true}

`prepare` is called once, and each fork of that process may then run one notebook.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .interrupt import Clock
from .notebook_outputs import Outputs
from .notebook_shell import ENVIRONMENT, ZMQInteractiveShell, make_shell, warm_up
from .notebook_streams import OutStream, captured

SKIPPED = "skip-execution"  # a tag, as nbclient knows it
NO_TRACEBACK = "ERROR: An error occurred while showtraceback was disabled"  # as nbgrader has it
TIMEOUT = (  # as nbgrader 0.9 reports it
    "CellTimeoutError",
    "",
    ["\x1b[0;31mCellTimeoutError\x1b[0m: No reply from kernel before timeout"],
)
# What a first cell, command, number or plot would import.
SOON = (
    "IPython.core.logger",
    "IPython.core.magics.execution",
    "IPython.core.magics.pylab",
    "IPython.utils.module_paths",
)
DRAWN = "numpy.random"
PLOTS = ("matplotlib.pyplot", "matplotlib_inline.backend_inline")
BLOCKED = {signal.SIGINT, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2, signal.SIGVTALRM}


def prepare(modules: tuple[str, ...]) -> dict[str, str]:
    """Load IPython and the modules, and do what takes long the first time; what could not be loaded, with the reason.

    No thread is left, nothing of a notebook is in it, and no file is open, so that this process can be forked.
    """
    from .start import load

    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    shell = make_shell()
    load(SOON)
    absent = load(modules)
    if "numpy" in sys.modules:
        load((DRAWN,))
    if "matplotlib" in sys.modules and not load(PLOTS):
        _draw_once()
    warm_up(shell)  # looks at all that is loaded
    for thread in threading.enumerate():
        if thread is not threading.main_thread():  # matplotlib's, that would have told of a slow search for fonts
            thread.join(1)
    return absent


def serve_notebook(channel: socket.socket) -> None:
    """Run the notebook that comes over the channel; returns when its last cell has run."""
    with channel.makefile("r", encoding="utf-8") as asked:
        request = json.loads(asked.readline())
    shell = ZMQInteractiveShell.instance()
    _make_own(shell)
    with captured() as (out, err):
        most = request["output"]
        outputs = Outputs(_teller(channel), most, lambda: (out.new(most + 1), err.new(most + 1)))
        sys.stdout, sys.stderr = OutStream("stdout", 1, outputs), OutStream("stderr", 2, outputs)
        shell.put_out_to(outputs)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_run(request, shell, outputs))
    channel.sendall(b'{"end": true}\n')


def _make_own(shell: ZMQInteractiveShell) -> None:
    """What forks of one process must not share, and what a notebook finds in its environment."""
    assert shell.profile_dir is not None
    # Where %cd and %store write, wherever the notebook goes.
    shell.profile_dir.location = os.path.join(os.environ["HOME"], ".ipython", "profile_default")
    os.environ.update(ENVIRONMENT)
    sys.path.insert(0, "")
    if DRAWN in sys.modules:
        sys.modules[DRAWN].seed()


async def _run(request: dict[str, Any], shell: ZMQInteractiveShell, outputs: Outputs) -> None:
    """All cells in turn, in a loop that runs all the while, as in a kernel."""
    clock, process = Clock(), os.getpid()
    for number, cell in enumerate(request["cells"]):
        if not cell["source"].strip() or SKIPPED in cell["tags"]:
            continue
        outputs.begin(number, shell.execution_count)
        began = time.monotonic()
        result = None
        try:
            with _interruptible(clock, request["seconds"]):
                result = await _run_cell(shell, cell["source"])
        except (KeyboardInterrupt, asyncio.CancelledError):
            pass  # it came after the last line of the cell
        if os.getpid() != process:  # a fork of the cell's that came to its end
            os._exit(0)
        if time.monotonic() - began >= request["seconds"]:
            outputs.ended_by(*TIMEOUT)
        elif result is not None and not result.success:
            _show_error(shell, result.error_before_exec or result.error_in_exec, outputs)
        outputs.end()
        await asyncio.sleep(0)


async def _run_cell(shell: ZMQInteractiveShell, source: str) -> Any:
    """One cell; with `await` at its top in the running loop. IPython's result."""
    if "await" in source or "async" in source:
        try:
            transformed, problem = shell.transform_cell(source), None
        except Exception:
            transformed, problem = source, sys.exc_info()
        given = {"transformed_cell": transformed, "preprocessing_exc_tuple": problem}
        if shell.should_run_async(source, **given):
            return await _awaited(shell, shell.run_cell_async(source, store_history=True, **given))
    return shell.run_cell(source, store_history=True)


async def _awaited(shell: ZMQInteractiveShell, cell: Any) -> Any:
    loop, result = asyncio.get_running_loop(), None
    task = asyncio.ensure_future(cell)
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(task.cancel) and None)
    try:
        result = await task
    finally:
        signal.signal(signal.SIGINT, before)
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
    return result


@contextmanager
def _interruptible(clock: Clock, seconds: float) -> Iterator[None]:
    """Within the block SIGINT is Ctrl-C, and comes by itself after so many seconds. Elsewhere it does nothing."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    clock.ring_in(seconds)
    try:
        yield
    finally:
        clock.ring_in(0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _show_error(shell: ZMQInteractiveShell, error: BaseException | None, outputs: Outputs) -> None:
    """An error that IPython did not show, as nbgrader would show it."""
    try:
        name, value = type(error).__name__, str(error)
    except Exception:  # its own text fails
        name, value = type(error).__name__, ""
    outputs.ended_by(name, value, shell._last_traceback or [NO_TRACEBACK])


def _teller(channel: socket.socket) -> Callable[[bytes], None]:
    def tell(line: bytes) -> None:
        """Send a line as a whole: an interrupt waits for its end."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            channel.sendall(line)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    return tell


def _draw_once() -> None:
    """Find the fonts, read the grammar of formulas, and load what draws and writes a picture.

    The files of the fonts are closed again.
    """
    import io

    from matplotlib import font_manager, mathtext
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    lines, levels = figure.subplots(1, 2)
    lines.semilogy([1, 10], "o-", label="a")  # with formulas at its ticks
    lines.legend()
    lines.set_title("a")
    levels.contour([[0, 1], [2, 3]])
    levels.contourf([[0, 1], [2, 3]])
    levels.scatter([0, 1], [0, 1])
    FigureCanvasAgg(figure).print_figure(io.BytesIO(), format="png", bbox_inches="tight")
    for keeper, name in ((font_manager, "_get_font"), (mathtext.MathTextParser, "_parse_cached")):
        kept_open = getattr(keeper, name, None)
        if kept_open is not None:
            kept_open.cache_clear()
