"""Which job a regrade comes to: the exchange, which cannot read the course, only notes that it was asked for."""

from __future__ import annotations

import shutil

import pytest
import sqlalchemy as sa

from assay.errors import SandboxError
from assay.exchange.records import Attempt
from assay.jobs import table
from assay.jobs.schema import job_table
from assay.jobs.table import TRIES, changing
from assay.notebook.nbgrader_marks import suite_of
from assay.serving import exchange_service, queue, regrades
from assay.serving.grader_protocol import Ask, Suite
from assay.serving.regrades import Regrade
from assay.serving.states import states
from tests.support.serving import COURSE, WRONG, Site, lose_the_sandbox

pytestmark = pytest.mark.xdist_group("grading worker")


def versions(server: Site, regrade: Regrade) -> list[str]:
    return [one.version for one in regrades.members(server.materials.jobs, regrade)]


def as_of_before(server: Site, attempt: Attempt, suite: str) -> None:
    """Its first job, as databases have it in which the suite was part of its version."""
    row = (job_table.c.subject == attempt.id) & job_table.c.version.startswith("submitted.")
    with changing(server.materials.jobs) as connection:
        version = suite + sa.func.replace(job_table.c.version, "submitted", "")
        assert connection.execute(sa.update(job_table).where(row).values(version=version)).rowcount == 1


def test_the_exchange_needs_no_course_folder(server: Site) -> None:
    attempt, places = server.submit("student1", enqueue=False), server.materials.places
    away = server.course.root.rename(server.home / "away")
    exchange_service.submitted(places, attempt)
    exchange_service.submitted(places, attempt)
    (job,) = server.jobs(attempt)
    shown = states(server.materials.jobs, [attempt.id])[attempt.id]
    assert (job.state, shown.name, shown.place) == ("waiting", "queued", 0)
    regrade = server.regrade(assignment="scale")
    assert versions(server, regrade) == [""] and not server.report(regrade).over
    shutil.move(away, server.course.root)
    server.work()
    assert server.result(attempt).points == 6 and server.report(regrade).over


def test_an_attempt_that_waits_or_has_failed_is_not_graded_twice(server: Site) -> None:
    waits, failed = server.submit("student1"), server.submit("student2", {"scale_answer": "# lose the sandbox"})
    regrade = server.regrade(assignment="scale")
    server.make_stricter()
    server.work()
    assert server.jobs(failed)[0].state == "failed" and server.jobs(failed)[0].tries == TRIES
    assert server.report(regrade).over and server.report(regrade).failed == ("student2",)
    regrade = server.regrade(assignment="scale")
    server.work()
    (job,) = server.jobs(failed)
    assert server.whats(job).count("retried") == 2  # the first regrade came after its third try, too
    assert server.report(regrade).failed == ("student2",)
    assert [len(server.jobs(one)) for one in (waits, failed)] == [1, 1] and server.result(waits).points == 4


def test_what_is_about_to_be_tried_again_is_not_reported_as_failed(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = server.submit("student1", {"scale_answer": "# lose the sandbox"})
    server.work()
    regrade = server.regrade(assignment="scale")
    with monkeypatch.context() as patched, pytest.raises(SandboxError):
        patched.setattr(regrades, "_enqueue", lose_the_sandbox)
        server.worker().work()
    assert versions(server, regrade) == [server.jobs(failed)[0].version]
    assert not server.report(regrade).over and not server.report(regrade).failed


def test_jobs_of_databases_of_before_go_on(server: Site) -> None:
    done, waits = server.submit("student1"), server.submit("student2", enqueue=False)
    server.work()
    suite = suite_of(server.course, "scale")
    as_of_before(server, done, suite)
    queue.enqueue(server.materials.jobs, server.of, waits)
    as_of_before(server, waits, "0" * 32)
    assert [queue.enqueue(server.materials.jobs, server.of, one).subject for one in (done, waits)] == [
        done.id,
        waits.id,
    ]
    server.worker().recover(everything=True)
    server.work()
    same = server.regrade(assignment="scale")
    server.work()
    assert server.report(same).over and not server.report(same).changes
    assert [len(server.jobs(one)) for one in (done, waits)] == [1, 1]
    server.make_stricter()
    stricter = server.regrade(assignment="scale")
    server.work()
    assert [change.after for change in server.report(stricter).changes] == [4, 4]
    assert [len(server.jobs(one)) for one in (done, waits)] == [2, 2]


def test_a_regrade_whose_jobs_the_exchange_chose_is_enqueued_as_it_was(server: Site) -> None:
    attempt = server.submit("student1")
    server.work()
    regrade = server.regrade(assignment="scale")
    columns = regrades.member_table.c
    with changing(server.materials.jobs) as connection:
        wanted = f"{'1' * 32}.2026-11-21"
        connection.execute(regrades.member_table.update().where(columns.regrade == regrade.id).values(version=wanted))
    server.work()
    assert versions(server, regrade) == [wanted] == [server.jobs(attempt)[-1].version] and server.report(regrade).over


def without_suite(ask: Ask, error: Exception) -> Ask:
    def asked(request, *rest, **named):  # type: ignore[no-untyped-def]
        if isinstance(request, Suite):
            raise error
        return ask(request, *rest, **named)

    return asked


def test_where_the_grader_is_lost_a_regrade_waits(server: Site) -> None:
    attempt, other = server.submit("student1", WRONG), server.submit("student2")
    server.work()
    server.make_stricter()
    regrade = server.regrade(assignment="scale")
    worker = server.worker()
    worker.ask, there = without_suite(worker.ask, SandboxError("It was lost.")), worker.ask
    assert not worker.work_or_wait() and versions(server, regrade) == ["", ""]
    worker.ask = there
    while worker.work():
        pass
    assert server.report(regrade).over and [len(server.jobs(one)) for one in (attempt, other)] == [2, 2]


def test_where_something_is_wrong_with_the_course_its_jobs_say_so(server: Site) -> None:
    attempt = server.submit("student1")
    server.work()
    settings = server.course.graders / "scale" / "exercise.toml"
    settings.write_text("this is no TOML")
    regrade = server.regrade(assignment="scale")
    server.work()
    job = server.jobs(attempt)[-1]
    assert job.state == "failed" and "is not TOML" in job.error and server.report(regrade).failed == ("student1",)
    settings.unlink()
    table.retry(server.materials.jobs, job.id, who="instructor1")
    server.work()
    assert server.report(regrade).done == 1 and server.jobs(attempt)[-1].state == "done"


def test_a_regrade_is_reported_as_soon_as_it_is_known_that_nothing_is_to_be_done(server: Site) -> None:
    server.submit("student1")
    server.work()
    regrade = server.regrade(assignment="scale")
    worker = server.worker()
    assert worker.work() and not worker.work()
    assert server.course.regrade(regrade.id, "json").exists()
    assert regrades.find(server.materials.jobs, COURSE, regrade.id).reported
