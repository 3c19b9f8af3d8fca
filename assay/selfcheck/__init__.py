"""Checks that students run themselves: what a released `test_<notebook>.py` is written with.

    from assay.selfcheck import *

In the folder of the notebook `pytest` runs them against the notebook as it is saved there; in the notebook,
`%load_ext assay.selfcheck` and then `%selfcheck NAME` runs those of one function on what is defined right now.
What is here is that of assay.checks, with fewer examples a check, since somebody waits, and without all that needs the
right answer.
"""

from __future__ import annotations

import functools
from typing import Any

from assay import checks
from assay.checks import *  # noqa: F403

EXAMPLES = 12
_MAKERS = (
    "affine_in",
    "bias_adds",
    "check",
    "crop_equivariant",
    "gradients_are_derivatives",
    "homogeneous_in",
    "items_independent",
    "law",
    "leaves_inputs_alone",
    "linear_in",
    "permutation_equivariant",
    "repeatable",
    "right_shape",
)
_NEED_THE_ANSWER = ("agrees_with", "alternative", "mutant", "points", "standing", "stays_finite")
_IS_AN_ANSWER = ("numerical_gradient",)  # a task of the exercise on backpropagation

globals().update({name: functools.partial(getattr(checks, name), examples=EXAMPLES) for name in _MAKERS})
pytest_plugins = ("assay.selfcheck.plugin",)  # in whatever imports everything from here

__all__ = sorted({*checks.__all__, "pytest_plugins"} - {*_NEED_THE_ANSWER, *_IS_AN_ANSWER})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext assay.selfcheck`."""
    from assay.selfcheck.magic import register

    register(shell)
