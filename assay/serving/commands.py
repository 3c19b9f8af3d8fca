"""The commands `assay regrade` and `assay jobs`, as printed in a terminal."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.errors import ExchangeError
from assay.exchange.client import Client

_AGAIN = 0.5  # seconds between two looks


def regrade(
    client: Client,
    *,
    course: str | None,
    assignment: str | None,
    student: str | None = None,
    attempt: str | None = None,
    fresh_draws: bool = False,
    reason: str = "",
    wait: bool = True,
) -> int:
    """Have attempts graded again, wait for the end, and show whose score changed; 1 where some could not be graded.

    Raises ExchangeError where the server refuses.
    """
    course = course or _only_course(client)
    asked: dict[str, Any] = {"reason": reason, "fresh_draws": fresh_draws}
    asked |= {"assignment": assignment, "student": student, "attempt": attempt}
    given = {name: value for name, value in asked.items() if value is not None}
    console = Console()
    found = client.ask("POST", "courses", course, "regrades", json=given)
    with console.status("") as status:
        while wait and found["done"] + len(found["failed"]) < found["total"]:
            status.update(f"graded again: {found['done']} of {found['total']}")
            time.sleep(_AGAIN)
            found = client.ask("GET", "courses", course, "regrades", found["id"])
    _print_regrade(console, found)
    return 1 if found["failed"] else 0


def show_jobs(client: Client, *, course: str | None, failed_only: bool) -> int:
    """Show the jobs that failed by our own fault, and unless only those are asked for, what waits and is being done.

    Raises ExchangeError where the server refuses.
    """
    course = course or _only_course(client)
    console = Console()
    if failed_only:
        shown = client.ask("GET", "courses", course, "jobs", params={"state": "failed"})
    else:
        queue = client.ask("GET", "courses", course, "queue")
        names = {"waiting": "wait", "leased": "are being done", "done": "are done", "failed": "failed"}
        console.print(", ".join(f"{queue[state]} {text}" for state, text in names.items()))
        shown = queue["wrong"]
    if shown:
        table = Table("job", "attempt", "state", "tries", "what went wrong on our side", title_justify="left")
        for job in shown:
            table.add_row(str(job["number"]), job["attempt"], job["state"], str(job["tries"]), escape(job["error"]))
        console.print(table)
        console.print("Try one that failed again: assay jobs --retry N")
        console.print("Grade one that is done again: assay regrade --attempt ID")
    else:
        console.print("Nothing has failed on our side.")
    return 0


def retry_job(client: Client, number: int, *, course: str | None) -> int:
    """Have a failed job tried again. Raises ExchangeError where the server refuses."""
    course = course or _only_course(client)
    job = client.ask("POST", "courses", course, "jobs", str(number), "retry")
    Console().print(f"Job {job['number']} waits again. See what comes of it: assay jobs")
    return 0


def _print_regrade(console: Console, found: dict[str, Any]) -> None:
    console.print(
        f"Regrade {found['id']} of {escape(found['course'])} {escape(found['assignment'])}: {found['done']} of "
        f"{found['total']} attempts graded again{', with fresh draws' if found['fresh_draws'] else ''}."
    )
    if found["changes"]:
        table = Table("student", "before", "after", "why")
        for one in found["changes"]:
            table.add_row(escape(one["student"]), _points(one["before"]), _points(one["after"]), escape(one["why"]))
        console.print(table)
    elif found["done"]:
        console.print("No score has changed.")
    if found["failed"]:
        console.print(f"[red]Could not be graded:[/] {escape(', '.join(found['failed']))}. Why: assay jobs --failed")
    console.print(f"Its report is in the course folder: .assay/regrades/{found['id']}.html")


def _points(points: float | None) -> str:
    return "-" if points is None else f"{points:.4g}"


def _only_course(client: Client) -> str:
    """The course of whoever asks. Raises ExchangeError where it is not clear which one."""
    names = [one.course for one in client.courses() if one.role == "instructor"]
    if len(names) != 1:
        raise ExchangeError(
            f"You teach these courses: {', '.join(names) or 'none'}. Choose the one that is meant with --course-name."
        )
    return names[0]
