"""What `assay data list` and `assay data get` print."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from assay.data import load
from assay.data.dataset import DataSet
from assay.data.fetch import Origin, Watch, get, megabytes
from assay.data.places import intact_place
from assay.data.sets import SETS, find
from assay.errors import DataError


def list_and_print() -> int:
    """A table of all sets, and where each is on this machine, its checksums compared."""
    console = Console()
    table = Table("set", "what it is", "licence", "where it is now", title="assay data", title_justify="left")
    for dataset in SETS.values():
        table.add_row(dataset.name, escape(dataset.title), escape(dataset.licence), _where(dataset))
    console.print(table)
    console.print("Sources and citations: docs/data.md. To get one: [bold]assay data get NAME[/]")
    return 0


def get_and_print(name: str, *, origin: Origin | None) -> int:
    """Get one set, with progress, and say how to use it."""
    console = Console(highlight=False)
    dataset = find(name)
    columns = (BarColumn(), TextColumn("{task.fields[size]}"), TimeElapsedColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar = bars.add_task("", total=None, size="")

    def say(line: str) -> None:
        bars.stop()
        console.print(line, markup=False, soft_wrap=True)

    def progress(received: int, total: int) -> None:
        size = megabytes(received) + (f" of {megabytes(total)}" if total else "")
        bars.update(bar, completed=received, total=total or None, size=size if received else "")
        bars.start()

    try:
        place = get(name, origin=origin, watch=Watch(say, progress))
    finally:
        bars.stop()
    load(name)  # what is in code has its checksum compared here
    console.print(f"{name} is in {place.title}, every byte as it should be.", markup=False, soft_wrap=True)
    console.print(f"Licence: {dataset.licence}. To be cited: {dataset.citation}.", markup=False, soft_wrap=True)
    console.print(f'Next: from assay.data import load; load("{name}")', markup=False, soft_wrap=True)
    return 0


def _where(dataset: DataSet) -> str:
    place = intact_place(dataset)
    how = f"assay data get {dataset.name}" if dataset.files else "pip install 'assay[data]'"
    if place is not None and not dataset.files:
        try:
            load(dataset.name)
        except DataError as error:
            return f"[red]:([/] {escape(str(error))}"
    if place is not None:
        return "[green]:)[/] " + escape("the cache" if place.title.startswith("the cache") else place.title)
    return f"[dim]not here:[/] {how}"
