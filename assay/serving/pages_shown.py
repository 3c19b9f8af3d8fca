"""The insides of the plain pages, as HTML. Every text that comes from anybody is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

import sqlalchemy as sa

from assay.exchange import store, tables
from assay.exchange.api import Caller, Exchange
from assay.exchange.moments import readable
from assay.exchange.records import Attempt, Feedback, State, attempts_of
from assay.exchange.tables import reading
from assay.jobs import table
from assay.jobs.table import Job
from assay.serving import regrades
from assay.serving.regrade_reports import number
from assay.serving.regrades import Places
from assay.serving.results import GradingResult, latest_done, read
from assay.serving.states import next_result

MOST = 200  # rows of one list
_RECEIVED = State("received")
_ON_ITS_WAY = ("received", "queued", "grading", "checked")


def submissions(exchange: Exchange, places: Places, prefix: str, caller: Caller) -> tuple[bool, str]:
    """Whether something is still to come, and the list of somebody's attempts, the latest first."""
    mine = _of_student(exchange, caller.name)
    numbers = [one.id for one in mine]
    states = exchange.states(numbers)
    feedback = store.latest_feedback(exchange.engine, numbers)
    jobs = table.of_subjects(places.jobs, None, numbers)
    rows, live = "", False
    for one in mine:
        state = states.get(one.id, _RECEIVED)
        live |= state.name in _ON_ITS_WAY
        given = feedback.get(one.id)
        result = _result(jobs.get(one.id, ())) if given is not None and given.released else None
        rows += _row(one, state, result, given, prefix)
    if not rows:
        return False, "<p>You have not submitted anything yet. Submit in JupyterLab's Assignment List.</p>"
    head = "<tr><th>assignment</th><th>submitted</th><th>state</th><th>points</th><th></th></tr>"
    return live, f"<table>{head}{rows}</table>"


