"""A real exchange server on a free port of loopback; who calls is looked up in a table instead of a Hub."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import requests
from tornado.netutil import bind_sockets
from tornado.web import URLSpec

from assay.exchange.blobs import open_blobs
from assay.exchange.manifest import File
from assay.exchange.receipts import open_key
from assay.exchange.records import Attempt
from assay.exchange.server import Caller, Exchange, Role, application, http_server
from assay.exchange.tables import open_database
from assay.exchange.tar import packed
from tests.support.described import check

PREFIX = "/services/exchange/"
COURSES = ("deep-learning", "statistics")
# The token of a person is `token-<name>`; that of a course's service `token-service-<course>`.
PEOPLE: dict[str, dict[str, Role]] = {
    "student1": {"deep-learning": "student"},
    "student2": {"deep-learning": "student"},
    "student3": {"statistics": "student"},
    "instructor1": {"deep-learning": "instructor"},
    "instructor2": {"statistics": "instructor"},
    "nobody": {},
}


@dataclass(frozen=True)
class Running:
    """A running server. `url` is what ASSAY_EXCHANGE_URL would be."""

    url: str
    exchange: Exchange
    submitted: list[Attempt] = field(default_factory=list)  # as the queue was told

    @property
    def api(self) -> str:
        return f"{self.url}/api/v1"

    def call(self, method: str, path: str, who: str | None = "student1", **more: object) -> requests.Response:
        """One request, on a connection of its own. Its answer has to be one that is described."""
        headers = {} if who is None else {"Authorization": f"token {token_of(who)}"}
        headers |= dict(more.pop("headers", {}))  # type: ignore[call-overload]
        answer = requests.request(method, self.api + path, headers=headers, timeout=60, **more)  # type: ignore[arg-type]
        check(method, path, answer)
        return answer


def token_of(who: str) -> str:
    """The token of a person, or of `service-<course>`."""
    return f"token-{who}"


def tar(files: Mapping[str, bytes | str]) -> bytes:
    """A plain archive of these files."""
    contents = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    manifest = tuple(File(name, sha256(data).hexdigest(), len(data)) for name, data in contents.items())
    return b"".join(packed(manifest, lambda file: [contents[file.path]]))


@contextmanager
def exchange_server(
    folder: Path,
    *,
    people: Mapping[str, Mapping[str, Role]] = PEOPLE,
    more: Callable[[Exchange], Sequence[URLSpec]] = lambda _exchange: (),
    body_timeout: float | None = None,
    **changed: object,
) -> Iterator[Running]:
    """A server whose state is in `folder`. `more` adds handlers; `changed` replaces parts of the Exchange."""

    async def identify(token: str) -> Caller | None:
        name = token.removeprefix("token-")
        if name.removeprefix("service-") in COURSES and name.startswith("service-"):
            return Caller(name.removeprefix("service-"), "service")
        return Caller(name, "user") if name in people else None

    async def roles(caller: Caller) -> Mapping[str, Role]:
        return {caller.name: "instructor"} if caller.kind == "service" else people[caller.name]

    submitted: list[Attempt] = []
    with open_database(f"sqlite:///{folder / 'exchange.sqlite'}") as engine, open_blobs(folder / "blobs") as blobs:
        key = open_key(folder / "receipts.pem")
        exchange = Exchange(engine, blobs, key, COURSES, identify, roles, submitted=submitted.append)
        exchange = replace(exchange, **changed)  # type: ignore[arg-type]
        with _listening(exchange, more(exchange), body_timeout) as port:
            yield Running(f"http://127.0.0.1:{port}{PREFIX.rstrip('/')}", exchange, submitted)


@contextmanager
def _listening(exchange: Exchange, more: Sequence[URLSpec], body_timeout: float | None) -> Iterator[int]:
    sockets = bind_sockets(0, "127.0.0.1")
    ready, stop = threading.Event(), []
    failure: list[BaseException] = []

    async def serve() -> None:
        end = asyncio.Event()
        stop.append((asyncio.get_running_loop(), end))
        server = http_server(application(exchange, PREFIX, more))
        if body_timeout is not None:
            server.conn_params.body_timeout = body_timeout
        server.add_sockets(sockets)
        ready.set()
        await end.wait()
        server.stop()
        await server.close_all_connections()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failure.append(error)
            ready.set()

    thread = threading.Thread(target=run, name="exchange")
    thread.start()
    ready.wait()
    try:
        if failure:
            raise failure[0]
        yield sockets[0].getsockname()[1]
    finally:
        for loop, end in stop:
            loop.call_soon_threadsafe(end.set)
        thread.join()


def archive_of(data: bytes) -> dict[str, bytes]:
    """The files of an archive that the server sent."""
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in files.items() if file is not None}
