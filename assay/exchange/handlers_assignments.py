"""Requests about courses, assignments and extensions."""

from __future__ import annotations

from collections.abc import Sequence

from assay.errors import Refusal
from assay.exchange import arguments, rows, store
from assay.exchange.api import ApiHandler
from assay.exchange.policy import Extension, may_fetch
from assay.exchange.records import Assignment
from assay.exchange.shown import Json, assignment_shown, student_extension_shown
from assay.exchange.uploads import UploadHandler, send_files


class Courses(ApiHandler):
    """The courses of whoever asks."""

    async def get(self) -> None:
        mine = ((name, self.roles[name]) for name in sorted(self.exchange.courses) if name in self.roles)
        self.send([{"name": name, "role": role} for name, role in mine])


class Assignments(ApiHandler):
    """What a course hands out."""

    async def get(self, course: str) -> None:
        to_student = self.require(course) == "student"
        self.send(await self.in_thread(self._listed, course, to_student))

    def _listed(self, course: str, to_student: bool) -> list[Json]:
        every = store.assignments(self.exchange.engine, course)
        return shown_to(self, course, [one for one in every if not (to_student and one.withdrawn)], to_student)


class OneAssignment(UploadHandler):
    """One assignment: its rules, handing it out, taking it back."""

    async def before_body(self, *path: str) -> None:
        self.require(path[0], "student" if self.request.method == "GET" else "instructor")
        if self.request.method == "PUT":
            self.begin_upload()

    async def get(self, course: str, name: str) -> None:
        to_student = self.require(course) == "student"
        await self._show(await self.in_thread(found, self, course, name), to_student)

    async def put(self, course: str, name: str) -> None:
        rules = arguments.policy_from_query(self)
        engine = self.exchange.engine
        await self._show(await self.with_upload(lambda upload: store.release(engine, course, name, rules, upload)))

    async def patch(self, course: str, name: str) -> None:
        rules = arguments.policy_from_json(self.received)
        await self._show(await self.in_thread(store.change_policy, self.exchange.engine, course, name, rules))

    async def delete(self, course: str, name: str) -> None:
        await self._show(await self.in_thread(store.withdraw, self.exchange.engine, course, name))

    async def _show(self, assignment: Assignment, to_student: bool = False) -> None:
        self.send((await self.in_thread(shown_to, self, assignment.course, [assignment], to_student))[0])


class AssignmentFiles(ApiHandler):
    """The files of an assignment."""

    async def get(self, course: str, name: str) -> None:
        role = self.require(course)
        assignment = await self.in_thread(found, self, course, name)
        if role == "student" and not may_fetch(assignment.policy, self.arrived):
            raise Refusal("not_released", f"{name} is not released yet. The list of assignments says when it will be.")
        await send_files(self, assignment.files)


class Extensions(ApiHandler):
    """Who got more time."""

    async def before_body(self, *path: str) -> None:
        self.require(path[0], "instructor")

    async def get(self, course: str, name: str) -> None:
        await self.in_thread(found, self, course, name)
        every = await self.in_thread(store.extensions, self.exchange.engine, course, name)
        self.send([student_extension_shown(one) for one in every])


class OneExtension(ApiHandler):
    """More time for one student."""

    async def before_body(self, *path: str) -> None:
        self.require(path[0], "instructor")

    async def get(self, course: str, name: str, student: str) -> None:
        await self.in_thread(found, self, course, name)
        extension = await self.in_thread(store.find_extension, self.exchange.engine, course, name, student)
        if extension is None:
            raise _no_extension(name, student)
        self.send(student_extension_shown(extension))

    async def put(self, course: str, name: str, student: str) -> None:
        given = arguments.json_object(self.received, {"until", "reason"}, {"until"})
        until = arguments.moment(given["until"], "until")
        extension = Extension(student, until, arguments.one_line(given.get("reason", ""), "reason"))
        await self.in_thread(store.extend, self.exchange.engine, course, name, extension)
        self.send(student_extension_shown(extension))

    async def delete(self, course: str, name: str, student: str) -> None:
        await self.in_thread(found, self, course, name)
        if not await self.in_thread(store.take_extension_back, self.exchange.engine, course, name, student):
            raise _no_extension(name, student)
        self.set_status(204)


def found(handler: ApiHandler, course: str, name: str) -> Assignment:
    """An assignment, where the caller may see it. Raises Refusal (`unknown_assignment`)."""
    assignment = store.find_assignment(handler.exchange.engine, course, name)
    if assignment.withdrawn and handler.require(course) == "student":
        raise rows.unknown(course, name)
    return assignment


def shown_to(handler: ApiHandler, course: str, assignments: Sequence[Assignment], to_student: bool) -> list[Json]:
    """Assignments with the caller's own extension and attempts; a service has none. Waits for the database."""
    engine, caller = handler.exchange.engine, handler.caller
    mine = caller.kind == "user"
    extensions = store.extensions_of(engine, course, caller.name) if mine else {}
    used = store.attempts_used(engine, course, caller.name) if mine else {}
    return [
        assignment_shown(
            one,
            handler.arrived,
            to_student=to_student,
            extension=extensions.get(one.name),
            attempts_used=used.get(one.name, 0),
        )
        for one in assignments
    ]


def _no_extension(name: str, student: str) -> Refusal:
    return Refusal("unknown_extension", f"{student} has no extension for {name}. See the list of all extensions.")
