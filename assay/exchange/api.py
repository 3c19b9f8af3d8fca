"""What every request of the exchange goes through: who calls, in which role, how much may be sent, how errors look.

Who calls is decided by the token in the header alone. Cookies are not looked at, so no other page in a browser can
make a request in somebody's name, and none of these needs a protection against that (XSRF).
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Literal, ParamSpec, TypeVar

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tornado.http1connection import HTTP1Connection
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler, stream_request_body

from assay.errors import AssayError, Refusal
from assay.exchange.blobs import Blobs
from assay.exchange.records import Attempt, State
from assay.exchange.tar import Caps

Role = Literal["student", "instructor"]
LARGEST_JSON = 64 * 1024  # bytes of a request that is no upload
STATUS = {  # of a Refusal; `unknown_...` is 404, anything else that is not here is 422
    "no_token": 401,
    "not_allowed": 403,
    "no_feedback": 404,
    "bad_method": 405,
    "not_released": 409,
    "deadline_over": 409,
    "no_attempts_left": 409,
    "not_failed": 409,
    "too_large": 413,
    "too_many_files": 413,
    "too_many_uploads": 429,
}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TOKEN = re.compile(r"(?:token|bearer) +(\S{1,1000})", re.IGNORECASE)
_OURS = "The exercise server cannot do this now. It is not your fault; try again in a minute, and tell your instructor."
_MISTAKE = "The exercise server made a mistake. It is not your fault; tell your instructor when it happened."
log = logging.getLogger("assay.exchange")
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Caller:
    """Who calls, as the Hub says."""

    name: str
    kind: Literal["user", "service"]


@dataclass(frozen=True)
class Exchange:
    """The parts of a running exchange. What is not async is called in threads."""

    engine: sa.Engine
    blobs: Blobs
    key: Ed25519PrivateKey  # signs receipts
    courses: tuple[str, ...]
    identify: Callable[[str], Awaitable[Caller | None]]  # from a token; raises ExchangeError
    roles: Callable[[Caller], Awaitable[Mapping[str, Role]]]  # by course; raises ExchangeError
    states: Callable[[Sequence[str]], Mapping[str, State]] = lambda _attempts: {}  # where grading them stands
    submitted: Callable[[Attempt], None] = lambda _attempt: None  # after it was recorded
    caps: Caps = Caps()  # but for sizes
    upload_bytes: int = 100 * 2**20  # of one archive, and of what is in it
    uploads_each: int = 2  # of one caller at the same time
    uploading: Counter[Caller] = field(default_factory=Counter)
    # Uploads have threads of their own, so that nobody who only looks waits for them.
    upload_threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(4, "upload"))


@stream_request_body
class ApiHandler(RequestHandler):
    """A handler of the exchange. A subclass names its arguments in the order in which they stand in its path."""

    public = False  # needs no token
    exchange: Exchange
    caller: Caller
    roles: Mapping[str, Role]

    def initialize(self, exchange: Exchange) -> None:
        """Called when the headers of a request were read."""
        self.exchange = exchange
        self.arrived = datetime.now(UTC)
        self.most = LARGEST_JSON  # bytes that the body of this request may have
        self.length = 0  # bytes of it so far
        self.received = bytearray()
        self.failure: Exception | None = None
        self.early = True  # whether an answer would come before the body was read

    async def prepare(self) -> None:
        """Find out who calls, and whether this may be sent, before the body is read."""
        self.connection().set_max_body_size(self.drained())
        try:
            self._check_address()
            if not self.public:
                self.caller = await self._identified()
                self.roles = await self.exchange.roles(self.caller)
            await self.before_body(*self.path_args)
            self._check_length()
        except Exception as error:
            if not self._body_can_be_read():
                raise
            self._fail_later(error)
        self.early = False

    async def before_body(self, *path: str) -> None:
        """For subclasses: refuse before anything is sent, and set `most`."""

    async def data_received(self, chunk: bytes) -> None:
        """Take a part of the body. Never raises: the caller would see a broken connection instead of a reason."""
        self.length += len(chunk)
        if self.failure is not None:
            return
        try:
            if self.length > self.most:
                raise self.too_large()
            await self.take(chunk)
        except Exception as error:
            self._fail_later(error)

    async def take(self, chunk: bytes) -> None:
        """Keep a part of the body; for subclasses to keep it elsewhere."""
        self.received += chunk

    def too_large(self) -> Refusal:
        """For a body of more bytes than may be sent."""
        return Refusal("too_large", f"This request is larger than {self.most:,} bytes. Send less.")

    def drained(self) -> int:
        """How many bytes are read and thrown away, so that whoever sends them gets to read why they are refused."""
        return 2**20

    def require(self, course: str, role: Role = "student") -> Role:
        """The caller's role in a course, where it is at least this one.

        Raises Refusal (`unknown_course`, `not_allowed`).
        """
        mine = self.roles.get(course) if course in self.exchange.courses else None
        if mine is None:
            raise Refusal(
                "unknown_course",
                f"You have no role in a course {course}. Check its name, or ask an instructor to enrol you.",
            )
        if role == "instructor" and mine != "instructor":
            raise Refusal("not_allowed", f"Only instructors of {course} can do this. Ask one of them.")
        return mine

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What waits for the disk or a database, without holding up other requests."""
        return await IOLoop.current().run_in_executor(None, partial(function, *args, **kwargs))

    def send(self, value: object, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value, ensure_ascii=False, allow_nan=False))

    def connection(self) -> HTTP1Connection:
        """What the request came over."""
        connection = self.request.connection
        assert isinstance(connection, HTTP1Connection)
        return connection

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """A part of the path. Raises Refusal (`unknown_path`)."""
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise _unknown_path() from None

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> None:
        """None: what is here is never kept by caches."""

    def check_xsrf_cookie(self) -> None:
        """Nothing to check, see above."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every error as JSON: a word for programs and a sentence for people, never a traceback."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        status, code, sentence = _explained(error, status_code)
        if self.early:
            self.set_header("Connection", "close")  # or a proxy sends the next request, somebody else's, over it
        if status == 401:
            self.set_header("WWW-Authenticate", "token")
        if status == 405:
            methods = ", ".join(self.methods())
            self.set_header("Allow", methods)
            sentence = f"This address does not know {self.request.method}. Use one of: {methods}."
        self.send({"code": code, "error": sentence}, status)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(value, Refusal | HTTPError):
            return
        if isinstance(value, AssayError):
            log.error("%s %s: %s", self.request.method, self.request.path, value)
        else:
            super().log_exception(typ, value, tb)

    @classmethod
    def methods(cls) -> tuple[str, ...]:
        """The methods that this handler knows."""
        unknown = RequestHandler._unimplemented_method
        return tuple(name for name in _METHODS if getattr(cls, name.lower()) is not unknown)

    async def _identified(self) -> Caller:
        given = _TOKEN.fullmatch(self.request.headers.get("Authorization", ""))
        if given is None:
            raise Refusal("no_token", "This needs a token of the Hub, in a header: Authorization: token ...")
        caller = await self.exchange.identify(given[1])
        if caller is None:
            raise Refusal(
                "no_token", "The Hub does not know this token. Log in again, or make a new token on the Hub's page."
            )
        return caller

    def _check_address(self) -> None:
        if self.request.method not in self.methods():
            raise HTTPError(405)
        for name in self.path_args:
            if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
                raise _unknown_path()

    def _check_length(self) -> None:
        if self._is_said_to_exceed(self.most):
            raise self.too_large()

    def _body_can_be_read(self) -> bool:
        """Whether the body, if there is one, is sent without waiting, and not too long to be read."""
        length = self.request.headers.get("Content-Length", "0")
        can_be_sent = length.isdecimal() and "Expect" not in self.request.headers
        return can_be_sent and not self._is_said_to_exceed(self.drained())

    def _is_said_to_exceed(self, most: int) -> bool:
        """Whether the headers announce a body of more bytes than that."""
        said = self.request.headers.get("Content-Length", "").lstrip("0")
        return said.isdecimal() and (len(said) > 18 or int(said) > most)  # Python reads no number of 5000 digits

    def _fail_later(self, error: Exception) -> None:
        """Answer when the body was read: an answer before closes the connection, and the caller could not read it."""
        self.failure = error
        setattr(self, (self.request.method or "").lower(), self._fail)  # in place of the subclass's method

    async def _fail(self, *_path: str) -> None:
        assert self.failure is not None
        raise self.failure


class Unknown(ApiHandler):
    """For every address that is not one."""

    public = True

    async def before_body(self, *path: str) -> None:
        raise _unknown_path()

    def _check_address(self) -> None:
        """Any method will do."""


def _unknown_path() -> Refusal:
    return Refusal("unknown_path", "There is nothing at this address. See openapi.yaml for all of them.")


def _explained(error: BaseException | None, status: int) -> tuple[int, str, str]:
    """Status, word and sentence of an error."""
    if isinstance(error, Refusal):
        other = 404 if error.code.startswith("unknown_") else 422
        return STATUS.get(error.code, other), error.code, str(error)
    if isinstance(error, AssayError):
        return 503, "unavailable", _OURS  # the message names files and databases; it is in the log
    if status == 405:
        return 405, "bad_method", ""
    if 400 <= status < 500:
        return 422, "bad_request", "This request cannot be read. Compare it with openapi.yaml."
    return 500, "failed", _MISTAKE
