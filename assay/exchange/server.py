"""The exchange over HTTP, as openapi.yaml describes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

from tornado.httpserver import HTTPServer
from tornado.web import Application, URLSpec

from assay.exchange.api import ApiHandler, Caller, Exchange, Role, Unknown
from assay.exchange.handlers_assignments import (
    AssignmentFiles,
    Assignments,
    Courses,
    Extensions,
    OneAssignment,
    OneExtension,
)
from assay.exchange.handlers_attempts import (
    AttemptFeedback,
    AttemptFiles,
    AttemptReceipt,
    AttemptsOfAssignment,
    AttemptsOfCourse,
    OneAttempt,
)
from assay.exchange.receipts import public_text

__all__ = [
    "ApiHandler",
    "Caller",
    "Exchange",
    "Role",
    "application",
    "description",
    "handlers",
    "http_server",
    "routed",
]

Routes = Sequence[tuple[str, type[ApiHandler]]]  # paths as in openapi.yaml
_SLOWEST = 600.0  # seconds for the body of one request


class Health(ApiHandler):
    """Whether the server runs."""

    public = True

    async def get(self) -> None:
        self.send({"status": "ok"})


class Description(ApiHandler):
    """The description of all this."""

    public = True

    async def get(self) -> None:
        self.set_header("Content-Type", "application/yaml")
        self.finish(description())


class Key(ApiHandler):
    """The public key of receipts."""

    public = True

    async def get(self) -> None:
        self.set_header("Content-Type", "application/x-pem-file")
        self.finish(public_text(self.exchange.key))


_ASSIGNMENT = "/courses/{course}/assignments/{assignment}"
ROUTES: Routes = (
    ("/health", Health),
    ("/openapi.yaml", Description),
    ("/key", Key),
    ("/courses", Courses),
    ("/courses/{course}/assignments", Assignments),
    (_ASSIGNMENT, OneAssignment),
    (f"{_ASSIGNMENT}/files", AssignmentFiles),
    (f"{_ASSIGNMENT}/extensions", Extensions),
    (f"{_ASSIGNMENT}/extensions/{{student}}", OneExtension),
    (f"{_ASSIGNMENT}/attempts", AttemptsOfAssignment),
    ("/courses/{course}/attempts", AttemptsOfCourse),
    ("/attempts/{attempt}", OneAttempt),
    ("/attempts/{attempt}/files", AttemptFiles),
    ("/attempts/{attempt}/receipt", AttemptReceipt),
    ("/attempts/{attempt}/feedback", AttemptFeedback),
)


def description() -> str:
    """The text of openapi.yaml."""
    return files("assay.exchange").joinpath("openapi.yaml").read_text(encoding="utf-8")


def handlers(exchange: Exchange, prefix: str) -> list[URLSpec]:
    """The handlers of this room; `prefix` is that of the Hub's service, such as /services/exchange/."""
    return routed(exchange, prefix, ROUTES)


def routed(exchange: Exchange, prefix: str, routes: Routes) -> list[URLSpec]:
    """Handlers at the paths of openapi.yaml."""
    base = re.escape(f"{prefix.rstrip('/')}/api/v1")
    return [
        URLSpec(base + re.sub(r"\{\w+\}", "([^/]+)", path), handler, {"exchange": exchange}) for path, handler in routes
    ]


def application(exchange: Exchange, prefix: str, more: Sequence[URLSpec] = ()) -> Application:
    """All handlers, and an answer in JSON at every other address."""
    return Application(
        [*handlers(exchange, prefix), *more],
        default_handler_class=Unknown,
        default_handler_args={"exchange": exchange},
    )


def http_server(app: Application) -> HTTPServer:
    """A server with limits on what a stranger may send; it still has to listen."""
    return HTTPServer(app, body_timeout=_SLOWEST, max_header_size=32 * 1024, max_body_size=2**20)
