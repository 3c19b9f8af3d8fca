"""The commands `assay receipt`, `assay policy` and `assay extension`, as printed in a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.errors import ExchangeError, ReceiptError, Refusal
from assay.exchange.answers import AssignmentForCaller
from assay.exchange.client import Client
from assay.exchange.manifest import printable
from assay.exchange.moments import read_moment, readable, written
from assay.exchange.policy import Extension
from assay.exchange.receipts import Comparison, Receipt, compare, read_public_key, verify

NONE = "none"  # takes a rule or an extension away
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def verify_receipt(file: Path, key: Client | Path, *, folder: Path | None) -> int:
    """Whether a receipt is the server's, by a key in a file or its own, and whether a folder holds what it names.

    1 where the folder does not. Raises ReceiptError for a receipt that the server did not sign, and ExchangeError where
    its key is not to be had.
    """
    text = _read(file)
    public = key.key() if isinstance(key, Client) else _read(key).decode(errors="replace")
    receipt = verify(read_public_key(public), text)
    console = Console()
    console.print(_table_of(receipt))
    console.print("[green]The server signed this receipt; nothing in it was changed.[/]")
    if folder is None:
        console.print(f"Compare it with your files: assay receipt verify {escape(str(file))} --folder FOLDER")
        return 0
    return _print_comparison(console, compare(receipt, folder), folder)


def show_policy(client: Client, assignment: str, *, course: str | None, changes: Mapping[str, str]) -> int:
    """Show the rules of an assignment, after changing those that are given as `due`, `release`, `grace`, `attempts`
    and `late`.

    Raises ExchangeError where a value makes no sense or the server refuses.
    """
    course = course or _only_course(client, instructor=bool(changes))
    asked = dict(_change(name, text) for name, text in changes.items())
    now = client.change_policy(course, assignment, asked) if asked else client.assignment(course, assignment)
    console = Console()
    console.print(_table_of_rules(now))
    if changes:
        console.print("Changed, for what is submitted from now on. Students see it in the Assignment List.")
    else:
        console.print(f"Change a rule: assay policy {escape(assignment)} --due 2026-11-30T23:59Z --grace 10m")
    return 0


def list_extensions(client: Client, assignment: str, *, course: str | None) -> int:
    """Show who got more time for an assignment. Raises ExchangeError where the server refuses."""
    course = course or _only_course(client, instructor=True)
    found = client.extensions(course, assignment)
    console = Console()
    if found:
        table = Table("student", "until", "reason", title=escape(f"{course} {assignment}"), title_justify="left")
        for one in found:
            table.add_row(escape(one.student), readable(one.until), escape(one.reason))
        console.print(table)
    else:
        console.print(f"Nobody has an extension for {escape(assignment)}.")
    console.print(f"Give one: assay extension {escape(assignment)} STUDENT 2026-12-07T23:59Z --reason ill")
    return 0


def give_extension(
    client: Client, assignment: str, student: str, until: str, *, reason: str, course: str | None
) -> int:
    """Give a student more time, or take it back (`none`). Raises ExchangeError where the server refuses."""
    course = course or _only_course(client, instructor=True)
    console = Console()
    if until == NONE:
        client.take_extension_back(course, assignment, student)
        console.print(f"{escape(student)} has no extension for {escape(assignment)} any more.")
        return 0
    extension = Extension(student, read_moment(until), reason)
    client.extend(course, assignment, extension)
    console.print(f"{escape(student)} may submit {escape(assignment)} until {readable(extension.until)}.")
    due = client.assignment(course, assignment).assignment.policy.due
    if due is None or extension.until <= due:
        common = "there is no due date" if due is None else f"all others have until {readable(due)}"
        console.print(f"[yellow]That changes nothing:[/] {common}.")
    name = escape(assignment)
    console.print(f"For what was submitted before, run: nbgrader collect {name}, then assay grade {name} --force")
    return 0


def _only_course(client: Client, *, instructor: bool) -> str:
    names = [one.course for one in client.courses() if one.role == "instructor" or not instructor]
    if len(names) == 1:
        return names[0]
    what = f"Choose one of {', '.join(names)}" if names else "You are instructor of none here; name one"
    raise ExchangeError(f"Which course is meant is not clear. {what} with --course-name.")


def _change(name: str, text: str) -> tuple[str, Any]:
    """A rule as the server takes it."""
    if name in ("due", "release"):
        return name, None if text == NONE else written(read_moment(text))
    if name == "grace":
        return "grace_seconds", None if text == NONE else _duration(text).total_seconds()
    if name == "attempts":
        if text != NONE and not text.isdecimal():
            raise Refusal("bad_policy", f"{text!r} is no number of attempts. Give one from 1, or none for no limit.")
        return name, None if text == NONE else int(text)
    return name, text


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,8})([smhd])", text)
    if match is None:
        raise Refusal("bad_policy", f"{text!r} is no length of time. Write it as 90s, 10m, 2h or 1d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _table_of_rules(listed: AssignmentForCaller) -> Table:
    policy = listed.assignment.policy
    table = Table(title=escape(f"{listed.assignment.course} {listed.name}"), title_justify="left", show_header=False)
    if listed.assignment.withdrawn:
        state = "withdrawn"
    elif not listed.released:
        state = "announced"
    else:
        state = f"handed out, {len(listed.files)} files"
    table.add_row("state", state)
    table.add_row("release", "at once" if policy.release is None else readable(policy.release))
    table.add_row("due", "never over" if policy.due is None else readable(policy.due))
    table.add_row("grace", str(policy.grace) if policy.grace else "none")
    table.add_row("attempts", "no limit" if policy.attempts is None else str(policy.attempts))
    table.add_row("late", {"accept": "accepted, and marked as late", "refuse": "refused"}[policy.late])
    if listed.due is not None and listed.has_more_time:
        table.add_row("due for you", readable(listed.due))
    return table


def _table_of(receipt: Receipt) -> Table:
    title = f"{receipt.course} {receipt.assignment}, attempt {receipt.number} of {receipt.student}"
    table = Table("file", "bytes", "sha256", title=escape(title), title_justify="left")
    for file in receipt.files:
        table.add_row(escape(file.path), f"{file.size:,}", file.sha256[:16])
    table.caption = f"received {readable(receipt.submitted)}"
    return table


def _print_comparison(console: Console, found: Comparison, folder: Path) -> int:
    for what, paths in (("differs", found.differ), ("is missing", found.missing), ("was not submitted", found.extra)):
        for path in paths:
            console.print(f"  {escape(printable(path, 240))} {what}", soft_wrap=True)
    if found.differ or found.missing:
        console.print(f"[red]{escape(str(folder))} is not what was submitted.[/]", soft_wrap=True)
        return 1
    console.print(f"[green]{escape(str(folder))} holds every file that was submitted, unchanged.[/]", soft_wrap=True)
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReceiptError(f"{path} cannot be read ({error.strerror}). Give the file itself.") from error
