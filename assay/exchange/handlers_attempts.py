"""Requests about attempts, their receipts and feedback."""

from __future__ import annotations

from collections.abc import Sequence

from assay.errors import Refusal
from assay.exchange import arguments, rows, store
from assay.exchange.api import ApiHandler, log
from assay.exchange.blobs import Upload
from assay.exchange.handlers_assignments import found
from assay.exchange.receipts import sign
from assay.exchange.records import Attempt, State, receipt_of
from assay.exchange.shown import Json, attempt_shown, feedback_shown
from assay.exchange.uploads import UploadHandler, send_files

_RECEIVED = State("received")


class AttemptsOfAssignment(UploadHandler):
    """The attempts at one assignment, and one more."""

    async def before_body(self, *path: str) -> None:
        self.require(path[0])
        if self.request.method == "POST":
            if self.caller.kind != "user":
                raise Refusal("not_allowed", "A service cannot submit. Submit in somebody's own name.")
            self.begin_upload()

    async def get(self, course: str, name: str) -> None:
        student = asked_student(self, course)
        await self.in_thread(found, self, course, name)
        self.send(await self.in_thread(_listed, self, course, name, student))

    async def post(self, course: str, name: str) -> None:
        def submitted(upload: Upload) -> Attempt:
            return store.submit(self.exchange.engine, course, name, self.caller.name, upload, self.arrived)

        attempt = await self.with_upload(submitted)
        state = await self.in_thread(_enqueued, self, attempt)
        receipt = sign(self.exchange.key, receipt_of(attempt))
        self.send({"attempt": attempt_shown(attempt, state, None), "receipt": receipt}, 201)


class AttemptsOfCourse(ApiHandler):
    """The attempts at all assignments of a course."""

    async def get(self, course: str) -> None:
        student = asked_student(self, course)
        self.send(await self.in_thread(_listed, self, course, None, student))


class OneAttempt(ApiHandler):
    """One attempt."""

    async def get(self, number: str) -> None:
        attempt, staff = await mine(self, number)
        self.send((await self.in_thread(shown_to, self, [attempt], staff))[0])


class AttemptFiles(ApiHandler):
    """What was submitted."""

    async def get(self, number: str) -> None:
        attempt, _ = await mine(self, number)
        await send_files(self, attempt.files)


class AttemptReceipt(ApiHandler):
    """The receipt once more: equal contents have equal signatures."""

    async def get(self, number: str) -> None:
        attempt, _ = await mine(self, number)
        self.set_header("Content-Type", "application/json")
        self.finish(sign(self.exchange.key, receipt_of(attempt)))


class AttemptFeedback(UploadHandler):
    """The feedback on an attempt."""

    async def before_body(self, *path: str) -> None:
        if self.request.method == "PUT":
            attempt, _ = await mine(self, path[0])
            self.require(attempt.course, "instructor")
            self.begin_upload()

    async def get(self, number: str) -> None:
        attempt, staff = await mine(self, number)
        feedback = await self.in_thread(store.find_feedback, self.exchange.engine, attempt.id, released_only=not staff)
        if feedback is None:
            raise Refusal("no_feedback", "There is no feedback on this attempt yet. Look again later.")
        await send_files(self, feedback.files)

    async def put(self, number: str) -> None:
        engine, arrived = self.exchange.engine, self.arrived
        given = await self.with_upload(
            lambda upload: store.give_feedback(engine, number, upload, arrived, released=True)
        )
        self.send(feedback_shown(given))


async def mine(handler: ApiHandler, number: str) -> tuple[Attempt, bool]:
    """An attempt and whether the caller sees it as an instructor.

    Raises Refusal (`unknown_attempt`), also where it is somebody else's: nobody can find out which there are.
    """
    attempt = await handler.in_thread(store.find_attempt, handler.exchange.engine, number)
    if attempt.course in handler.exchange.courses and handler.roles.get(attempt.course) == "instructor":
        return attempt, True
    if handler.caller.kind == "user" and handler.caller.name == attempt.student:
        return attempt, False
    raise rows.unknown_attempt()


def asked_student(handler: ApiHandler, course: str) -> str | None:
    """Whose attempts are asked for; None for everybody's.

    Raises Refusal (`unknown_course`, `not_allowed`, `bad_request`).
    """
    role = handler.require(course)
    asked = arguments.query(handler, {"student"}).get("student")
    if role == "instructor":
        return asked
    if asked not in (None, handler.caller.name):
        raise Refusal("not_allowed", "You can list your own attempts only. Leave the student out of the query.")
    return handler.caller.name


def shown_to(handler: ApiHandler, attempts: Sequence[Attempt], staff: bool) -> list[Json]:
    """Attempts with their states, and the feedback that the caller may see. Waits for databases."""
    numbers = [one.id for one in attempts]
    states = handler.exchange.states(numbers)
    feedback = store.latest_feedback(handler.exchange.engine, numbers, released_only=not staff)
    return [attempt_shown(one, states.get(one.id, _RECEIVED), feedback.get(one.id)) for one in attempts]


def _listed(handler: ApiHandler, course: str, name: str | None, student: str | None) -> list[Json]:
    attempts = store.attempts(handler.exchange.engine, course, name, student=student)
    return shown_to(handler, attempts, handler.require(course) == "instructor")


def _enqueued(handler: ApiHandler, attempt: Attempt) -> State:
    """Where a new attempt stands that is to be graded. It is recorded: what fails here is not told to the student, who
    would submit again, and has a limit of attempts.
    """
    try:
        handler.exchange.submitted(attempt)
        return handler.exchange.states([attempt.id]).get(attempt.id, _RECEIVED)
    except Exception:
        log.exception("Attempt %s was recorded, but perhaps is not in the queue yet", attempt.id)
        return _RECEIVED
