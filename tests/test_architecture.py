"""Imports go one way: the table of docs/style.md, kept by reading the code."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "assay"
SHARED = {"errors", "outcome", "submission", "course", "settings", "database"}
ALLOWED = {
    "checks": set(),
    "sandbox": set(),
    "data": set(),
    "feedback": set(),
    "jobs": set(),
    "exchange": set(),
    "serving": {"exchange", "jobs", "grading", "notebook", "feedback", "sandbox"},
    "hub": {"sandbox"},  # how a program is shut in
    "notebook": set(),
    "grading": {"checks", "sandbox", "notebook", "feedback", "data"},
    "selfcheck": {"checks", "sandbox", "notebook", "feedback", "data"},
    "course": {"sandbox"},  # Limits
    "terminal": {"notebook", "grading", "feedback", "data", "terminal_class"},
    "terminal_class": {"notebook", "feedback"},
    "terminal_verify": {"grading", "feedback"},
    "demo": {"notebook", "sandbox", "terminal"},
    "terminal_server": {"exchange", "hub", "serving", "notebook"},
    "terminal_exchange": {"exchange", "hub"},
    "terminal_backup": {"hub", "serving"},
    "cli": {
        *("terminal", "terminal_verify", "terminal_server", "terminal_exchange", "terminal_backup", "demo"),
        *("notebook", "sandbox", "data", "grading", "exchange", "serving"),
    },
}
MAY_PICKLE = {"checks/bank.py", "grading/handover.py"}  # what no process near a student's code writes
WITH_DATABASES = """worker grading materials held answers asking enclosed connected peers deadlines frames
    grader_protocol results regrade_reports"""
OF_THE_EXCHANGE = "exchange_service queue regrades api_grading states pages pages_shown pages_html wake"
INSIDE_MAY_IMPORT = {"numpy"}
INSIDE_NOTEBOOK_MAY_IMPORT = {"IPython", "matplotlib", "traitlets"}


def imported_modules(path: Path) -> set[str]:
    """Absolute names of all modules imported anywhere in a file."""
    package = ("assay", *path.relative_to(PACKAGE).parent.parts)
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            names.add(".".join(part for part in (base, node.module) if part))
            names |= {".".join(p for p in (base, node.module, a.name) if p) for a in node.names if node.level}
    return names


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "assay" and len(parts) > 1 else None


MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    rooms = {room_of(name) for name in imported_modules(path)} - {None, room, "__version__"}
    allowed = SHARED | ALLOWED.get(room, set())
    if room == "notebook" and path.stem.startswith("nbgrader"):
        allowed |= {"grading", "sandbox", "feedback"}
    if path == PACKAGE / "serving" / "enclosed.py":  # which starts the grader of a course as the Hub starts its server
        allowed |= {"hub"}
    if path.is_relative_to(PACKAGE / "hub" / "jupyter"):  # what nbgrader reads in a person's server
        allowed |= {"exchange"}
    assert rooms <= allowed, f"{path.name} imports {sorted(rooms - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_glue_imports_nbgrader(path: Path) -> None:
    imports_it = any(name.split(".")[0] == "nbgrader" for name in imported_modules(path))
    room = path.relative_to(PACKAGE).parts[0]
    assert not imports_it or room in ("notebook", "exchange") and path.stem.startswith("nbgrader")


@pytest.mark.parametrize("name", WITH_DATABASES.split())
def test_what_has_the_databases_at_hand_runs_nothing_of_a_course(name: str) -> None:
    imported = imported_modules(PACKAGE / "serving" / f"{name}.py")
    assert not {room_of(one) for one in imported} & {"notebook", "grading", "checks", "course", "sandbox", "selfcheck"}
    assert not any(f"assay.serving.{one}" in imported for one in ("grader", "grader_work", "older"))


@pytest.mark.parametrize("name", OF_THE_EXCHANGE.split())
def test_the_exchange_looks_into_no_course_folder(name: str) -> None:
    imported = imported_modules(PACKAGE / "serving" / f"{name}.py")
    assert not {room_of(one) for one in imported} & {"notebook", "checks", "course", "sandbox", "selfcheck"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "sandbox" / "inside").glob("*.py")), ids=lambda p: p.name)
def test_what_students_can_read_needs_nothing_of_ours(path: Path) -> None:
    import sys

    tops = {name.split(".")[0] for name in imported_modules(path)}
    ours = {name for name in imported_modules(path) if room_of(name)}
    assert all(name.startswith("assay.sandbox.inside") for name in ours)
    of_notebooks = INSIDE_NOTEBOOK_MAY_IMPORT if path.stem.startswith("notebook") else set()
    allowed = INSIDE_MAY_IMPORT | of_notebooks | {"assay", "torch"}
    assert tops <= allowed | set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_that_runs_what_it_reads_is_imported(path: Path) -> None:
    forbidden = {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
    used = forbidden & {name.split(".")[0] for name in imported_modules(path)}
    assert used <= ({"pickle"} if path.relative_to(PACKAGE).as_posix() in MAY_PICKLE else set())


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
