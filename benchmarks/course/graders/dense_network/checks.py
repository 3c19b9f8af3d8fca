"""Hidden checks: the standing ones of each task, and a law or two."""

from reference import cross_entropy, dense, gradient, rmsprop_step

from assay.checks import *

EXAMPLES = 25


def all_standing(reference, points):
    values = agrees_with(reference, points=points, examples=EXAMPLES)
    laws = (leaves_inputs_alone, repeatable, stays_finite)
    return [values, *(law(reference, points=0.5, after=values, examples=EXAMPLES) for law in laws)]


dense_standing = all_standing(dense, 2.5)
dense_rows = items_independent(dense, "x", examples=EXAMPLES)


@check("no output is negative", task="dense", examples=EXAMPLES)
@given(inputs_of(dense))
def dense_not_negative(student, inputs):
    assert (np.asarray(student.dense(*inputs.values())) >= 0).all(), "an output is below 0"


entropy_standing = all_standing(cross_entropy, 2.5)
entropy_shift = law(
    cross_entropy,
    "a constant added to all logits of a row changes nothing",
    lambda a, rng: ({**a, "logits": a["logits"] + rng.integers(-5, 6, (len(a["labels"]), 1))}, lambda loss: loss),
    examples=EXAMPLES,
)

gradient_standing = all_standing(gradient, 2.5)


@check("the entries of every row of the gradient add up to 0", task="gradient", examples=EXAMPLES)
@given(inputs_of(gradient))
def gradient_balance(student, inputs):
    got = np.asarray(student.gradient(*inputs.values()))
    assert_close(got.sum(axis=1), np.zeros(len(inputs["W"])))


rmsprop_standing = all_standing(rmsprop_step, 2.5)


@check("without a gradient x stays where it is", task="rmsprop_step", examples=EXAMPLES)
@given(inputs_of(rmsprop_step))
def rmsprop_at_rest(student, inputs):
    x, v, rho = inputs["x"], inputs["v"], inputs["rho"]
    got = student.rmsprop_step(x, np.zeros_like(x), v, inputs["lr"], rho)
    assert_close(got, (x, rho * v), parts=("x", "v"))
