"""Regrades with a stand-in judge: whose score changes, why, and what the report says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from assay.errors import Refusal, SandboxError
from assay.exchange import store
from assay.exchange.policy import Extension, Policy
from assay.exchange.records import Attempt
from assay.jobs import table
from assay.outcome import Outcome, Report
from assay.serving import regrades
from assay.serving.regrades import Regrade
from tests.support.notebooks import SCALE_ANSWERS
from tests.support.serving import COURSE, FULL, WRONG, Site, lose_the_sandbox, strict_judge

pytestmark = pytest.mark.xdist_group("regrades graded")


def ask(server: Site, **asked: object) -> Regrade:
    """And have the worker enqueue it."""
    regrade = server.regrade(**asked)
    server.worker().recover()
    return regrade


def graded_class(server: Site) -> list[Attempt]:
    server.submit("student1", WRONG)
    attempts = [
        server.submit("student1"),
        server.submit("student2"),
        server.submit("student3", {"shift_answer": "# no"}),
    ]
    server.work()
    return attempts


def test_after_a_change_of_the_suite_a_regrade_says_whose_score_changed(server: Site) -> None:
    attempts = graded_class(server)
    server.make_stricter()
    regrade = ask(server, assignment="scale", reason="a check was too lenient")
    assert [one.student for one in regrades.members(server.materials.jobs, regrade)] == [a.student for a in attempts]
    assert not server.report(regrade).over
    server.work()
    found = server.report(regrade)
    assert found.over and (found.total, found.done) == (3, 3)
    assert {(one.student, one.before, one.after) for one in found.changes} >= {("student1", 6, 4), ("student2", 6, 4)}
    assert all(one.why.startswith("the suite changed") for one in found.changes)
    assert ("shift", 2.0, 0.0) in found.changes[0].tasks
    assert server.gradebook()["student1"] == 4
    assert all(len(server.jobs(one)) == 2 for one in attempts)
    page = server.course.regrade(regrade.id, "html").read_text()
    assert "a check was too lenient" in page and "student2" in page and "<td>6</td><td>4</td>" in page
    data = json.loads(server.course.regrade(regrade.id, "json").read_text())
    assert (data["done"], len(data["changes"])) == (3, len(found.changes))
    again = ask(server, assignment="scale")
    assert server.report(again).over and not server.report(again).changes
    assert all(len(server.jobs(one)) == 2 for one in attempts)  # nothing to be done


def test_a_regrade_with_the_same_suite_and_draws_changes_nothing(server: Site) -> None:
    graded_class(server)
    before = server.gradebook()
    found = server.report(ask(server, assignment="scale"))
    assert found.over and not found.changes
    assert not server.worker().work() and server.gradebook() == before


def test_what_a_check_could_not_judge_is_graded_again_with_the_same_suite_and_draws(server: Site) -> None:
    attempt, other = server.submit("student1", {"scale_answer": "# break the check"}), server.submit("student2")
    server.work()
    assert server.result(attempt).broken

    def mended(*arguments: object, **options: object) -> Report:
        report = strict_judge(*arguments, **options)
        wrong = {"outcome": Outcome.FAILED, "staff_note": ""}
        return replace(report, checks=tuple(replace(one, **wrong) if one.staff_note else one for one in report.checks))

    regrade = ask(server, assignment="scale")
    server.work(grade=mended)
    (change,) = server.report(regrade).changes
    assert (change.student, change.tasks) == ("student1", (("scale", 4.0, 0.0),))
    assert change.why == "by a fault of ours, other checks could not judge than before"
    assert not server.result(attempt).broken and len(server.jobs(other)) == 1


def test_who_gets_an_extension_later_is_graded_again_without_the_penalty(server: Site) -> None:
    config = server.course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    attempt, engine = server.submit("student1", enqueue=False), server.materials.exchange
    due = attempt.submitted - timedelta(hours=1)
    store.change_policy(engine, COURSE, "scale", Policy(due=due))
    server.worker().recover(everything=True)
    server.work()
    assert server.result(attempt).late_penalty == FULL
    store.extend(engine, COURSE, "scale", Extension("student1", due + timedelta(hours=2), "ill"))
    regrade = ask(server, assignment="scale")
    server.work()
    (change,) = server.report(regrade).changes
    assert (change.before, change.after, change.why) == (0, FULL, "another penalty for being late")


def test_a_suite_that_is_changed_back_is_graded_with_once_more(server: Site) -> None:
    attempt = server.submit("student1")
    server.work()
    original = (server.course.graders / "scale" / "checks.py").read_text()
    server.make_stricter()
    ask(server, assignment="scale")
    server.work()
    assert server.gradebook() == {"student1": 4}
    (server.course.graders / "scale" / "checks.py").write_text(original)
    regrade = ask(server, assignment="scale")
    server.work()
    assert server.gradebook() == {"student1": FULL} and len(server.jobs(attempt)) == 3
    assert [(one.before, one.after) for one in server.report(regrade).changes] == [(4, 6)]


def test_the_final_regrade_draws_what_nobody_has_seen(server: Site) -> None:
    unlucky = server.submit("student1", {**SCALE_ANSWERS, "scale_answer": "# unlucky"})
    lucky = server.submit("student2")
    server.work()
    regrade = ask(server, assignment="scale", fresh_draws=True, reason="final")
    server.work()
    found = server.report(regrade)
    assert [(one.attempt, one.before, one.after) for one in found.changes] == [(unlucky.id, 6, 4)]
    assert found.changes[0].why.startswith("other draws") and server.result(lucky).round == f"fresh-{regrade.id}"
    after = ask(server, assignment="scale")  # goes on with the draws of the final one
    assert server.report(after).over and not server.report(after).changes


def test_one_attempt_or_one_student_can_be_graded_again(server: Site) -> None:
    old, new, *_ = server.submit("student1", WRONG), server.submit("student1"), server.submit("student2")
    server.work()
    server.make_stricter()
    one = ask(server, attempt=old.id)
    student = ask(server, assignment="scale", student="student1")
    server.work()
    assert [member.attempt for member in regrades.members(server.materials.jobs, one)] == [old.id]
    assert [member.attempt for member in regrades.members(server.materials.jobs, student)] == [new.id]
    assert not server.result(old).counts and server.gradebook() == {"student1": 4, "student2": 6}
    for wrong in ({"attempt": "0" * 32}, {"assignment": "none"}, {}, {"assignment": "scale", "student": "nobody"}):
        with pytest.raises(Refusal):
            ask(server, **wrong)
    assert len(regrades.of_course(server.materials.jobs, COURSE)) == 2


def test_who_submits_does_not_wait_for_a_regrade_and_is_not_overwritten_by_it(server: Site) -> None:
    old = server.submit("student1", WRONG)
    server.work()
    server.make_stricter()
    ask(server, assignment="scale")
    new = server.submit("student1")
    worker = server.worker()
    assert worker.work() and server.jobs(new)[0].state == "done" and server.jobs(old)[-1].state == "waiting"
    assert worker.work() and not server.result(old).counts
    assert server.gradebook() == {"student1": 4}


def test_a_regrade_that_a_crash_kept_from_being_enqueued_is_done_all_the_same(
    server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = server.submit("student1")
    server.work()
    server.make_stricter()
    with monkeypatch.context() as patched, pytest.raises(SandboxError):
        patched.setattr(regrades, "_enqueue", lose_the_sandbox)
        server.regrade(assignment="scale")
        server.worker().work()
    assert len(server.jobs(attempt)) == 1
    server.worker().recover()
    server.work()
    (regrade,) = regrades.of_course(server.materials.jobs, COURSE)
    assert server.report(regrade).over and regrade.reported and len(server.jobs(attempt)) == 2


def test_a_regrade_tells_who_could_not_be_graded_and_is_reported_when_they_were(server: Site) -> None:
    attempt = server.submit("student1")
    server.work()
    server.make_stricter()
    regrade = ask(server, assignment="scale")
    server.work(grade=lose_the_sandbox)
    assert server.report(regrade).failed == ("student1",)
    assert "Could not be graded: student1" in server.course.regrade(regrade.id, "html").read_text()
    table.retry(server.materials.jobs, server.jobs(attempt)[-1].id, who="instructor1")
    server.work()
    assert server.report(regrade).done == 1 and "Could not" not in server.course.regrade(regrade.id, "html").read_text()
