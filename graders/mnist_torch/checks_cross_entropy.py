"""Hidden checks of cross_entropy."""

from assay.checks import *
from reference import cross_entropy

SIZES = {"n": (1, 4), "k": (2, 5)}

check_values = agrees_with(
    cross_entropy,
    points=2,
    hint="Softmax along each row, then the mean of minus the logarithm of the label's probability.",
    sizes=SIZES,
)

check_large = agrees_with(
    cross_entropy,
    points=1,
    sentence="cross_entropy is right for large logits",
    hint="exp(800) overflows. Subtract the largest logit of each row first: that does not change the softmax.",
    logits=Float["n k", scaled(400)],
    sizes=SIZES,
)

check_purity = leaves_inputs_alone(cross_entropy, points=1, after=check_values, examples=10, sizes=SIZES)


@check(
    "a network that has learnt nothing has the loss ln k",
    task="cross_entropy",
    after=check_values,
    hint="With equal logits every class has probability 1 / k.",
    examples=10,
)
@given(st.integers(1, 4), st.integers(2, 12), st.integers(-3, 3))
def check_ignorance(student, n, k, level):
    labels = np.arange(n) % k
    assert_close(student.cross_entropy(np.full((n, k), float(level)), labels), np.log(k))


check_shift = law(
    cross_entropy,
    "adding a constant to all logits of a row does not change cross_entropy",
    lambda a, rng: ({**a, "logits": a["logits"] + rng.integers(-5, 6, (len(a["labels"]), 1))}, lambda loss: loss),
    hint="softmax(z + c) = softmax(z).",
    after=check_values,
    examples=10,
    sizes=SIZES,
)

check_rows = permutation_equivariant(
    cross_entropy,
    {"logits": (0,), "labels": (0,)},
    output=(),
    sentence="the order of the examples does not change cross_entropy",
    hint="A mean does not know in which order it is taken.",
    after=check_values,
    examples=10,
    sizes=SIZES,
)
