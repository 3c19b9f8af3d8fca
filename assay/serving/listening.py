"""A grader in a container of its own: it listens at a Unix socket for the worker of its course.

This process runs nothing of the course. For each worker that comes, one at a time, it starts a grader, which has the
line as its standard input; when the line ends, so does that grader with all that it has started, and nothing of it is
remembered. So a worker ends a grader that hangs by hanging up.

Whoever connects says with one byte what they want. Only the own user and root may: the socket is closed to others,
and the kernel is asked who it is (SO_PEERCRED).
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
import stat
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from assay.errors import SandboxError
from assay.sandbox.inside.kernel import CHILD_SUBREAPER, prctl
from assay.sandbox.inside.supervise import descendants
from assay.serving.peers import BUSY, CHECK, HEAR, IDLE, WORK, allowed, reachable, user_of

PATIENCE = 5.0  # seconds to end in good order
log = logging.getLogger("assay.grader")


def listen(place: Path, program: Sequence[str]) -> None:
    """Serve workers with that program until SIGTERM or Control-C. Raises SandboxError where nobody can listen."""
    prctl(CHILD_SUBREAPER, 1)  # what a grader leaves behind becomes ours to end
    with _listener(place) as listener:
        asyncio.run(_serve(listener, program))


@contextmanager
def _listener(place: Path) -> Iterator[socket.socket]:
    with ExitStack() as stack:
        try:
            if place.exists() and stat.S_ISSOCK(place.stat().st_mode):
                with suppress(ConnectionRefusedError), reachable(str(place)):
                    raise SandboxError(f"Another grader listens at {place}. End it first, or choose another place.")
                place.unlink()  # of one that was killed
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            before = os.umask(0o177)
            try:
                listener.bind(str(place))
            finally:
                os.umask(before)
            stack.callback(place.unlink, missing_ok=True)
            listener.listen()
            listener.setblocking(False)
        except OSError as error:
            raise SandboxError(
                f"Nobody can listen at {place} ({error.strerror or error}). Choose a place with a short path, in a "
                "folder where this user may write."
            ) from error
        yield listener


async def _serve(listener: socket.socket, program: Sequence[str]) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, over.set)
    server = Server(program)
    accepting = asyncio.create_task(server.accept(listener))
    ended = asyncio.create_task(over.wait())
    log.info("A grader listens at %s", listener.getsockname())
    await asyncio.wait((accepting, ended), return_when=asyncio.FIRST_COMPLETED)
    for task in (accepting, ended, *server.tasks):
        task.cancel()
    for result in await asyncio.gather(accepting, ended, *server.tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


class Server:
    """Who is connected, and the grader of the one worker that is served."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program
        self._one = asyncio.Lock()
        self.tasks: set[asyncio.Task[None]] = set()

    async def accept(self, listener: socket.socket) -> None:
        """Hear whoever comes. Never returns."""
        while True:
            line, _ = await asyncio.get_running_loop().sock_accept(listener)
            task = asyncio.create_task(self._hear(line))
            self.tasks.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A worker could not be served: %s", error)  # it sees its line end, and comes again

    async def _hear(self, line: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with line:
            if not allowed(line):
                log.warning("The user %d is not let in: this is for %d.", user_of(line), os.geteuid())
                return
            line.setblocking(False)
            wanted = b""
            with suppress(OSError):
                wanted = await asyncio.wait_for(loop.sock_recv(line, 1), HEAR)
            if wanted == CHECK:
                with suppress(OSError):
                    await loop.sock_sendall(line, BUSY if self._one.locked() else IDLE)
            elif wanted == WORK:
                async with self._one:
                    await self._work(line)

    async def _work(self, line: socket.socket) -> None:
        """A grader of its own for a worker, from its start to its end."""
        with select.epoll() as watch:
            watch.register(line, select.EPOLLRDHUP)
            if watch.poll(0):
                return  # it has gone while it waited
            line.setblocking(True)  # the grader has the same
            grader = await asyncio.create_subprocess_exec(*self._program, stdin=line.fileno(), stdout=DEVNULL)
            log.info("A worker is served.")
            try:
                await _first(_until_gone(watch), grader.wait())
                await _in_time(grader)
            finally:
                await _ended(grader)
        log.info("The worker has gone." if grader.returncode == 0 else f"The grader ended with {grader.returncode}.")


async def _until_gone(watch: select.epoll) -> None:
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(watch.fileno(), gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(watch.fileno())


async def _first(*awaited: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _in_time(grader: Process) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(grader.wait(), PATIENCE)


async def _ended(grader: Process) -> None:
    """Nothing of it is left, whatever it does about that."""
    if grader.returncode is None:
        with suppress(ProcessLookupError):
            grader.terminate()
        await _in_time(grader)
    if grader.returncode is None:
        with suppress(ProcessLookupError):
            grader.kill()
        await grader.wait()
    while left := descendants(os.getpid()):
        for one in left:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        await asyncio.sleep(0.05)
