"""A site with one tiny course and a stand-in for grading: submissions, jobs and workers without a Hub or a sandbox."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue

from assay.course import Course
from assay.errors import SandboxError
from assay.exchange import store
from assay.exchange.policy import Policy
from assay.exchange.records import Attempt
from assay.exchange.tar import received
from assay.jobs import table
from assay.jobs.table import Job
from assay.notebook.nbgrader_release import release
from assay.notebook.nbgrader_services import Services
from assay.outcome import Outcome, Report
from assay.serving import queue, regrade_reports, regrades
from assay.serving.asking import listened
from assay.serving.frames import Frame
from assay.serving.grader_protocol import Answer, Ask, Hear, Request, Told, answer_of, encoded, request_of
from assay.serving.grader_work import Grader
from assay.serving.materials import Materials, opened
from assay.serving.regrades import Asked, Regrade
from assay.serving.results import GradingResult, read
from assay.serving.worker import Worker
from assay.settings import CourseSettings, load
from tests.support import class_runs
from tests.support.exchange_server import tar
from tests.support.notebooks import SCALE_ANSWERS, answered, as_bytes, released, scale_course

COURSE = "deep-learning"
WRONG = {"scale_answer": "raise NotImplementedError"}
FULL = 6.0  # of the points that checks give
SCORES = """
    SELECT submitted_assignment.student_id, sum(coalesce(grade.auto_score, 0)) FROM grade
    JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
    JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id GROUP BY 1
"""
CONFIG = Path(__file__).parents[2] / "nbgrader_config.py"


@dataclass(frozen=True)
class Site:
    """A server's folder, opened."""

    home: Path
    materials: Materials

    @property
    def course(self) -> Course:
        return Course(self.of.root, self.of.name)

    @property
    def of(self) -> CourseSettings:
        return self.materials.of

    def submit(
        self, student: str, answers: Mapping[str, str] = SCALE_ANSWERS, *, enqueue: bool = True, **policy: object
    ) -> Attempt:
        """An attempt at `scale`; with `enqueue`, in the queue."""
        materials = self.materials
        with received(BytesIO(archive(self.course, answers)), materials.blobs) as upload:
            taken = store.submit(materials.exchange, COURSE, "scale", student, upload, datetime.now(UTC))
        if enqueue:
            queue.enqueue(materials.jobs, self.of, taken)
        return taken

    def jobs(self, attempt: Attempt) -> tuple[Job, ...]:
        return table.of_subjects(self.materials.jobs, self.of.grading, [attempt.id]).get(attempt.id, ())

    def result(self, attempt: Attempt) -> GradingResult:
        """Of its last job, which must be done."""
        job = self.jobs(attempt)[-1]
        assert job.state == "done", job
        return read(job.result)

    def worker(self, processes: int = 1, **stand_ins: object) -> Worker:
        return Worker(self.materials, in_process(Grader(self.course, services(self.course, **stand_ins))), processes)

    def work(self, **stand_ins: object) -> None:
        """Grade all there is."""
        worker = self.worker(**stand_ins)
        while worker.work():
            pass

    def whats(self, job: Job) -> list[str]:
        """What happened to a job."""
        return [event.what for event in table.history(self.materials.jobs, job.id)]

    def gradebook(self) -> dict[str, float]:
        """The points of each student in it."""
        with closing(sqlite3.connect(self.course.gradebook)) as connection:
            return dict(connection.execute(SCORES).fetchall())

    def make_stricter(self) -> None:
        """Change the suite."""
        checks = self.course.graders / "scale" / "checks.py"
        checks.write_text(checks.read_text() + "# stricter\n")

    def regrade(self, **asked: object) -> Regrade:
        """Only asked for: the worker enqueues it."""
        return regrades.ask(self.materials.places, self.of, Asked(**asked), by="instructor1")  # type: ignore[arg-type]

    def report(self, regrade: Regrade) -> regrade_reports.RegradeReport:
        jobs = self.materials.jobs
        return regrade_reports.report(jobs, self.of.grading, regrades.find(jobs, self.of.name, regrade.id))


def in_process(grader: Grader) -> Ask:
    """What asks a grader that is no process of its own, in the words of one that is."""

    def ask(request: Request, files: Sequence[bytes] = (), hear: Hear | None = None) -> str:
        frame, said = encoded(request, files), SimpleQueue[Frame]()

        def answered(answer: Answer, pages: Sequence[bytes] = ()) -> None:
            if isinstance(answer, Told) and hear is not None:
                hear(answer_of(encoded(answer)), ())  # while the grader is at it
            else:
                said.put(encoded(answer, pages))

        grader.answer(request_of(frame), frame.files, answered)
        return listened(said.get_nowait, hear)

    return ask


def services(course: Course, **stand_ins: object) -> Services:
    return class_runs.services(course, **{"grade": strict_judge, **stand_ins})


def strict_judge(exercise, source, *, round, **rest) -> Report:  # type: ignore[no-untyped-def]
    """As the stand-in of class_runs; but `shift` is failed by stricter checks, and by fresh draws if it is unlucky."""
    report = class_runs.judge(exercise, source, round=round, **rest)
    text = "".join(cell.text for cell in source.cells)
    stricter = "stricter" in exercise.checks.read_text() or (round.startswith("fresh") and "unlucky" in text)
    checks = tuple(
        replace(check, outcome=Outcome.FAILED) if stricter and check.task == "shift" else check
        for check in report.checks
    )
    return replace(report, checks=checks, round=round)


def lose_the_sandbox(*_: object, **__: object) -> None:
    """In place of anything that needs one."""
    raise SandboxError("The sandbox was lost.")


def archive(course: Course, answers: Mapping[str, str] = SCALE_ANSWERS) -> bytes:
    """What a student uploads."""
    return tar({"scale.ipynb": as_bytes(answered(released(course, "scale"), answers))})


def template(root: Path) -> Course:
    """The course, released once: that takes nbgrader seconds."""
    course = scale_course(root)
    shutil.copy2(CONFIG, root)
    release(course, "scale")
    return course


@contextmanager
def site(folder: Path, of: Course, *, more: str = "") -> Iterator[Site]:
    """A new site with a copy of the course; `more` are lines of its settings about it."""
    shutil.copytree(of.root, folder / "course")
    home = folder / "home"
    home.mkdir(mode=0o700)
    root = json.dumps(str(folder / "course"))
    (home / "settings.toml").write_text(f"[courses.{COURSE}]\nroot = {root}\ninstructors = ['instructor1']\n{more}\n")
    with open_site(home) as found:
        with received(BytesIO(tar({"scale.ipynb": "{}"})), found.materials.blobs) as upload:
            store.release(found.materials.exchange, COURSE, "scale", Policy(), upload)
        yield found


@contextmanager
def open_site(home: Path) -> Iterator[Site]:
    """A site that there is."""
    settings = load(home, {})
    with opened(settings, settings.course(COURSE)) as materials:
        yield Site(home, materials)
