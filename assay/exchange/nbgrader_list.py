"""`nbgrader list`, JupyterLab's Assignment List, and what formgrader knows of the exchange: assignments and attempts.

The dictionaries are those of docs/source/exchange/exchange_api.rst in nbgrader.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.exchange import ExchangeError as ShownByNbgrader
from nbgrader.exchange import ExchangeFactory
from nbgrader.exchange.abc import ExchangeList

from assay.errors import ExchangeError
from assay.exchange.answers import AssignmentForCaller, AttemptNow
from assay.exchange.moments import readable
from assay.exchange.nbgrader_exchange import HttpExchange, rules, stamp

Info = dict[str, Any]  # nbgrader's


class HttpList(HttpExchange, ExchangeList):
    """Of all courses of the caller, unless one is chosen."""

    def start(self) -> list[Info]:
        try:
            found: list[Info] = super().start()
            return found
        except ShownByNbgrader as error:
            if not self._for_assignment_list:
                raise
            reason = str(error)
        raise ExchangeError(reason)  # for nbgrader's own error students are told of a missing folder

    def copy_files(self) -> None:
        """Nothing is copied."""

    def list_files(self) -> list[Info]:
        if self.inbound or self.cached:
            self.log.info("Submitted assignments:")
            return self._submitted()
        self.log.info("Released assignments:")
        return [info for course in self._courses for info in self._released(course)]

    def remove_files(self) -> list[Info]:
        """Withdraw assignments. Raises ExchangeError for submissions, which are kept."""
        if self.inbound or self.cached:
            raise ExchangeError("Submissions are never removed from the exercise server: each has a receipt.")
        self.log.info("Removing released assignments:")
        removed = [info for course in self._courses for info in self._released(course)]
        for info in removed:
            self.client.withdraw(info["course_id"], info["assignment_id"])
        return removed

    @property
    def _for_assignment_list(self) -> bool:
        """Whether JupyterLab's Assignment List asks: it is the one that has no application."""
        return isinstance(self.parent, ExchangeFactory) and self.parent.parent is None

    @cached_property
    def _roles(self) -> dict[str, str]:
        return {one.course: one.role for one in self.client.courses()}

    @property
    def _courses(self) -> list[str]:
        chosen = self.coursedir.course_id
        return sorted(self._roles) if chosen in ("", "*") else [chosen]

    def _is_wanted(self, assignment: str) -> bool:
        return fnmatch.fnmatchcase(assignment, self.coursedir.assignment_id or "*")

    def _released(self, course: str) -> Iterator[Info]:
        for listed in self.client.assignments(course):
            if not self._is_wanted(listed.name) or listed.assignment.withdrawn:
                continue
            said = rules(listed)
            if not listed.files:  # announced
                release = listed.assignment.policy.release
                when = "not yet" if release is None else f"from {readable(release)}"
                self.log.info("%s %s (%s)", course, listed.name, ", ".join(filter(None, (when, said))))
                continue
            info = self._assignment(course, listed, said)
            fetched = " (already downloaded)" if info["status"] == "fetched" else ""
            self.log.info("%s %s%s%s", course, listed.name, f" ({said})" if said else "", fetched)
            yield info

    def _assignment(self, course: str, listed: AssignmentForCaller, said: str) -> Info:
        place = self.place_of(course, listed.name)
        if place.exists():
            status, path = "fetched", str(place)
            notebooks = [(notebook.stem, str(notebook)) for notebook in sorted(place.glob("*.ipynb"))]
        else:
            status, path = "released", self.client.place("courses", course, "assignments", listed.name, "files")
            notebooks = [(name, f"{path}/{name}.ipynb") for name in _notebooks(file.path for file in listed.files)]
        if said and self._for_assignment_list:  # the only text there that is nobody's key
            notebooks = [(f"{name} ({said})", where) for name, where in notebooks]
        return {
            "course_id": course,
            "assignment_id": listed.name,
            "status": "removed" if self.remove else status,
            "path": path,
            "notebooks": [{"notebook_id": name, "path": where} for name, where in notebooks],
        }

    def _submitted(self) -> list[Info]:
        groups: dict[tuple[str, str, str], list[Info]] = defaultdict(list)
        for course in self._courses:
            for one in self._attempts(course):
                attempt = one.attempt
                groups[course, attempt.student, attempt.assignment].append(self._attempt(one))
        return [
            {
                "course_id": course,
                "student_id": student,
                "assignment_id": assignment,
                "status": "submitted",
                "submissions": sorted(infos, key=lambda info: str(info["timestamp"])),
            }
            for (course, student, assignment), infos in sorted(groups.items())
        ]

    def _attempts(self, course: str) -> Iterator[AttemptNow]:
        """Those that were asked for: one's own where the cache of nbgrader would be looked at."""
        student = self.coursedir.student_id or "*"
        own = os.environ.get("JUPYTERHUB_USER") if self.cached else None
        for one in self.client.attempts(course, student=own):
            if fnmatch.fnmatchcase(one.attempt.student, student) and self._is_wanted(one.attempt.assignment):
                self.log.info(_line(one))
                yield one

    def _attempt(self, one: AttemptNow) -> Info:
        attempt = one.attempt
        folder = self.feedback_of(attempt.course, attempt.assignment, attempt.submitted)
        given = (
            {} if one.feedback is None else {f.path: f.sha256 for f in one.feedback.files if f.path.endswith(".html")}
        )
        here = {path.name: _sha256(path) for path in folder.glob("*.html")}
        is_here = bool(here) and set(given) <= set(here)
        place = self.client.place("attempts", attempt.id, "files")
        receipt = self.receipt_of(attempt.course, attempt.assignment, attempt.number)
        known = [f"attempt {attempt.number}", *(["late"] if attempt.late else [])]
        known += [f"receipt {os.path.relpath(receipt)}"] if receipt.is_file() else []
        said = f" ({', '.join(known)})" if self._for_assignment_list else ""
        return {
            "course_id": attempt.course,
            "student_id": attempt.student,
            "assignment_id": attempt.assignment,
            "timestamp": stamp(attempt.submitted) + said,
            "status": "submitted",
            "path": place,
            "notebooks": [
                _notebook(name, place, folder, given.get(f"{name}.html"), here.get(f"{name}.html"))
                for name in _notebooks(file.path for file in attempt.files)
            ],
            "has_local_feedback": is_here,
            "has_exchange_feedback": bool(given),
            "feedback_updated": is_here and any(here[name] != sha256 for name, sha256 in given.items()),
            "local_feedback_path": str(folder) if is_here else None,
        }


def _notebook(name: str, place: str, folder: Path, given: str | None, here: str | None) -> Info:
    return {
        "notebook_id": name,
        "path": f"{place}/{name}.ipynb",
        "has_local_feedback": here is not None,
        "has_exchange_feedback": given is not None,
        "local_feedback_path": None if here is None else str(folder / f"{name}.html"),
        "feedback_updated": None not in (here, given) and here != given,
    }


def _line(one: AttemptNow) -> str:
    attempt = one.attempt
    feedback = "feedback ready to be fetched" if one.feedback else "no feedback available"
    late = ", late" if attempt.late else ""
    return (
        f"{attempt.course} {attempt.student} {attempt.assignment} {stamp(attempt.submitted)} "
        f"(attempt {attempt.number}{late}, {one.state.name}, {feedback})"
    )


def _notebooks(paths: Iterator[str]) -> list[str]:
    """Names of the notebooks that do not lie in a further folder."""
    return sorted(PurePosixPath(path).stem for path in paths if path.endswith(".ipynb") and "/" not in path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
