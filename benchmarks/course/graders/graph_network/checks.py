"""Hidden checks: the standing ones of each task, and a law or two."""

from reference import cross_entropy, gcn_layer, gradients, momentum_step

from assay.checks import *

EXAMPLES = 25


def all_standing(reference, points):
    values = agrees_with(reference, points=points, examples=EXAMPLES)
    laws = (leaves_inputs_alone, repeatable, stays_finite)
    return [values, *(law(reference, points=0.5, after=values, examples=EXAMPLES) for law in laws)]


layer_standing = all_standing(gcn_layer, 2.5)
layer_nodes = permutation_equivariant(gcn_layer, {"A": (0, 1), "H": (0,)}, examples=EXAMPLES, sizes={"n": (2, 4)})


@check("the square roots of the degrees stay as they are", task="gcn_layer", examples=EXAMPLES)
@given(inputs_of(gcn_layer))
def layer_fixed_point(student, inputs):
    roots = np.sqrt(inputs["A"].sum(axis=1) + 1)[:, None]
    assert_close(student.gcn_layer(inputs["A"], roots, np.eye(1)), roots)


entropy_standing = all_standing(cross_entropy, 2.5)
entropy_shift = law(
    cross_entropy,
    "a constant added to all logits of a row changes nothing",
    lambda a, rng: ({**a, "logits": a["logits"] + rng.integers(-5, 6, (len(a["labels"]), 1))}, lambda loss: loss),
    examples=EXAMPLES,
)

gradients_standing = all_standing(gradients, 2.5)


@check("the gradient of b adds up to 0", task="gradients", examples=EXAMPLES)
@given(inputs_of(gradients))
def gradients_balance(student, inputs):
    assert_close(np.asarray(student.gradients(*inputs.values())[1]).sum(), 0.0)


momentum_standing = all_standing(momentum_step, 2.5)


@check("without a velocity it is a step against g", task="momentum_step", examples=EXAMPLES)
@given(inputs_of(momentum_step))
def momentum_at_rest(student, inputs):
    x, g, lr = inputs["x"], inputs["g"], inputs["lr"]
    got = student.momentum_step(x, g, np.zeros_like(x), lr, inputs["mu"])
    assert_close(got, (x - lr * g, g), parts=("x", "v"))
