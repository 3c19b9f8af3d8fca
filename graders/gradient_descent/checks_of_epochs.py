"""Hidden checks of mini-batch gradient descent."""

from reference import sgd_epoch

from assay.checks import *


def divisors(sizes):
    return st.sampled_from([batch for batch in range(2, sizes["n"]) if sizes["n"] % batch == 0])


def not_divisors(sizes):
    return st.sampled_from([batch for batch in range(2, sizes["n"]) if sizes["n"] % batch])


def all_samples(sizes):
    return st.just(sizes["n"])


def classes(low, high):
    """Range of the number of samples, with few features and at least two classes."""
    return {"n": (low, high), "d": (1, 3), "k": (2, 4)}


sgd_single_samples = agrees_with(
    sgd_epoch,
    sentence="an epoch is right with one sample at a time",
    points=1,
    sizes=classes(1, 4),
    batch=st.just(1),
    hint="For one sample x of class c the gradient is the outer product of x and p - e_c, with p the softmax of x W.",
)
sgd_full_batch = agrees_with(
    sgd_epoch,
    sentence="one step is right when all samples form one batch",
    points=2,
    sizes=classes(1, 5),
    batch=all_samples,
    hint="The gradient is X^T (P - Y) / n: softmax along each row, minus 1 in the column of the right class, mean "
    "over the samples.",
)
sgd_equal_batches = agrees_with(
    sgd_epoch,
    sentence="an epoch is right when the batches are equally large",
    points=1.5,
    sizes={**classes(4, 6), "n": st.sampled_from([4, 6])},
    batch=divisors,
    hint="Take the samples in order, compute the probabilities of each batch with the W that the last one left, and "
    "divide by the samples in the batch, not by n.",
)
sgd_short_batch = agrees_with(
    sgd_epoch,
    sentence="an epoch is right when the last batch is shorter",
    points=1.5,
    sizes=classes(3, 7),
    batch=not_divisors,
    hint="The left-over samples count too, and the mean of the last batch is over the samples that it really has.",
)
sgd_large_logits = agrees_with(
    sgd_epoch,
    sentence="logits in the thousands are no problem",
    points=1.5,
    after=sgd_full_batch,
    sizes=classes(1, 4),
    X=Float["n d", scaled(1000)],
    batch=all_samples,
    hint="Subtract from each row of logits its own largest entry before you take the exponential.",
)
sgd_purity = leaves_inputs_alone(
    sgd_epoch,
    points=0.5,
    after=sgd_full_batch,
    sizes=classes(1, 5),
    batch=all_samples,
    hint="W -= ... changes the caller's weights. Start with W = W.copy(), or write W = W - ...",
)


@check(
    "an epoch is its first batch followed by the rest",
    task="sgd_epoch",
    after=sgd_full_batch,
    hint="Each batch starts from the weights that the one before it left behind.",
)
@given(inputs_of(sgd_epoch, sizes=classes(3, 6), batch=st.integers(1, 2)))
def sgd_rest(student, inputs):
    X, y, W, lr, batch = inputs.values()
    first = student.sgd_epoch(X[:batch], y[:batch], W, lr, batch)
    rest = student.sgd_epoch(X[batch:], y[batch:], first, lr, batch)
    assert_close(student.sgd_epoch(X, y, W, lr, batch), rest)


def every_sample_twice(inputs, rng):
    twice = {name: np.repeat(inputs[name], 2, axis=0) for name in ("X", "y")}
    return {**inputs, **twice, "batch": 2 * inputs["batch"]}, lambda W: W


sgd_twice = law(
    sgd_epoch,
    "every sample twice in batches twice as large changes nothing",
    every_sample_twice,
    hint="The loss of a batch is a mean over its samples. Do you divide, and by the right number?",
    sizes=classes(1, 5),
    batch=st.integers(1, 3),
)


@check(
    "what one class gains the others lose: each row of the change of W adds up to zero",
    task="sgd_epoch",
    hint="The probabilities of a sample add up to 1, and so does its one-hot row. Along which axis do you normalise?",
)
@given(inputs_of(sgd_epoch, sizes=classes(1, 5), batch=st.integers(1, 3)))
def sgd_rows(student, inputs):
    change = student.sgd_epoch(*inputs.values()) - inputs["W"]
    assert_close(change.sum(axis=1), np.zeros(len(inputs["W"])))
