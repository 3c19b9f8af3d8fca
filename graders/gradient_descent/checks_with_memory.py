"""Hidden checks of the optimisers that remember: momentum and Adam."""

from reference import adam, momentum

from assay.checks import *

RECORDED = {"T": (1, 6), "d": (1, 3)}


def without_last_gradient(inputs, rng):
    return {**inputs, "grads": inputs["grads"][:-1]}, lambda path: path[:-1]


def first_coordinate(inputs, rng):
    return {**inputs, "grads": inputs["grads"][:, :1], "x0": inputs["x0"][:1]}, lambda path: path[:, :1]


# ---- momentum --------------------------------------------------------------------------------------------------

momentum_none = agrees_with(
    momentum,
    sentence="without memory (mu = 0) it is plain gradient descent",
    points=1,
    sizes=RECORDED,
    mu=st.just(0.0),
    hint="With mu = 0 the velocity is the gradient: row t + 1 is row t minus lr * grads[t], and row 0 is x0.",
)
momentum_path = agrees_with(
    momentum,
    sentence="with memory the path is right",
    points=2.5,
    hint="v = mu * v + g, then x = x - lr * v with the new v. There is no factor 1 - mu, and no look-ahead.",
    sizes=RECORDED,
)
momentum_purity = leaves_inputs_alone(
    momentum,
    points=0.5,
    after=momentum_path,
    hint="A velocity or a place that is only another name for a row of grads or for x0 changes them with += and -=. "
    "Copy first.",
    sizes=RECORDED,
)


@check(
    "under a constant push the speed grows as 1 + mu + mu^2 + ...",
    task="momentum",
    after=momentum_none,
    hint="After k pushes g the velocity is g (1 + mu + ... + mu^(k-1)), which starts at g.",
)
@given(inputs_of(momentum, sizes=RECORDED))
def momentum_constant(student, inputs):
    grads, x0, lr, mu = inputs.values()
    push = grads[0]
    path = student.momentum(np.tile(push, (len(grads), 1)), x0, lr, mu)
    speed = (1 - mu ** np.arange(1, len(grads) + 1)) / (1 - mu)
    assert_close(path[1:] - path[:-1], -lr * speed[:, None] * push)


momentum_causal = law(
    momentum,
    "what comes later does not change the path before it",
    without_last_gradient,
    hint="Row t + 1 of the path may use the gradients up to row t and no others. Is the order right?",
    sizes={"T": (2, 6), "d": (1, 3)},
)
momentum_coordinates = law(
    momentum,
    "each coordinate walks on its own",
    first_coordinate,
    hint="Nothing in the formulas mixes coordinates: no norm, no sum over a row.",
    sizes={"T": (1, 5), "d": (2, 3)},
)

# ---- adam ------------------------------------------------------------------------------------------------------

TINY = st.just(1e-12)


def pushed_everywhere(inputs):
    """No gradient is zero, so that eps makes no difference: it has a check of its own."""
    return bool(inputs["grads"].all())


adam_first_step = agrees_with(
    adam,
    sentence="the first step is right",
    points=1,
    where=pushed_everywhere,
    sizes={"T": 1, "d": (1, 3)},
    hint="The first step has t = 1, so both corrections 1 - b1^t and 1 - b2^t undo the factors 1 - b1 and 1 - b2.",
    eps=TINY,
)
adam_path = agrees_with(
    adam,
    sentence="the whole path is right",
    points=2.5,
    where=pushed_everywhere,
    sizes={"T": (2, 6), "d": (1, 3)},
    hint="Is t one larger in every step? Does b1 belong to g and b2 to g^2? m and v themselves stay uncorrected; "
    "only the step uses the corrected ones.",
    eps=TINY,
)
adam_epsilon = agrees_with(
    adam,
    sentence="eps is in the right place",
    points=1,
    after=adam_path,
    sizes={"T": (1, 4), "d": (1, 3)},
    hint="eps is added to the root of the corrected average, outside the root: sqrt(v_hat) + eps.",
)
adam_purity = leaves_inputs_alone(
    adam,
    points=0.5,
    after=adam_path,
    sizes=RECORDED,
    hint="Averages and places that are only another name for x0 or for a row of grads change them with += and -=. "
    "Copy first.",
    eps=TINY,
)


@check(
    "the first step is lr long in every coordinate, however large its gradient",
    task="adam",
    hint="At t = 1 the corrected averages are g and g^2, and g / sqrt(g^2) is the sign of g.",
)
@given(inputs_of(adam, sizes=RECORDED, eps=TINY))
def adam_sign(student, inputs):
    path = student.adam(*inputs.values())
    assert_close(path[1] - path[0], -inputs["lr"] * np.sign(inputs["grads"][0]))


def larger_gradients(inputs, rng):
    return {**inputs, "grads": 1000 * inputs["grads"]}, lambda path: path


adam_scale = law(
    adam,
    "gradients a thousand times larger give the same path",
    larger_gradients,
    hint="m grows with the gradient and v with its square, so m / sqrt(v) does not grow. Is the square there, and the "
    "root?",
    sizes=RECORDED,
    eps=TINY,
)


@check(
    "without any gradient nothing moves",
    task="adam",
    hint="Then the step is 0 / (0 + eps), which is 0. Without eps it is 0 / 0.",
)
@given(inputs_of(adam, sizes=RECORDED, eps=TINY))
def adam_rest(student, inputs):
    path = student.adam(*(inputs | {"grads": np.zeros_like(inputs["grads"])}).values())
    assert_close(path, np.tile(inputs["x0"], (len(inputs["grads"]) + 1, 1)))


adam_causal = law(
    adam,
    "what comes later does not change the path before it",
    without_last_gradient,
    hint="Row t of the path may use the first t gradients and no others: t is the number of this step.",
    sizes={"T": (2, 6), "d": (1, 3)},
    eps=TINY,
)
adam_coordinates = law(
    adam,
    "each coordinate has its own step size",
    first_coordinate,
    hint="g^2 is a square of each coordinate: no norm, no mean, no sum over a row.",
    sizes={"T": (1, 5), "d": (2, 3)},
    eps=TINY,
)
