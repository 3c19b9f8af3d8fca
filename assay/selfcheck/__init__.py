"""Checks that students run themselves: what a released `test_<notebook>.py` is written with.

    from assay.selfcheck import *

In the folder of the notebook `pytest` runs them against the notebook as it is saved there; in the notebook,
`%load_ext assay.selfcheck` and then `%selfcheck NAME` runs those of one function on what is defined right now.
Left out are the parts of assay.checks that need the right answer.
"""

from __future__ import annotations

from typing import Any

from assay import checks
from assay.checks import *  # noqa: F403

_NEED_THE_ANSWER = {"agrees_with", "alternative", "mutant", "points", "standing", "stays_finite"}

pytest_plugins = ("assay.selfcheck.plugin",)  # in whatever imports everything from here

__all__ = [*sorted({*checks.__all__} - _NEED_THE_ANSWER), "pytest_plugins"]


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext assay.selfcheck`."""
    from assay.selfcheck.magic import register

    register(shell)
