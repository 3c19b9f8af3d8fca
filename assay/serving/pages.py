"""Plain pages for browsers, behind the Hub's login: my submissions, one attempt with its result, and for staff what
failed and what regrades changed. They only show; whatever changes something goes through the API.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler, URLSpec

from assay.errors import AssayError, Refusal
from assay.exchange import store
from assay.exchange.api import Caller, Exchange, Role
from assay.exchange.blobs import read
from assay.exchange.receipts import sign
from assay.exchange.records import Attempt, receipt_of
from assay.serving import pages_shown as shown
from assay.serving import regrades
from assay.serving.pages_html import FEEDBACK_POLICY, POLICY, page
from assay.serving.regrade_reports import body, report
from assay.serving.regrades import Places

log = logging.getLogger("assay.pages")
_LARGEST = 64 * 2**20  # bytes of a page of feedback


Visitor = Callable[["PageHandler"], Awaitable[Caller | None]]


@dataclass(frozen=True)
class Pages:
    """What pages need. `visitor` says who looks at one, None for whoever has to log in."""

    exchange: Exchange
    places: Places
    prefix: str  # such as /services/exchange/
    visitor: Visitor


class PageHandler(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """A page for somebody who is logged in."""

    pages: Pages
    caller: Caller
    roles: Mapping[str, Role]

    def initialize(self, pages: Pages) -> None:
        self.pages = pages

    async def prepare(self) -> None:
        caller = await self.pages.visitor(self)
        if caller is None:
            if self.request.method != "GET":
                raise HTTPError(403)
            self.redirect(self.get_login_url())
            return
        self.caller = caller
        self.roles = await self.pages.exchange.roles(caller)

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """None: what is here is never kept by caches."""

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What waits for a database, without holding up other requests."""
        return await IOLoop.current().run_in_executor(None, function, *arguments)

    def show(self, title: str, content: str, *, live: bool = False, top: bool = False) -> None:
        token = self.xsrf_token.decode() if live else ""  # the Hub's cookie alone does not let a script in
        self.finish(page(title, content, live=token, back="" if top else self.pages.prefix))

    async def visible(self, number: str) -> tuple[Attempt, bool]:
        """An attempt, and whether it is seen as staff. Raises HTTPError 404, also where it is somebody else's."""
        try:
            attempt: Attempt = await self.in_thread(store.find_attempt, self.pages.exchange.engine, number)
        except Refusal:
            raise HTTPError(404) from None
        if attempt.course in self.pages.exchange.courses and self.roles.get(attempt.course) == "instructor":
            return attempt, True
        if self.caller.kind == "user" and attempt.student == self.caller.name:
            return attempt, False
        raise HTTPError(404)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """In words; never a traceback."""
        error = kwargs.get("exc_info", (None, None))[1]
        ours = status_code >= 500 or isinstance(error, AssayError)
        self.set_status(503 if isinstance(error, AssayError) else status_code)
        title = "Not now" if ours else {403: "Not allowed", 404: "Not there"}.get(status_code, "Not possible")
        said = "It is not your fault. Try again in a minute, and tell your instructor." if ours else _NOT_HERE
        self.show(title, f"<p>{said}</p>")


_NOT_HERE = "There is nothing here that you may see. Start from the list of all your submissions."


class Submissions(PageHandler):
    """All my attempts; for staff also what needs them."""

    async def get(self) -> None:
        pages = self.pages
        live, content = await self.in_thread(shown.submissions, pages.exchange, pages.places, pages.prefix, self.caller)
        for course in sorted(name for name, role in self.roles.items() if role == "instructor"):
            if course in pages.exchange.courses:
                content += await self.in_thread(shown.for_staff, pages.places, pages.prefix, course)
        self.show("Submissions", content, live=live, top=True)


class OneAttempt(PageHandler):
    """One attempt: where it stands, its points, its receipt and its feedback."""

    async def get(self, number: str) -> None:
        attempt, staff = await self.visible(number)
        pages = self.pages
        live, content = await self.in_thread(shown.attempt, pages.exchange, pages.places, pages.prefix, attempt, staff)
        self.show(f"{attempt.assignment}, attempt {attempt.number}", content, live=live)


class Receipt(PageHandler):
    """The receipt as a file."""

    async def get(self, number: str) -> None:
        attempt, _ = await self.visible(number)
        self.set_header("Content-Type", "application/json")
        self.set_header("Content-Disposition", 'attachment; filename="receipt.json"')
        self.finish(sign(self.pages.exchange.key, receipt_of(attempt)))


class FeedbackPage(PageHandler):
    """A page of feedback. It holds a student's text, so nothing in it runs, whatever that text may have become."""

    async def get(self, number: str, name: str) -> None:
        attempt, staff = await self.visible(number)
        exchange = self.pages.exchange
        found = await self.in_thread(lambda: store.find_feedback(exchange.engine, attempt.id, released_only=not staff))
        for file in found.files if found is not None else ():
            if file.path == name and name.endswith(".html") and file.size <= _LARGEST:
                content = await self.in_thread(lambda f: b"".join(read(exchange.blobs, f.sha256, f.size)), file)
                self.set_header("Content-Type", "text/html; charset=utf-8")
                self.set_header("Content-Security-Policy", FEEDBACK_POLICY)
                self.finish(content)
                return
        raise HTTPError(404)


class RegradePage(PageHandler):
    """Whose score a regrade changed, for staff."""

    async def get(self, course: str, number: str) -> None:
        places = self.pages.places
        if course not in self.pages.exchange.courses or self.roles.get(course) != "instructor":
            raise HTTPError(404)
        try:
            regrade = await self.in_thread(regrades.find, places.jobs, course, number)
        except Refusal:
            raise HTTPError(404) from None
        found = await self.in_thread(report, places.jobs, places.settings.course(course).grading, regrade)
        self.show(f"Regrade of {regrade.assignment}", body(found), live=not found.over)


async def hub_visitor(handler: PageHandler) -> Caller | None:
    """Who is logged in, as the Hub says. Raises HTTPError 403 for somebody who may not use the exchange."""
    found = handler.hub_auth.get_user(handler, sync=False)
    model = await found if inspect.isawaitable(found) else found
    if not model:
        return None
    try:
        allowed = handler.check_hub_user(model)
    except UserNotAllowed:
        raise HTTPError(403) from None
    return None if not allowed else Caller(allowed["name"], "service" if allowed["kind"] == "service" else "user")


def handlers(pages: Pages) -> list[URLSpec]:
    """The addresses of all pages."""
    base, given = re.escape(pages.prefix.rstrip("/")), {"pages": pages}
    return [
        URLSpec(f"{base}/?", Submissions, given),
        URLSpec(f"{base}/oauth_callback", HubOAuthCallbackHandler),
        URLSpec(f"{base}/attempts/([0-9a-f]+)", OneAttempt, given),
        URLSpec(f"{base}/attempts/([0-9a-f]+)/receipt", Receipt, given),
        URLSpec(f"{base}/attempts/([0-9a-f]+)/feedback/([^/]+)", FeedbackPage, given),
        URLSpec(f"{base}/courses/([^/]+)/regrades/([0-9A-Za-z]+)", RegradePage, given),
    ]
