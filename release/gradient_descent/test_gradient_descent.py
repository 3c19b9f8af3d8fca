"""Checks for your gradient_descent.ipynb that you can run yourself.

Save the notebook, then say `pytest` in this folder; or say `%selfcheck line_step` in the notebook. They try worked
examples, shapes, and laws: what must be true of every right answer, whatever the numbers are. The graders check more.
"""

from assay.selfcheck import *

# ---- What goes in and what comes out. The bodies are yours, in the notebook. ----------------------------------------

Number = st.integers(-20, 20).map(lambda tenths: tenths / 10)
Rate = st.sampled_from([0.1, 0.25, 0.5])
Steps = st.integers(1, 5)
Memory = st.sampled_from([0.0, 0.5, 0.9])
Path = Float["rows d", drawn_as("curve")]
FEW = {"d": (1, 3)}


def line_step(m: Number, b: Number, x: Float["n"], y: Float["n"], lr: Rate) -> tuple[float, float]: ...


def gradient_descent(grad: Gradient["d"], x0: Float["d"], lr: Rate, steps: Steps) -> Path: ...


def sgd_epoch(X: Float["n d"], y: Labels["n", "k"], W: Float["d k"], lr: Rate, batch: Steps) -> Float["d k"]: ...


def momentum(grads: Float["T d"], x0: Float["d"], lr: Rate, mu: Memory) -> Path: ...


def adam(grads: Float["T d"], x0: Float["d"], lr: Rate, b1: Memory, b2: Memory, eps: st.just(1e-8)) -> Path: ...


# ---- line_step ------------------------------------------------------------------------------------------------------


@check("two points and a flat line, worked out by hand", task="line_step", hint="dL/dm = -10 and dL/db = -6.")
def test_line_step_example(student):
    got = student.line_step(0.0, 0.0, np.array([1.0, 2.0]), np.array([2.0, 4.0]), 0.1)
    assert_close(tuple(got), (1.0, 0.6), parts=("m", "b"))


def line(student, inputs):
    """m and b after one step; an array of the two is as good as a pair."""
    return tuple(student.line_step(*inputs.values()))


@check(
    "lifting the line and the data by 3 lifts the new line by 3",
    task="line_step",
    hint="The residuals m x + b - y stay what they are, so both derivatives do. Is b in your residual?",
)
@given(inputs_of(line_step))
def test_line_step_lifted(student, inputs):
    m, b = line(student, inputs)
    lifted = inputs | {"b": inputs["b"] + 3, "y": inputs["y"] + 3}
    assert_close(line(student, lifted), (m, b + 3), parts=("m", "b"))


@check(
    "twice the learning rate takes a step twice as long",
    task="line_step",
    hint="Both derivatives are taken at the old m and b: b must not see the new m.",
)
@given(inputs_of(line_step))
def test_line_step_rate(student, inputs):
    m, b = line(student, inputs)
    faster = inputs | {"lr": 2 * inputs["lr"]}
    assert_close(line(student, faster), (2 * m - inputs["m"], 2 * b - inputs["b"]), parts=("m", "b"))


test_line_step_inputs = leaves_inputs_alone(line_step, sentence="x and y are still the same afterwards")

# ---- gradient_descent -----------------------------------------------------------------------------------------------


@check("three steps that halve the distance", task="gradient_descent", hint="x - 0.5 x is x / 2, again and again.")
def test_gradient_descent_example(student):
    path = student.gradient_descent(lambda x: x, np.array([8.0, -4.0]), 0.5, 3)
    assert_close(path, np.array([[8.0, -4.0], [4.0, -2.0], [2.0, -1.0], [1.0, -0.5]]))


@check(
    "the path has steps + 1 rows and begins at x0",
    task="gradient_descent",
    hint="Write down the start before the first step. steps = 0 gives a path of one row.",
)
@given(inputs_of(gradient_descent, steps=st.integers(0, 5), sizes=FEW))
def test_gradient_descent_shape(student, inputs):
    path = call(student, gradient_descent, inputs)
    assert_close(np.shape(path), (inputs["steps"] + 1, len(inputs["x0"])), parts=("rows", "columns"))
    assert_close(path[0], inputs["x0"])


def longer(inputs, rng):
    return inputs | {"steps": inputs["steps"] - 1}, lambda path: path[:-1]


test_gradient_descent_prefix = law(
    gradient_descent,
    "one step fewer gives the same path without its end",
    longer,
    sizes=FEW,
    hint="If all rows look the same, you stored one array again and again while changing it: store copies.",
)


