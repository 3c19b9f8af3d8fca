"""What the commands of the server show: `assay serve` with the address, and `assay user` with a new password."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from assay.course import Course, open_course
from assay.errors import CourseError
from assay.exchange import blobs, store, tables
from assay.exchange.policy import Policy
from assay.hub import accounts, serve
from assay.hub.addresses import public_url
from assay.settings import FILE, CourseSettings, Settings, load

_BLOCK = 2**20


def serve_and_print(root: Path, environ: Mapping[str, str]) -> int:
    """Start the server, print its address, and run until somebody ends it. Raises CourseError where it cannot start."""
    console = Console(soft_wrap=True, highlight=False)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("Checking the settings")
        prepared = serve.prepare(root, environ)
        settings = prepared.settings
        if prepared.first:
            console.print(f"Wrote {settings.home / FILE} for a demo of this course.")
        console.print(prepared.protection)
        with serve.reserved(settings) as lock:
            if settings.demo:
                for course in settings.courses:
                    bar.update(task, description=f"Releasing the assignments of {course.name}")
                    _release_new_course(console, settings, course)
            bar.update(task, description="Making accounts")
            passwords = serve.make_accounts(settings)
            _print_passwords(console, settings, passwords)
            bar.update(task, description="Starting the Hub, its proxy and its services")

            def started() -> None:
                bar.stop()
                _print_started(console, settings, told=bool(passwords))

            status = serve.serve(root, settings, environ, lock=lock, started=started)
    console.print("The server has ended. Everything is kept; start it again with: assay serve")
    return status


def set_password_and_print(root: Path, environ: Mapping[str, str], name: str) -> int:
    """Give somebody an account, or a new password. Raises CourseError."""
    home = serve.home_of(root, environ)
    if not (home / FILE).is_file():
        raise CourseError(
            f"{home} holds no {FILE}, so it is no server's folder. Run this where the server is started, or name its "
            f"folder in {serve.HOME}."
        )
    settings = load(home, environ)
    password = accounts.set_new_password(settings, name)
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{name} has the password [bold]{password}[/] now. It is kept nowhere; only its hash is.")
    courses = [one.name for one in settings.courses if name in (*one.instructors, *one.students)]
    if not courses and name not in settings.admins:
        console.print(f"{name} is in no course yet. Add the name to {settings.home / FILE}.")
    console.print(f"Log in at {public_url(settings)}, and change it at {public_url(settings)}/hub/change-password")
    return 0


def _release_new_course(console: Console, settings: Settings, chosen: CourseSettings) -> None:
    """Hand out what is in a course that hands out nothing yet, so that a student of the demo can begin at once."""
    with tables.open_database(settings.exchange_database) as engine:
        if store.assignments(engine, chosen.name):
            return
        course = open_course(chosen.root)
        for name in course.assignments:
            _build(course, name)
            with blobs.open_blobs(settings.blobs, settings.blob_store) as opened:
                upload = blobs.Upload(opened, tuple(_staged(opened, course.release / name)))
                store.release(engine, chosen.name, name, Policy(), upload)
        console.print(f"{chosen.name}: released {', '.join(course.assignments)}.")


def _build(course: Course, assignment: str) -> None:
    from assay.notebook.nbgrader_release import is_up_to_date, release

    if not is_up_to_date(course, assignment):
        release(course, assignment)


def _staged(opened: blobs.Blobs, folder: Path) -> list[tuple[str, blobs.Staged]]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                blocks = iter(partial(file.read, _BLOCK), b"")
                found.append((path.relative_to(folder).as_posix(), blobs.stage(opened, blocks, path.stat().st_size)))
    return found


def _print_passwords(console: Console, settings: Settings, passwords: Mapping[str, str]) -> None:
    """At once: whatever happens next, nobody can see them again."""
    if not passwords:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("user", "password", "is"):
        table.add_column(heading)
    for name, password in passwords.items():
        table.add_row(name, password, _roles(settings, name))
    console.print(table)
    console.print(
        "These passwords are shown this once; only their hashes are kept. For a new one: assay user NAME",
    )


def _print_started(console: Console, settings: Settings, *, told: bool) -> None:
    if settings.demo and not told:
        console.print("The passwords were printed at the first start. For a new one: assay user NAME")
    elif settings.demo:
        console.print("For others than yourself: docs/operators.md says how to leave the demo.")
    elif settings.authenticator == "native":
        console.print(
            "Who signs up waits for an admin's approval. To make the first admin's account: assay user NAME",
        )
    console.print(f"Everything is in {settings.home}; what happens is in {settings.hub / 'hub.log'}.")
    console.print("Control-C ends the server.")
    console.print(f"\nOpen [bold]{public_url(settings)}[/]")
    console.file.flush()


def _roles(settings: Settings, name: str) -> str:
    found = ["admin"] if name in settings.admins else []
    found += [f"instructor of {one.name}" for one in settings.courses if name in one.instructors]
    found += [f"student of {one.name}" for one in settings.courses if name in one.students]
    return ", ".join(found)
