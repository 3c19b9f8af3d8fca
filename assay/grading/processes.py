"""Spread work that we trust over processes of our own, which end with whoever started them.

They are forks of one process that has loaded the modules of the work, and does nothing else.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from assay.errors import AssayError

Item = TypeVar("Item")
Result = TypeVar("Result")
Tools = TypeVar("Tools")

PATIENCE = 2.0  # seconds that a process has to clean up when it is told to end
SENT_AS_THEY_ARE = ("builtins", "assay.errors")  # errors that are rebuilt in another process without more


def load_ahead(*modules: str) -> None:
    """Begin to load modules, once for all processes that are started later. Does not wait until they are loaded.

    The first call counts; what is not loaded ahead, each process loads when it needs it.
    """
    resource_tracker.ensure_running()  # which would lift what is blocked now
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Control-C is for us
    try:
        forkserver.set_forkserver_preload(list(modules))
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
    with Pool(min(jobs, len(items)), nullcontext, work, modules=(work.__module__,)) as pool:
        for item, outcome in pool.each(_call, items, on_start=on_start):
            if isinstance(outcome, Exception):
                raise outcome
            yield item, outcome


def _call(work: Callable[[Item], Result], item: Item) -> Result:
    return work(item)


@dataclass
class _Process:
    """One process and what it is at."""

    process: ForkServerProcess
    channel: Connection


class Pool(Generic[Tools]):
    """Some processes that each open the same tools once and then work with them; one job is this process.

    `opened(given)` is called in each process and gives a context manager; what that gives are the tools. Both, and
    all work, items and results, are sent from process to process: functions of modules, and data. `modules` are
    loaded ahead.
    """

    def __init__(
        self,
        jobs: int,
        opened: Callable[[Any], AbstractContextManager[Tools]],
        given: Any,
        *,
        modules: Sequence[str] = (),
    ) -> None:
        self._jobs = jobs
        self._start_with = (opened, given)
        self._modules = modules
        self._processes: list[_Process] = []
        self._here = ExitStack()
        self._tools: list[Tools] = []  # of this process, once they are open

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end([one.process for one in self._processes])
        self._processes.clear()
        self._here.__exit__(kind, error, trace)

    def each(
        self,
        work: Callable[[Tools, Item], Result],
        items: Iterable[Item],
        *,
        retries: int = 0,
        on_start: Callable[[Item], object] = id,
    ) -> Generator[tuple[Item, Result | Exception], None, None]:
        """Each item with `work(tools, item)` or the error that it raised, in the order in which they are done.

        An item whose process is lost is tried again up to `retries` times, in a new process; then it comes with an
        AssayError. KeyboardInterrupt, and what opening the tools raises, ends the loop.
        """
        if self._jobs == 1:
            for item in items:
                on_start(item)
                yield item, _attempt(work, self._own_tools(), item)
            return
        yield from self._dealt(work, items, retries, on_start)

    def _own_tools(self) -> Tools:
        if not self._tools:
            opened, given = self._start_with
            self._tools.append(self._here.enter_context(opened(given)))
        return self._tools[0]

    def _dealt(
        self,
        work: Callable[[Tools, Item], Result],
        items: Iterable[Item],
        retries: int,
        on_start: Callable[[Item], object],
    ) -> Generator[tuple[Item, Result | Exception], None, None]:
        waiting = deque((item, retries) for item in items)
        idle = list(self._processes)
        busy: dict[Any, tuple[_Process, Item, int]] = {}
        while waiting or busy:
            while waiting and len(busy) < self._jobs:
                one = idle.pop() if idle else self._started()
                item, tries = waiting.popleft()
                on_start(item)
                busy[one.channel] = (one, item, tries)
                _send(one, (work, item))
            for channel in wait(list(busy)):
                one, item, tries = busy.pop(channel)
                try:
                    outcome = one.channel.recv()
                except (EOFError, OSError):
                    self._buried(one)
                    if tries:
                        waiting.appendleft((item, tries - 1))
                    else:
                        yield (
                            item,
                            AssayError(
                                f"A process was lost while it worked on {item}. Is there memory enough? Use --jobs 1."
                            ),
                        )
                    continue
                idle.append(one)
                if isinstance(outcome, _NoTools):
                    raise outcome.error
                yield item, outcome

    def _started(self) -> _Process:
        load_ahead(*self._modules)
        context = multiprocessing.get_context("forkserver")  # not of this process, which may have threads
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, dict(os.environ), *self._start_with), daemon=True)
        process.start()
        theirs.close()
        self._processes.append(_Process(process, ours))
        return self._processes[-1]

    def _buried(self, one: _Process) -> None:
        one.channel.close()
        _end([one.process])
        self._processes.remove(one)


@dataclass(frozen=True)
class _NoTools:
    """The tools of a process could not be opened."""

    error: Exception


def _send(one: _Process, message: object) -> None:
    try:
        one.channel.send(message)
    except (BrokenPipeError, ConnectionResetError):
        return  # it is lost, which receiving will tell


def _serve(
    channel: Connection,
    environment: Mapping[str, str],
    opened: Callable[[Any], AbstractContextManager[Any]],
    given: Any,
) -> None:
    """Work until the channel closes or we are told to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Control-C is for whoever started us, and they tell us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no check takes a KeyboardInterrupt for a failure
    gc.freeze()  # what was loaded ahead stays, and remains shared
    os.environ.clear()
    os.environ.update(environment)  # as it is by now
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    try:
        with ExitStack() as stack:
            try:
                tools = stack.enter_context(opened(given))
            except Exception as error:
                channel.recv()
                channel.send(_NoTools(_sendable(error)))
                return
            while True:
                work, item = channel.recv()
                channel.send(_attempt(work, tools, item))
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _attempt(work: Callable[[Tools, Item], Result], tools: Tools, item: Item) -> Result | Exception:
    try:
        return work(tools, item)
    except Exception as error:
        error.add_note(traceback.format_exc())
        return _sendable(error)


def _sendable(error: Exception) -> Exception:
    """The error itself, or one of ours that says the same, where another process might not be able to rebuild it."""
    if type(error).__module__ in SENT_AS_THEY_ARE:
        return error
    ours = AssayError(f"{type(error).__name__}: {error}")
    ours.add_note(traceback.format_exc())
    return ours


def _outlive_nobody() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(processes: Sequence[ForkServerProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():  # in native code, which hears no signal
            process.kill()
            process.join()