@check("grad is called once per step", task="gradient_descent", hint="Keep grad(x) in a variable if you need it twice.")
@given(inputs_of(gradient_descent, sizes=FEW))
def test_gradient_descent_calls(student, inputs):
    before = len(inputs["grad"].asked)
    student.gradient_descent(*inputs.values())
    calls, steps = len(inputs["grad"].asked) - before, inputs["steps"]
    assert calls == steps, f"{calls} calls of grad in {steps} steps"


@check("it walks downhill", task="gradient_descent", hint="The gradient points uphill, so you walk against it.")
@given(inputs_of(gradient_descent, sizes=FEW))
def test_gradient_descent_downhill(student, inputs):
    grad = inputs["grad"]
    path = student.gradient_descent(*(inputs | {"lr": 0.3 / grad.smoothness}).values())
    first, last = grad.value(path[0]), grad.value(path[-1])
    assert last <= first + 1e-9, f"the path begins at height {first:.4g} and ends at {last:.4g}"


test_gradient_descent_inputs = leaves_inputs_alone(
    gradient_descent,
    sentence="x0 is still the same afterwards",
    hint="x = x0 is a second name for the same array. Begin with x0.copy().",
    sizes=FEW,
)

# ---- sgd_epoch ------------------------------------------------------------------------------------------------------

CLASSES = {"n": (1, 5), "d": (1, 3), "k": (2, 3)}


@check("two samples, one at a time", task="sgd_epoch", hint="The second sample meets the W that the first one left.")
def test_sgd_epoch_one_at_a_time(student):
    X, y = np.array([[3.0, 0.0], [0.0, 6.0]]), np.array([2, 0])
    assert_close(student.sgd_epoch(X, y, np.zeros((2, 3)), 1.0, 1), np.array([[-1.0, -1.0, 2.0], [4.0, -2.0, -2.0]]))


@check("two samples in one batch", task="sgd_epoch", hint="The loss of a batch is a mean: divide by its samples.")
def test_sgd_epoch_one_batch(student):
    X, y = np.array([[3.0, 0.0], [0.0, 6.0]]), np.array([2, 0])
    assert_close(student.sgd_epoch(X, y, np.zeros((2, 3)), 1.0, 2), np.array([[-0.5, -0.5, 1.0], [2.0, -1.0, -1.0]]))


@check(
    "three samples in batches of two",
    task="sgd_epoch",
    hint="The first batch leaves W = (0.5, -0.5). The second one is the third sample alone: a mean over one.",
)
def test_sgd_epoch_short_batch(student):
    X, y = np.array([[1.0], [1.0], [2.0]]), np.array([0, 0, 1])
    assert_close(student.sgd_epoch(X, y, np.zeros((1, 2)), 1.0, 2), np.array([[-1.261594, 1.261594]]), atol=1e-6)


test_sgd_epoch_shape = right_shape(sgd_epoch, sentence="the new weights have the shape of W", sizes=CLASSES)


def in_one_batch(inputs, rng):
    order = rng.permutation(len(inputs["X"]))
    return inputs | {"X": inputs["X"][order], "y": inputs["y"][order]}, lambda W: W


test_sgd_epoch_order = law(
    sgd_epoch,
    "inside a single batch the order of the samples does not matter",
    in_one_batch,
    sizes=CLASSES,
    batch=lambda sizes: st.just(sizes["n"]),
    hint="Sum over all samples of the batch. Does every row of logits meet its own class?",
)


def batch_beyond_the_end(inputs, rng):
    return inputs | {"batch": inputs["batch"] + 7}, lambda W: W


test_sgd_epoch_larger_batch = law(
    sgd_epoch,
    "a batch that is larger than the data is just all of the data",
    batch_beyond_the_end,
    sizes=CLASSES,
    batch=lambda sizes: st.just(sizes["n"]),
    hint="Divide by the samples that are really in the batch, and do not leave out a batch that is not full.",
)


def shifted(inputs, rng):
    return inputs | {"W": inputs["W"] + 500.0}, lambda W: W + 500.0


test_sgd_epoch_shifted = law(
    sgd_epoch,
    "adding 500 to all weights changes no probability, so the step is the same",
    shifted,
    sizes=CLASSES,
    hint="Subtract the largest logit of each row before you take exponentials.",
)

test_sgd_epoch_inputs = leaves_inputs_alone(
    sgd_epoch,
    sentence="X, y and W are still the same afterwards",
    hint="W -= ... writes into the array that you were given. Begin with a copy.",
    sizes=CLASSES,
)

# ---- momentum -------------------------------------------------------------------------------------------------------

PUSHES = {"T": (1, 5), "d": (1, 3)}


