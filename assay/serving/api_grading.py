"""Regrades and failed jobs over HTTP, as openapi.yaml describes them. For instructors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, cast, get_args

from tornado.web import URLSpec

from assay.errors import JobChanged, Refusal
from assay.exchange import arguments
from assay.exchange.api import ApiHandler, Exchange
from assay.exchange.moments import written
from assay.exchange.server import Routes, routed
from assay.jobs import table
from assay.jobs.table import Job, State
from assay.serving import regrades
from assay.serving.regrade_reports import report, shown
from assay.serving.regrades import Asked, Places
from assay.serving.wake import wake
from assay.settings import CourseSettings

_TEXTS = ("assignment", "attempt", "student", "reason")
_STATES = get_args(State)
_NUMBER = re.compile("[0-9]{1,9}")  # all that PostgreSQL's integers hold


class GradingHandler(ApiHandler):
    """A handler that knows the jobs."""

    places: Places

    def initialize(self, exchange: Exchange, places: Places | None = None) -> None:
        super().initialize(exchange)
        assert places is not None
        self.places = places

    async def before_body(self, *path: str) -> None:
        self.require(path[0], "instructor")

    def course(self, name: str) -> CourseSettings:
        return self.places.settings.course(name)


class Regrades(GradingHandler):
    """All regrades of a course, and one more."""

    async def get(self, course: str) -> None:
        arguments.query(self, set())
        self.send(await self.in_thread(self._all, self.course(course)))

    async def post(self, course: str) -> None:
        given = arguments.json_object(self.received, {*_TEXTS, "fresh_draws"}, {"reason"})
        for name in _TEXTS:
            if name in given:
                given[name] = arguments.one_line(given[name], name)
        if not isinstance(given.get("fresh_draws", False), bool):
            raise arguments.bad("fresh_draws is neither true nor false")
        of, by = self.course(course), self.caller.name
        regrade = await self.in_thread(regrades.ask, self.places, of, Asked(**given), by=by)
        found = await self.in_thread(report, self.places.jobs, of.grading, regrade)
        self.send(shown(found), 202)

    def _all(self, course: CourseSettings) -> list[dict[str, Any]]:
        jobs = self.places.jobs
        return [shown(report(jobs, course.grading, one)) for one in regrades.of_course(jobs, course.name)]


class OneRegrade(GradingHandler):
    """One regrade."""

    async def get(self, course: str, number: str) -> None:
        regrade = await self.in_thread(regrades.find, self.places.jobs, course, number)
        self.send(shown(await self.in_thread(report, self.places.jobs, self.course(course).grading, regrade)))


class Jobs(GradingHandler):
    """The jobs of a course in one state; failed ones are what staff have to look at."""

    async def get(self, course: str) -> None:
        state = cast(State, arguments.query(self, {"state"}).get("state", "failed"))
        if state not in _STATES:
            raise arguments.bad(f"There is no state of jobs like that; known are: {', '.join(_STATES)}")
        found = await self.in_thread(table.in_state, self.places.jobs, state, kind=self.course(course).grading)
        self.send([job_shown(job) for job in found])


class Queue(GradingHandler):
    """How many jobs of a course are in each state, and those that staff have to look at: a list of all is long."""

    async def get(self, course: str) -> None:
        arguments.query(self, set())
        self.send(await self.in_thread(self._counted, self.course(course).grading))

    def _counted(self, kind: str) -> dict[str, Any]:
        jobs = self.places.jobs
        wrong = [*table.in_state(jobs, "failed", kind=kind), *table.in_state(jobs, "done", kind=kind, wrong=True)]
        return {**table.numbers(jobs, kind), "wrong": [job_shown(job) for job in wrong]}


class RetryJob(GradingHandler):
    """Another try for a job that failed."""

    async def post(self, course: str, number: str) -> None:
        self.send(job_shown(await self.in_thread(self._retried, self.course(course), number)))

    def _retried(self, course: CourseSettings, number: str) -> Job:
        jobs = self.places.jobs
        try:
            job = table.get(jobs, int(number)) if _NUMBER.fullmatch(number) else None
        except JobChanged:
            job = None
        if job is None or job.kind != course.grading:
            raise Refusal("unknown_job", f"{course.name} has no such job. Look at the list of its jobs.")
        since = [one.id for one in table.of_subject(jobs, job.kind, job.subject) if one.state == "done"]
        if job.state == "failed" and max(since, default=0) > job.id:  # what was asked for later counts
            raise Refusal(
                "not_failed",
                f"The attempt of job {job.id} has been graded since, by job {max(since)}, and keeps that result. To "
                f"grade it once more: assay regrade --attempt {job.subject}",
            )
        try:
            retried = table.retry(jobs, job.id, who=self.caller.name)
        except JobChanged as error:
            raise Refusal("not_failed", str(error)) from None
        wake(self.places.settings.home / "wake", course.grading)
        return retried


def job_shown(job: Job) -> dict[str, Any]:
    """To staff."""
    return {
        "number": job.id,
        "attempt": job.subject,
        "version": job.version,
        "state": job.state,
        "tries": job.tries,
        "worker": job.worker,
        "error": job.error,
        "created": _moment(job.created),
        "changed": _moment(job.changed),
    }


def _moment(seconds: float) -> str:
    return written(datetime.fromtimestamp(seconds, UTC))


ROUTES: Routes = (
    ("/courses/{course}/regrades", Regrades),
    ("/courses/{course}/regrades/{regrade}", OneRegrade),
    ("/courses/{course}/queue", Queue),
    ("/courses/{course}/jobs", Jobs),
    ("/courses/{course}/jobs/{number}/retry", RetryJob),
)


def handlers(exchange: Exchange, places: Places, prefix: str) -> list[URLSpec]:
    """The addresses of all this."""
    given = {"exchange": exchange, "places": places}
    return [URLSpec(spec.regex.pattern, spec.handler_class, given) for spec in routed(exchange, prefix, ROUTES)]
