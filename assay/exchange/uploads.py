"""Archives on their way: one that comes in is checked as a whole before anything is stored, one that goes out streams.

What comes in lies in a file without a name until it was checked, so that nothing is left of it when the sender goes
away or the server is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

from assay.errors import ExchangeError, Refusal
from assay.exchange.api import ApiHandler, log
from assay.exchange.blobs import Upload, read
from assay.exchange.manifest import Manifest
from assay.exchange.tar import packed, received

_IN_MEMORY = 2**20  # bytes of an upload; what is larger goes to the disk
_AT_ONCE = 2**18  # bytes that are sent in one piece

T = TypeVar("T")


class UploadHandler(ApiHandler):
    """A handler to which one archive is sent."""

    archive: IO[bytes] | None = None

    def begin_upload(self) -> None:
        """Take an archive as the body of this request. Raises Refusal (`too_many_uploads`)."""
        running = self.exchange.uploading
        self.most = self.exchange.upload_bytes
        if running[self.caller] >= self.exchange.uploads_each:
            raise Refusal(
                "too_many_uploads",
                f"{running[self.caller]} uploads of yours are still running. "
                "Wait until one has ended, and submit again.",
            )
        running[self.caller] += 1
        # In the folder of the store: its limits hold, and what fits here can be kept.
        self.archive = SpooledTemporaryFile(_IN_MEMORY, dir=str(self.exchange.blobs.new))  # noqa: SIM115

    async def take(self, chunk: bytes) -> None:
        if self.archive is None:
            return await super().take(chunk)
        try:
            if self.length > _IN_MEMORY:
                await self.in_thread(self.archive.write, chunk)
            else:
                self.archive.write(chunk)
        except OSError as error:
            raise self._unwritten(error) from error

    async def with_upload(self, use: Callable[[Upload], T]) -> T:
        """What `use` makes of the files. Raises what `tar.received` and `use` raise; then nothing of them is kept."""
        archive, self.archive = self.archive, None  # from here on not closed when the sender goes away
        assert archive is not None

        def checked_and_used() -> T:
            exchange = self.exchange
            try:
                archive.seek(0)  # its last bytes are written only now
            except OSError as error:
                raise self._unwritten(error) from error
            caps = replace(exchange.caps, one_file=exchange.upload_bytes, all_files=exchange.upload_bytes)
            with received(archive, exchange.blobs, caps) as upload:
                return use(upload)

        try:
            return await IOLoop.current().run_in_executor(self.exchange.upload_threads, checked_and_used)
        finally:
            self._end(archive)

    def too_large(self) -> Refusal:
        return Refusal("too_large", f"This upload is larger than {self.most:,} bytes. Submit less.")

    def drained(self) -> int:
        return max(super().drained(), 2 * self.exchange.upload_bytes)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self._drop()  # before the answer: whoever gets it can upload again at once
        super().write_error(status_code, **kwargs)

    def on_finish(self) -> None:
        self._drop()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._drop()

    def _drop(self) -> None:
        archive, self.archive = self.archive, None
        if archive is not None:
            self._end(archive)

    def _end(self, archive: IO[bytes]) -> None:
        with suppress(OSError):  # where the disk is full it would write once more, of what nobody needs now
            archive.close()
        running = self.exchange.uploading
        running[self.caller] -= 1
        if not running[self.caller]:
            del running[self.caller]

    def _unwritten(self, error: OSError) -> ExchangeError:
        return ExchangeError(f"An upload cannot be written to {self.exchange.blobs.new} ({error}).")


async def send_files(handler: ApiHandler, files: Manifest) -> None:
    """Answer with an archive. Raises ExchangeError where nothing was sent yet; later, the connection is cut."""
    blobs = handler.exchange.blobs
    pieces = _pieces(packed(files, lambda file: read(blobs, file.sha256, file.size)))
    handler.set_header("Content-Type", "application/x-tar")
    sent = False
    while True:
        try:
            piece = await handler.in_thread(next, pieces, b"")
        except (ExchangeError, ValueError) as error:
            if not sent:
                raise
            log.error("%s was cut off: %s", handler.request.path, error)
            handler.connection().close()  # a proper end would look like a whole archive
            return
        if not piece:
            break
        handler.write(piece)
        try:
            await handler.flush()
        except StreamClosedError:
            return  # nobody is there any more
        sent = True
    handler.finish()


def _pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in larger parts: every part costs a change of threads."""
    held = bytearray()
    for block in blocks:
        held += block
        if len(held) >= _AT_ONCE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
