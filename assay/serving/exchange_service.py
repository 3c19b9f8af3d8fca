"""The exchange as a service of the Hub: python -m assay.serving.exchange_service --home HOME

Submissions, policies, receipts and feedback over HTTP; regrades and jobs for staff; plain pages for browsers. What is
submitted is enqueued for the grading worker of its course.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth
from tornado.web import Application

from assay.errors import AssayError, CourseError
from assay.exchange.blobs import open_blobs
from assay.exchange.identity import Identity, hub_identity
from assay.exchange.receipts import open_key
from assay.exchange.records import Attempt
from assay.exchange.server import Exchange, application, http_server
from assay.exchange.tables import open_database
from assay.jobs import table
from assay.serving import api_grading, pages, queue, regrades
from assay.serving.pages import Pages, hub_visitor
from assay.serving.processes import begin
from assay.serving.regrades import Places
from assay.serving.states import states
from assay.serving.wake import wake
from assay.settings import Settings, load

PREFIX = "/services/exchange/"
log = logging.getLogger("assay.exchange")


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int


def address(environ: dict[str, str]) -> Address:
    """What the Hub says in JUPYTERHUB_SERVICE_URL. Raises CourseError."""
    parts = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
    if parts.hostname is None or parts.port is None:
        raise CourseError("The Hub does not say where to listen (JUPYTERHUB_SERVICE_URL). Start it with: assay serve")
    return Address(parts.hostname, parts.port)


@contextmanager
def opened(
    settings: Settings, identity: Identity, prefix: str = PREFIX, visitor: pages.Visitor = hub_visitor
) -> Iterator[Application]:
    """The whole application, with its databases. Raises ExchangeError and JobError."""
    with ExitStack() as stack:
        engine = stack.enter_context(open_database(settings.exchange_database))
        blobs = stack.enter_context(open_blobs(settings.blobs, settings.blob_store))
        jobs = table.opened(settings.jobs_database)
        stack.callback(jobs.dispose)
        regrades.prepare(settings.jobs_database)
        places = Places(settings, engine, jobs)
        exchange = Exchange(
            engine=engine,
            blobs=blobs,
            key=open_key(settings.receipt_key),
            courses=tuple(course.name for course in settings.courses),
            identify=identity.identify,
            roles=identity.roles,
            states=partial(states, jobs),
            submitted=partial(submitted, places),
            upload_bytes=settings.upload_bytes,
        )
        grading = api_grading.handlers(exchange, places, prefix)
        app = application(exchange, prefix, [*grading, *pages.handlers(Pages(exchange, places, prefix, visitor))])
        app.settings["cookie_secret"] = os.urandom(32)  # after a restart the Hub logs everybody in again, unasked
        yield app


def submitted(places: Places, attempt: Attempt) -> None:
    """Have a new attempt graded. Raises JobError; then the next reconciliation enqueues it."""
    course = places.settings.course(attempt.course)
    queue.enqueue(places.jobs, course, attempt)
    wake(places.settings.home / "wake", course.grading)


async def serve(app: Application, where: Address) -> None:
    """Answer until SIGTERM or Control-C, then end in good order."""
    over = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, over.set)
    server = http_server(app)
    server.listen(where.port, where.host)
    log.info("The exchange listens on %s:%d", where.host, where.port)
    await over.wait()
    server.stop()
    await server.close_all_connections()


def main() -> int:
    """Errors of ours end as one message on stderr and status 2."""
    parser = argparse.ArgumentParser(description="The exchange as a service of the Hub.")
    parser.add_argument("--home", type=Path, required=True, help="the server's folder")
    options = parser.parse_args()
    try:
        begin()
        settings = load(options.home, os.environ)
        where, prefix = address(dict(os.environ)), os.environ.get("JUPYTERHUB_SERVICE_PREFIX", PREFIX)
        identity = hub_identity(HubOAuth.instance(), settings.courses)
        with opened(settings, identity, prefix) as app:
            asyncio.run(serve(app, where))
    except KeyboardInterrupt:
        return 0
    except AssayError as error:
        print(f"assay: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
