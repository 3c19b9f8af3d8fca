"""What an author of checks writes with: `from assay.checks import *`. Safe for students, too.

check_values = agrees_with(gcn_layer, points=4)

@check("sqrt(degree) is a fixed point", points=2, after=check_values)
@given(inputs_of(gcn_layer))
def check_fixed_point(student, graph): ...
"""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.checks.answers import alternative, mutant
from assay.checks.check import check, points
from assay.checks.compare import TOLERANCE, Mismatch, assert_close
from assay.checks.shapes import (
    Adjacency,
    Bool,
    Float,
    Float32,
    Images,
    Int,
    Labels,
    between,
    scaled,
)
from assay.checks.show import show
from assay.checks.standing import agrees_with, leaves_inputs_alone, repeatable, standing, stays_finite
from assay.checks.strategies import inputs_of

__all__ = [
    "TOLERANCE",
    "Adjacency",
    "Bool",
    "Float",
    "Float32",
    "Images",
    "Int",
    "Labels",
    "Mismatch",
    "agrees_with",
    "alternative",
    "assert_close",
    "assume",
    "between",
    "check",
    "given",
    "inputs_of",
    "leaves_inputs_alone",
    "mutant",
    "np",
    "points",
    "repeatable",
    "scaled",
    "show",
    "st",
    "standing",
    "stays_finite",
]