def attempt(exchange: Exchange, places: Places, prefix: str, one: Attempt, staff: bool) -> tuple[bool, str]:
    """Whether its result is still to come, and the page of one attempt."""
    state = exchange.states([one.id]).get(one.id, _RECEIVED)
    given = store.find_feedback(exchange.engine, one.id, released_only=not staff)
    last = store.find_feedback(exchange.engine, one.id)
    jobs = table.of_subjects(places.jobs, None, [one.id]).get(one.id, ())
    result = _result(jobs) if staff or (last is not None and last.released) else None
    facts = {
        "Course": one.course,
        "Student": one.student,
        "Submitted": f"{readable(one.submitted)}{', late' if one.late else ''}",
        "State": _state(state),
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    body = f"<dl>{listed}</dl>"
    if result is not None:
        body += _points(result)
    elif state.name == "checked":
        body += _found(places, one)
    elif state.name == "graded":
        body += "<p>It is graded. You see points and feedback when your instructor releases them.</p>"
    if staff:
        body += _for_staff(places, one)
    return state.name in _ON_ITS_WAY, body + _feedback(one, given, prefix) + _receipt(one, prefix)


def for_staff(places: Places, prefix: str, course: str) -> str:
    """What needs a person in one course, and its regrades."""
    kind = places.settings.course(course).grading
    failed = table.in_state(places.jobs, "failed", kind=kind)[-MOST:]
    troubled = table.in_state(places.jobs, "done", kind=kind, wrong=True)[-MOST:]
    found = f"<h2>{escape(course)}, for staff</h2>"
    rows = "".join(
        f'<tr><td>{job.id}</td><td><a href="{prefix}attempts/{escape(job.subject)}">attempt</a></td>'
        f"<td>{escape(job.state)}</td><td><pre>{escape(job.error)}</pre></td></tr>"
        for job in (*failed, *troubled)
    )
    if rows:
        head = "<tr><th>job</th><th></th><th>state</th><th>what went wrong on our side</th></tr>"
        found += f"<table>{head}{rows}</table><p>Try a failed one again: <code>assay jobs --retry N</code></p>"
        found += "<p>Grade one that is done again: <code>assay regrade --attempt ID</code></p>"
    else:
        found += "<p>No job has failed.</p>"
    listed = "".join(
        f'<li><a href="{prefix}courses/{quote(course)}/regrades/{escape(one.id)}">{escape(one.assignment)}</a> '
        f"by {escape(one.by)}: {escape(one.reason or 'no reason given')}</li>"
        for one in regrades.of_course(places.jobs, course)[:MOST]
    )
    return found + (f"<h3>Regrades</h3><ul>{listed}</ul>" if listed else "")


def _row(one: Attempt, state: State, result: GradingResult | None, given: Feedback | None, prefix: str) -> str:
    points = "" if result is None else f"{number(result.points)} of {number(result.maximum)}"
    late = ", late" if one.late else ""
    seen = f' · <a href="{prefix}attempts/{one.id}#feedback">feedback</a>' if given and given.released else ""
    return (
        f'<tr><td><a href="{prefix}attempts/{one.id}">{escape(one.assignment)}, attempt {one.number}</a>'
        f"<br><small>{escape(one.course)}</small></td><td>{escape(readable(one.submitted))}{late}</td>"
        f"<td>{escape(_state(state))}</td><td>{points}</td>"
        f'<td><a href="{prefix}attempts/{one.id}/receipt">receipt</a>{seen}</td></tr>'
    )


def _state(state: State) -> str:
    if state.name == "queued":
        before = state.place or 0
        return "waits for grading, next" if not before else f"waits for grading, {before} before it"
    return {
        "received": "received",
        "grading": "is being graded",
        "checked": "checked; the feedback is being written",
        "graded": "graded",
        "failed": "could not be graded; that is our fault, and staff see it",
    }[state.name]


def _points(result: GradingResult) -> str:
    rows = "".join(
        f"<tr><td>{escape(task.name)}</td>"
        f"<td>{'waits for a person' if task.points is None else number(task.points)}</td>"
        f"<td>{number(task.maximum)}</td></tr>"
        for task in result.tasks
    )
    late = f"<tr><td>for being late</td><td>-{number(result.late_penalty)}</td><td></td></tr>"
    total = f"<tr><th>total</th><th>{number(result.points)}</th><th>{number(result.maximum)}</th></tr>"
    head = "<tr><th>task</th><th>points</th><th>of</th></tr>"
    kept = "" if result.counts else "<p>A newer attempt of yours counts in its place.</p>"
    return f"<h2>Points</h2><table>{head}{rows}{late if result.late_penalty else ''}{total}</table>{kept}"


def _found(places: Places, one: Attempt) -> str:
    """What the hidden checks found, while the feedback is being written."""
    of = places.settings.course(one.course)
    jobs = table.of_subjects(places.jobs, of.grading, [one.id]).get(one.id, ())
    if of.feedback != "at once" or not jobs or (job := next_result(jobs)).state != "leased":
        return ""
    return f"<h2>What the hidden checks found so far</h2><pre>{escape(job.result)}</pre>"


def _for_staff(places: Places, one: Attempt) -> str:
    kind = places.settings.course(one.course).grading
    jobs = table.of_subjects(places.jobs, kind, [one.id]).get(one.id, ())
    rows = "".join(
        f"<tr><td>{job.id}</td><td>{escape(job.version)}</td><td>{escape(job.state)}</td>"
        f"<td>{escape(job.error) and f'<pre>{escape(job.error)}</pre>'}</td></tr>"
        for job in jobs
    )
    head = "<tr><th>job</th><th>suite and draws</th><th>state</th><th>ours</th></tr>"
    return f"<h2>For staff</h2><table>{head}{rows}</table>" if rows else ""


def _feedback(one: Attempt, given: Feedback | None, prefix: str) -> str:
    pages = [] if given is None else [file.path for file in given.files if file.path.endswith(".html")]
    places = {name: f"{prefix}attempts/{one.id}/feedback/{quote(name, safe='')}" for name in pages}
    shown = "".join(
        f'<p><a href="{place}">{escape(name)}</a></p><iframe sandbox title="{escape(name)}" src="{place}"></iframe>'
        for name, place in places.items()
    )
    return f'<h2 id="feedback">Feedback</h2>{shown}' if shown else ""


def _receipt(one: Attempt, prefix: str) -> str:
    files = "".join(f"<li>{escape(file.path)}, {file.size:,} bytes</li>" for file in one.files[:MOST])
    return (
        f'<h2>Receipt</h2><p><a href="{prefix}attempts/{one.id}/receipt" download>receipt.json</a>, signed by the '
        f"server, says that it got these files from {escape(one.student)} on {escape(readable(one.submitted))}.</p>"
        f"<ul>{files}</ul><p>Digest of all files: <code>{escape(one.digest)}</code></p>"
        "<p>Verify it: <code>assay receipt verify receipt.json --folder FOLDER</code></p>"
    )


def _result(jobs: Sequence[Job]) -> GradingResult | None:
    done = latest_done(jobs)
    return None if done is None else read(done.result)


def _of_student(exchange: Exchange, student: str) -> list[Attempt]:
    columns = tables.attempt.c
    chosen = sa.select(tables.attempt).where(columns.student == student, columns.course.in_(exchange.courses))
    with reading(exchange.engine) as connection:
        return list(attempts_of(connection.execute(chosen.order_by(columns.submitted.desc()).limit(MOST))))
