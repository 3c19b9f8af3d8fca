"""Settings of every test process."""

import os
import sys
from functools import cache

# Tests run side by side: threads of one would only wait for those of the other. Libraries read this at their import.
ONE_THREAD = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
os.environ |= {f"{name}_THREADS": "1" for name in ONE_THREAD} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def pytest_collection_finish() -> None:
    """nbgrader starts a process of seconds for every new gradebook, to ask for its own version: once is enough."""
    if (api := sys.modules.get("nbgrader.api")) is not None:
        api.get_alembic_version = cache(api.get_alembic_version)  # type: ignore[attr-defined]
