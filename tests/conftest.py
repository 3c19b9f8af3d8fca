"""Settings of every test process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.postgres import Cluster

# Tests run side by side: threads of one would only wait for those of the other. Libraries read this at their import.
ONE_THREAD = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
os.environ |= {f"{name}_THREADS": "1" for name in ONE_THREAD} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


TESTS = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Modules of tests lie here or one folder below. What lies deeper are submissions, whatever they are called."""
    return True if is_too_deep(collection_path) else None


def is_too_deep(path: Path) -> bool:
    return path.is_relative_to(TESTS) and len(path.relative_to(TESTS).parts) > 2


def pytest_collection_finish() -> None:
    """Raises UsageError where a submission was loaded: one of them keeps pytest from ever reporting a failure again."""
    files = (getattr(module, "__file__", None) for module in [*sys.modules.values()])
    loaded = sorted(file for file in files if isinstance(file, str) and is_too_deep(Path(file)))
    if loaded:
        raise pytest.UsageError(f"{', '.join(loaded)} was loaded with the tests, so no result could be believed.")
    _ask_nbgrader_once()


def _ask_nbgrader_once() -> None:
    """nbgrader starts a process of seconds for every new gradebook, to ask for its own version: once is enough."""
    if (api := sys.modules.get("nbgrader.api")) is not None:
        api.get_alembic_version = cache(api.get_alembic_version)  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what failed as soon as it has: all tests together take an hour."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\nFAILED in {report.when}: {report.nodeid}", file=sys.__stderr__, flush=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of this process; each test makes a database of its own in it."""
    from tests.support.postgres import cluster

    with cluster() as running:
        yield running


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a module with a group in one process, which shares its dear fixtures.

    pytest-xdist 3.8 hangs groups on the names of tests, which pytest 9.2 does not let it change any more.
    """
    from xdist.scheduler import LoadGroupScheduling

    class ByGroup(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(config.rootpath / nodeid.partition("::")[0]) or super()._split_scope(nodeid)

    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


@cache
def group_of(module: Path) -> str:
    """The group that a whole module is marked with; empty where there is none."""
    marked = re.search(r'^pytestmark = pytest\.mark\.xdist_group\("([^"]+)"\)', module.read_text(), flags=re.MULTILINE)
    return marked[1] if marked else ""
