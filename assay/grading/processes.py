"""Spread work that we trust over processes of our own, which end with whoever started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from assay.errors import AssayError

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 2.0  # seconds that a process has to clean up when it is told to end


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], *, jobs: int, on_start: Callable[[Item], object] = id
) -> Generator[tuple[Item, Result], None, None]:
    """Each item with `work(item)`, in the order in which they are done. `work` is a function of a module.

    With one job, in this process. Raises what `work` raises, and AssayError where a process is lost; whatever ends
    the loop, an error or Control-C, ends the processes too.
    """
    if jobs == 1:
        for item in items:
            on_start(item)
            yield item, work(item)
        return
    context = multiprocessing.get_context("spawn")  # no fork: this process may have threads
    processes: dict[Any, SpawnProcess] = {}
    try:
        for _ in range(min(jobs, len(items))):
            ours, theirs = context.Pipe()
            processes[ours] = context.Process(target=_serve, args=(theirs, work), daemon=True)
            processes[ours].start()
            theirs.close()
        yield from _dealt(items, list(processes), on_start)
    finally:
        _end(list(processes.values()))


def _dealt(
    items: Sequence[Item], idle: list[Any], on_start: Callable[[Item], object]
) -> Generator[tuple[Item, Any], None, None]:
    waiting, busy = list(items), dict[Any, Item]()
    while waiting or busy:
        while waiting and idle:
            process, item = idle.pop(0), waiting.pop(0)
            on_start(item)
            busy[process] = item
            process.send(item)
        for process in wait(list(busy)):
            item = busy.pop(process)
            yield item, _received(process, item)
            idle.append(process)


def _received(process: Any, item: object) -> Any:
    try:
        result, error = process.recv()
    except (EOFError, OSError):
        raise AssayError(
            f"A process was lost while it worked on {item}. Is there memory enough? Use --jobs 1."
        ) from None
    if error is not None:
        raise error
    return result


def _serve(channel: Connection, work: Callable[[Any], Any]) -> None:
    """Work until the channel closes or we are told to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Control-C is for whoever started us, and they tell us
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no check takes a KeyboardInterrupt for a failure
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    try:
        while True:
            channel.send(_attempt(work, channel.recv()))
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _attempt(work: Callable[[Any], Any], item: Any) -> tuple[Any, Exception | None]:
    try:
        return work(item), None
    except Exception as error:
        error.add_note(traceback.format_exc())
        return None, error


def _outlive_nobody() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(processes: Sequence[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():  # in native code, which hears no signal
            process.kill()
            process.join()
