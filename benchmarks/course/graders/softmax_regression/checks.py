"""Hidden checks: the standing ones of each task, and a law or two."""

from reference import adam_step, cross_entropy, linear, linear_backward

from assay.checks import *

EXAMPLES = 25


def all_standing(reference, points):
    values = agrees_with(reference, points=points, examples=EXAMPLES)
    laws = (leaves_inputs_alone, repeatable, stays_finite)
    return [values, *(law(reference, points=0.5, after=values, examples=EXAMPLES) for law in laws)]


linear_standing = all_standing(linear, 2.5)
linear_bias = bias_adds(linear, "b", examples=EXAMPLES)
linear_rows = items_independent(linear, "X", examples=EXAMPLES)

backward_standing = all_standing(linear_backward, 2.5)


@check("is linear in G", task="linear_backward", examples=EXAMPLES)
@given(inputs_of(linear_backward))
def backward_linear(student, inputs):
    once = student.linear_backward(*inputs.values())
    twice = student.linear_backward(inputs["X"], inputs["W"], 2 * inputs["G"])
    assert_close(twice, tuple(2 * part for part in once), parts=("dX", "dW", "db"))


entropy_standing = all_standing(cross_entropy, 2.5)
entropy_shift = law(
    cross_entropy,
    "a constant added to all logits of a row changes nothing",
    lambda a, rng: ({**a, "logits": a["logits"] + rng.integers(-5, 6, (len(a["labels"]), 1))}, lambda loss: loss),
    examples=EXAMPLES,
)
entropy_order = permutation_equivariant(
    cross_entropy, {"logits": (0,), "labels": (0,)}, output=(), examples=EXAMPLES, sizes={"n": (2, 4)}
)

adam_standing = all_standing(adam_step, 2.5)


@check("the first step is lr long in every coordinate", task="adam_step", examples=EXAMPLES)
@given(inputs_of(adam_step, t=st.just(1)))
def adam_first_step(student, inputs):
    x, g, lr = inputs["x"], inputs["g"] + 0.125, inputs["lr"]
    got = student.adam_step(x, g, np.zeros_like(x), np.zeros_like(x), 1, lr)
    assert_close(got[0], x - lr * np.sign(g), rtol=1e-5, atol=1e-5)
