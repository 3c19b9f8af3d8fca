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
from assay.checks.callbacks import Gradient, Quadratic, quadratics
from assay.checks.check import check, points
from assay.checks.compare import TOLERANCE, Mismatch, assert_close
from assay.checks.drawn import call
from assay.checks.expressions import Expression, expressions
from assay.checks.gradients import gradcheck, gradients_are_derivatives, numerical_gradient, random_like
from assay.checks.laws import (
    affine_in,
    bias_adds,
    crop_equivariant,
    homogeneous_in,
    items_independent,
    law,
    linear_in,
    permutation_equivariant,
    right_shape,
)
from assay.checks.shapes import (
    Adjacency,
    Bool,
    Float,
    Float32,
    Images,
    Int,
    Labels,
    between,
    drawn_as,
    scaled,
)
from assay.checks.show import show
from assay.checks.standing import agrees_with, leaves_inputs_alone, repeatable, standing, stays_finite
from assay.checks.strategies import inputs_of
from assay.checks.trained import Training
from assay.checks.training import (
    cannot_learn_noise,
    learns,
    learns_by_heart,
    learns_other_images,
    learns_permuted_labels,
    turned,
    uses_epochs,
)
from assay.checks.training_laws import (
    independent_of_batch,
    independent_of_order,
    leaves_training_data_alone,
    other_seed_other_predictions,
    predicts_the_same_twice,
    same_seed_same_predictions,
    trainings_are_separate,
)

__all__ = [
    "TOLERANCE",
    "Adjacency",
    "Bool",
    "Expression",
    "Float",
    "Float32",
    "Gradient",
    "Images",
    "Int",
    "Labels",
    "Mismatch",
    "Quadratic",
    "Training",
    "affine_in",
    "agrees_with",
    "alternative",
    "assert_close",
    "assume",
    "between",
    "bias_adds",
    "call",
    "cannot_learn_noise",
    "check",
    "crop_equivariant",
    "drawn_as",
    "expressions",
    "given",
    "gradcheck",
    "gradients_are_derivatives",
    "homogeneous_in",
    "independent_of_batch",
    "independent_of_order",
    "inputs_of",
    "items_independent",
    "law",
    "learns",
    "learns_by_heart",
    "learns_other_images",
    "learns_permuted_labels",
    "leaves_inputs_alone",
    "leaves_training_data_alone",
    "linear_in",
    "mutant",
    "np",
    "numerical_gradient",
    "other_seed_other_predictions",
    "permutation_equivariant",
    "points",
    "predicts_the_same_twice",
    "quadratics",
    "random_like",
    "repeatable",
    "right_shape",
    "same_seed_same_predictions",
    "scaled",
    "show",
    "st",
    "standing",
    "stays_finite",
    "trainings_are_separate",
    "turned",
    "uses_epochs",
]
