"""What `assay backup` and `assay restore` show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from assay.errors import CourseError
from assay.hub.serve import home_of
from assay.serving import backup
from assay.settings import FILE, load


def backup_and_print(root: Path, environ: Mapping[str, str], target: Path) -> int:
    """Write the backup of a server, which may be running. Raises CourseError and ExchangeError."""
    home = home_of(root, environ)
    if not (home / FILE).is_file():
        raise CourseError(f"{home} is no server's folder. Name it in ASSAY_HOME.")
    console = _console()
    settings = load(home, environ)
    with _bar(console, "Copying submissions") as progress:
        count = backup.backup(settings, target.absolute(), progress)
    console.print(f"Wrote {target}: settings, secrets, databases and {count} files of submissions and feedback.")
    console.print("Whoever has it can sign receipts: keep it where only you can read it.")
    folders = ", ".join(str(course.root) for course in settings.courses)
    console.print(f"Not in it: the homes of users ({settings.homes}) and the folders of courses ({folders}).")
    return 0


def restore_and_print(root: Path, environ: Mapping[str, str], source: Path) -> int:
    """Fill an empty server's folder. Raises CourseError and ExchangeError."""
    home = home_of(root, environ)
    console = _console()
    with _bar(console, "Restoring submissions") as progress:
        count = backup.restore(home, environ, source, progress)
    console.print(f"Restored {home}, with {count} files of submissions and feedback.")
    console.print("Put the homes of users and the folders of courses back, then: assay serve")
    return 0


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)  # a name may hold brackets


@contextmanager
def _bar(console: Console, text: str) -> Iterator[Callable[[int, int], None]]:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
