"""Settings of every test process."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# Tests run side by side: threads of one would only wait for those of the other. Libraries read this at their import.
ONE_THREAD = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
os.environ |= {f"{name}_THREADS": "1" for name in ONE_THREAD} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def pytest_collection_finish() -> None:
    """nbgrader starts a process of seconds for every new gradebook, to ask for its own version: once is enough."""
    if (api := sys.modules.get("nbgrader.api")) is not None:
        api.get_alembic_version = cache(api.get_alembic_version)  # type: ignore[attr-defined]


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