@check("a steady push and a single kick", task="momentum", hint="The velocities are (1, 4), (1.5, 2) and (1.75, 1).")
def test_momentum_example(student):
    grads = np.array([[1.0, 4.0], [1.0, 0.0], [1.0, 0.0]])
    expected = np.array([[0.0, 0.0], [-1.0, -4.0], [-2.5, -6.0], [-4.25, -7.0]])
    assert_close(student.momentum(grads, np.zeros(2), 1.0, 0.5), expected)


@check("the path has T + 1 rows and begins at x0", task="momentum", hint="Write down the start before the first step.")
@given(inputs_of(momentum, sizes=PUSHES))
def test_momentum_shape(student, inputs):
    path = call(student, momentum, inputs)
    assert_close(np.shape(path), (len(inputs["grads"]) + 1, len(inputs["x0"])), parts=("rows", "columns"))
    assert_close(path[0], inputs["x0"])


def elsewhere(inputs, rng):
    return inputs | {"x0": inputs["x0"] + 10}, lambda path: path + 10


test_momentum_start = law(
    momentum,
    "starting 10 further along shifts the whole path by 10",
    elsewhere,
    sizes=PUSHES,
    hint="The gradients are recorded, so the steps do not depend on the place. Does the velocity begin at 0?",
)


def faster(inputs, rng):
    x0 = inputs["x0"]
    return inputs | {"lr": 2 * inputs["lr"]}, lambda path: 2 * path - x0


test_momentum_rate = law(
    momentum,
    "twice the learning rate takes you twice as far",
    faster,
    sizes=PUSHES,
    hint="lr multiplies the velocity once, in the step.",
)


def pushed_harder(inputs, rng):
    x0 = inputs["x0"]
    return inputs | {"grads": 2 * inputs["grads"]}, lambda path: 2 * path - x0


test_momentum_push = law(
    momentum,
    "pushes twice as strong take you twice as far",
    pushed_harder,
    sizes=PUSHES,
    hint="The velocity is a sum of pushes, each with its factor, and nothing else.",
)

test_momentum_inputs = leaves_inputs_alone(
    momentum,
    sentence="grads and x0 are still the same afterwards",
    hint="v += ... writes into whatever array v is another name of. Copy first.",
    sizes=PUSHES,
)

# ---- adam -----------------------------------------------------------------------------------------------------------


@check("two steps, and the gradient turns round", task="adam", hint="At t = 1 each coordinate moves by lr, here 0.1.")
def test_adam_example(student):
    path = student.adam(np.array([[10.0, -0.1], [-10.0, -0.1]]), np.array([1.0, 1.0]), 0.1, 0.5, 0.9, 1e-8)
    assert_close(path, np.array([[1.0, 1.0], [0.9, 1.1], [0.9333, 1.2]]), atol=1e-4)


@check("one step with eps = 1", task="adam", hint="m is 2, v is 4, and the step is 2 / (sqrt(4) + 1).")
def test_adam_large_eps(student):
    path = student.adam(np.array([[2.0]]), np.array([1.0]), 0.3, 0.5, 0.5, 1.0)
    assert_close(path, np.array([[1.0], [0.8]]))


@check("the path has T + 1 rows and begins at x0", task="adam", hint="Write down the start before the first step.")
@given(inputs_of(adam, sizes=PUSHES))
def test_adam_shape(student, inputs):
    path = call(student, adam, inputs)
    assert_close(np.shape(path), (len(inputs["grads"]) + 1, len(inputs["x0"])), parts=("rows", "columns"))
    assert_close(path[0], inputs["x0"])


def opposite(inputs, rng):
    x0 = inputs["x0"]
    return inputs | {"grads": -inputs["grads"]}, lambda path: 2 * x0 - path


test_adam_opposite = law(
    adam,
    "opposite gradients lead just as far in the opposite direction",
    opposite,
    sizes=PUSHES,
    hint="v is built from squares, which have no sign, and m from the gradients themselves.",
)


def constant(inputs):
    return inputs | {"grads": np.tile(np.sign(inputs["grads"][:1]) + 0.5, (len(inputs["grads"]), 1))}


@check(
    "under a constant gradient every step is lr long",
    task="adam",
    hint="Then both corrected averages are exactly g and g^2, in every step. Does t grow?",
)
@given(inputs_of(adam, sizes=PUSHES))
def test_adam_constant(student, inputs):
    path = call(student, adam, constant(inputs))
    assert_close(np.abs(np.diff(path, axis=0)), np.full((len(path) - 1, path.shape[1]), inputs["lr"]), rtol=1e-6)


test_adam_inputs = leaves_inputs_alone(
    adam,
    sentence="grads and x0 are still the same afterwards",
    hint="m += ... writes into whatever array m is another name of. Copy first.",
    sizes=PUSHES,
)
