"""Checks for your backprop.ipynb that you can run yourself.

Save the notebook, then say `pytest` in this folder; or say `%selfcheck Value` in the notebook. They try worked
examples, shapes, and laws: what must be true of every right answer, whatever the numbers are. The graders check more.
"""

from assay.selfcheck import *

# ---- What goes in and what comes out. The bodies are yours, in the notebook. ----------------------------------------


def softmax_cross_entropy(Z: Float["n k"], y: Labels["n", "k"]) -> tuple[float, Float["n k"]]: ...


def mlp_loss_and_grads(
    X: Float["n d"], y: Labels["n", "k"], W1: Float["d h"], b1: Float["h"], W2: Float["h k"], b2: Float["k"]
) -> tuple[float, tuple[Float["d h"], Float["h"], Float["h k"], Float["k"]]]: ...


BATCH = {"n": (1, 3), "k": (2, 4)}
PARAMETERS = ("W1", "b1", "W2", "b2")
GRADIENTS = ("dW1", "db1", "dW2", "db2")


def away_from_the_kink(network):
    """No hidden unit is so close to 0 that a small step would switch it on or off."""
    return np.abs(network["X"] @ network["W1"] + network["b1"]).min() > 1e-2


NETWORK = {"sizes": {"n": (1, 3), "d": (1, 2), "h": (1, 3), "k": (2, 3)}, "where": away_from_the_kink}

# ---- numerical_gradient ---------------------------------------------------------------------------------------------

Shape = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple)


@check("x0^2 x1 at (3, 2)", task="numerical_gradient", hint="The gradient is (2 x0 x1, x0^2) = (12, 9).")
def test_numerical_gradient_example(student):
    got = student.numerical_gradient(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0]))
    assert_close(got, np.array([12.0, 9.0]), rtol=1e-6)


@check("x^3 at 2 with a step of 1/2", task="numerical_gradient", hint="(2.5^3 - 1.5^3) / 1 = 12.25, not quite 12.")
def test_numerical_gradient_large_step(student):
    assert_close(student.numerical_gradient(lambda x: float(x[0] ** 3), np.array([2.0]), 0.5), np.array([12.25]))


@check("exp at 1, with the step that is used unless said otherwise", task="numerical_gradient", hint="2.718281828")
def test_numerical_gradient_exponential(student):
    got = student.numerical_gradient(lambda x: float(np.exp(x[0])), np.array([1.0]))
    assert_close(got, np.array([np.e]), rtol=1e-8)


@check("the squares of integers", task="numerical_gradient", hint="An array of integers has no room for 1.00001.")
def test_numerical_gradient_integers(student):
    got = student.numerical_gradient(lambda x: float((x**2).sum()), np.array([1, 2, 3]))
    assert_close(got, np.array([2.0, 4.0, 6.0]), rtol=1e-6)


@check(
    "a plane is equally steep everywhere, in any shape and with any step",
    task="numerical_gradient",
    hint="For f(x) = sum(slopes * x) the gradient is `slopes`, exactly. Divide by the distance of your two points.",
)
@given(Shape, st.sampled_from([1e-3, 0.5]), st.integers(0, 99))
def test_numerical_gradient_plane(student, shape, h, seed):
    rng = np.random.default_rng(seed)
    slopes = rng.integers(-3, 4, shape).astype(float)

    def plane(x):
        return float(np.sum(slopes * x))

    assert_close(student.numerical_gradient(plane, rng.integers(-3, 4, shape).astype(float), h), slopes, atol=1e-6)


@check(
    "a parabola is measured exactly, even with a step of 1/2",
    task="numerical_gradient",
    hint="A step to one side only is off by h. Step to both sides.",
)
@given(st.integers(1, 3), st.integers(-3, 3))
def test_numerical_gradient_parabola(student, size, at):
    x = np.full(size, float(at))
    assert_close(student.numerical_gradient(lambda x: float(np.sum(x * x)), x, 0.5), 2 * x, atol=1e-9)


@check("f is called twice for each entry of x", task="numerical_gradient", hint="Two values make one difference.")
@given(Shape)
def test_numerical_gradient_calls(student, shape):
    places = []
    student.numerical_gradient(lambda x: float(places.append(x.copy()) or np.sum(x)), np.zeros(shape))
    assert_close(len(places), 2 * int(np.prod(shape)))


@check("x is still the same afterwards", task="numerical_gradient", hint="Work on a copy, or put each entry back.")
@given(Shape)
def test_numerical_gradient_inputs(student, shape):
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    student.numerical_gradient(lambda x: float(np.sum(x)), x.copy(), 0.25)
    assert_close(student.calls[-1].after[1], x)


# ---- softmax_cross_entropy ------------------------------------------------------------------------------------------


@check("no idea: three equal logits", task="softmax_cross_entropy", hint="The loss is ln 3, a mean over the rows.")
def test_softmax_cross_entropy_no_idea(student):
    loss, _ = student.softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 2]))
    assert_close(loss, np.log(3))


@check("eighths: logits ln 1, ln 2 and ln 5", task="softmax_cross_entropy", hint="The probabilities are 1/8, 2/8, 5/8.")
def test_softmax_cross_entropy_eighths(student):
    got = student.softmax_cross_entropy(np.log([[1.0, 2.0, 5.0]]), np.array([2]))
    assert_close(tuple(got), (np.log(8 / 5), np.array([[1 / 8, 2 / 8, -3 / 8]])), parts=("loss", "dZ"))


@check("certain and wrong, then certain and right", task="softmax_cross_entropy", hint="Never take log(0).")
def test_softmax_cross_entropy_certain(student):
    got = student.softmax_cross_entropy(np.array([[1000.0, 0.0], [1000.0, 0.0]]), np.array([1, 0]))
    assert_close(tuple(got), (500.0, np.array([[0.5, -0.5], [0.0, 0.0]])), parts=("loss", "dZ"))


test_softmax_cross_entropy_shape = right_shape(
    softmax_cross_entropy, sentence="a number and an array of the shape of Z come out", sizes=BATCH
)


def rows_shifted(a, rng):
    shift = 1000.0 * np.arange(1, len(a["Z"]) + 1)[:, None]
    return a | {"Z": a["Z"] + shift}, tuple


test_softmax_cross_entropy_shift = law(
    softmax_cross_entropy,
    "a thousand more for all logits of a row changes nothing",
    rows_shifted,
    hint="Subtract from each row its own largest logit.",
    sizes=BATCH,
)


def classes_renamed(a, rng):
    order = rng.permutation(a["Z"].shape[1])
    renamed = {"Z": a["Z"][:, order], "y": np.argsort(order)[a["y"]]}
    return a | renamed, lambda output: (output[0], output[1][:, order])


test_softmax_cross_entropy_renamed = law(
    softmax_cross_entropy,
    "it does not matter which class is called number 0",
    classes_renamed,
    hint="Every row sums over all its classes, and y picks one of them.",
    sizes=BATCH,
)

test_softmax_cross_entropy_slope = gradients_are_derivatives(
    softmax_cross_entropy,
    wrt=("Z",),
    sentence="dZ says how your own loss changes",
    hint="numerical_gradient measures dZ for you. Is your loss a mean, and your dZ a sum?",
    sizes=BATCH,
)

test_softmax_cross_entropy_inputs = leaves_inputs_alone(
    softmax_cross_entropy,
    sentence="Z and y are still the same afterwards",
    hint="Z -= ... writes into the array that you were given.",
    sizes=BATCH,
)

# ---- mlp_loss_and_grads ---------------------------------------------------------------------------------------------


@check(
    "two hidden units, of which one is off, worked out on paper",
    task="mlp_loss_and_grads",
    hint="With W2 = 0 both classes have probability 1/2, and nothing comes back to W1.",
)
def test_mlp_loss_and_grads_example(student):
    X, y = np.array([[1.0, -1.0]]), np.array([0])
    loss, (dW1, db1, dW2, db2) = student.mlp_loss_and_grads(X, y, np.eye(2), np.zeros(2), np.zeros((2, 2)), np.zeros(2))
    got = {"loss": loss, "dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
    zeros = {"dW1": np.zeros((2, 2)), "db1": np.zeros(2)}
    assert_close(got, {"loss": np.log(2), "dW2": np.array([[-0.5, 0.5], [0, 0]]), "db2": np.array([-0.5, 0.5])} | zeros)


@check(
    "a logit of 1000 for the wrong class",
    task="mlp_loss_and_grads",
    hint="The loss is 1000. Your softmax_cross_entropy can do that.",
)
def test_mlp_loss_and_grads_large_logits(student):
    one, zero = np.ones((1, 1)), np.zeros(1)
    loss, _ = student.mlp_loss_and_grads(one, np.array([1]), one, zero, np.array([[1000.0, 0.0]]), np.zeros(2))
    assert_close(loss, 1000.0)


@check(
    "each gradient has the shape of its parameter", task="mlp_loss_and_grads", hint="dW1 of W1, db1 of b1, and so on."
)
@given(inputs_of(mlp_loss_and_grads, **NETWORK))
def test_mlp_loss_and_grads_shapes(student, network):
    _, gradients = call(student, mlp_loss_and_grads, network)
    got = tuple(np.shape(gradient) for gradient in gradients)
    assert_close(got, tuple(np.shape(network[name]) for name in PARAMETERS), parts=GRADIENTS)


@check(
    "the loss is that of your softmax_cross_entropy",
    task="mlp_loss_and_grads",
    hint="The logits are ReLU(X W1 + b1) W2 + b2. Here W1 and b1 are positive and X too, so that no unit is off.",
)
@given(inputs_of(mlp_loss_and_grads, **NETWORK))
def test_mlp_loss_and_grads_loss(student, network):
    on = {name: np.abs(value) if name in ("X", "W1", "b1") else value for name, value in network.items()}
    loss, _ = call(student, mlp_loss_and_grads, on)
    logits = (on["X"] @ on["W1"] + on["b1"]) @ on["W2"] + on["b2"]
    assert_close(loss, student.softmax_cross_entropy(logits, on["y"])[0])


test_mlp_loss_and_grads_slope = gradients_are_derivatives(
    mlp_loss_and_grads,
    wrt=PARAMETERS,
    gradients=lambda output: output[1],
    sentence="the four gradients say how your own loss changes",
    hint="Measure one parameter at a time with numerical_gradient. Which is the first that differs?",
    **NETWORK,
)


def units_renamed(a, rng):
    order = rng.permutation(len(a["b1"]))
    renamed = {"W1": a["W1"][:, order], "b1": a["b1"][order], "W2": a["W2"][order]}

    def expected(output):
        dW1, db1, dW2, db2 = output[1]
        return output[0], (dW1[:, order], db1[order], dW2[order], db2)

    return a | renamed, expected


test_mlp_loss_and_grads_renamed = law(
    mlp_loss_and_grads,
    "it does not matter in which order the hidden units stand",
    units_renamed,
    hint="Columns of W1 belong to the same units as rows of W2 and entries of b1.",
    **NETWORK,
)


def examples_twice(a, rng):
    return a | {"X": np.concatenate([a["X"], a["X"]]), "y": np.concatenate([a["y"], a["y"]])}, tuple


test_mlp_loss_and_grads_twice = law(
    mlp_loss_and_grads,
    "each example given twice makes the same mean",
    examples_twice,
    hint="The loss is a mean over the examples, and the gradients are those of the mean. Is the 1/n there, once?",
    **NETWORK,
)

test_mlp_loss_and_grads_inputs = leaves_inputs_alone(
    mlp_loss_and_grads,
    sentence="the data and the parameters are still the same afterwards",
    hint="Nothing is updated here, only differentiated.",
    **NETWORK,
)

# ---- Value ----------------------------------------------------------------------------------------------------------


@check("the graph of the picture: e = (a b + a)^2", task="Value", hint="a is used twice: 16 * 3 + 16 * 1 = 64.")
def test_value_picture(student):
    a, b = student.Value(2.0), student.Value(3.0)
    c = a * b
    d = c + a
    e = d**2
    e.backward()
    data = {"c": c.data, "d": d.data, "e": e.data}
    assert_close(data, {"c": 6.0, "d": 8.0, "e": 64.0})
    grads = {"a": a.grad, "b": b.grad, "c": c.grad, "d": d.grad, "e": e.grad}
    assert_close(grads, {"a": 64.0, "b": 32.0, "c": 16.0, "d": 16.0, "e": 1.0})


@check(
    "numbers on both sides, exp, tanh and a negative power",
    task="Value",
    hint="For v = 0.5 this is (1 - 2 v) exp(v) + 1 / tanh(v), worth 2.1640 with the slope -6.9802.",
)
def test_value_numbers_and_functions(student):
    v = student.Value(0.5)
    out = (1 - 2 * v) * v.exp() + v.tanh() ** -1
    out.backward()
    slope = -2 * np.exp(0.5) - (1 - np.tanh(0.5) ** 2) / np.tanh(0.5) ** 2
    assert_close({"data": out.data, "v.grad": v.grad}, {"data": 1 / np.tanh(0.5), "v.grad": slope})


@check("1 - v is not v - 1", task="Value", hint="In v.__rsub__(number) the number comes first.")
def test_value_turned(student):
    assert_close((1 - student.Value(3.0)).data, -2.0)


@check("v + v has the slope 2", task="Value", hint="Both uses count, so gradients are added up with +=.")
def test_value_twice(student):
    v = student.Value(3.0)
    (v + v).backward()
    assert_close(v.grad, 2.0)


Place = st.sampled_from([0.5, -1.0, 2.0, 1.5])


def slopes(sentence, formulas, hint):
    """A check that the gradient of each formula is the slope of its own data."""

    @check(sentence, task="Value", hint=hint)
    @given(Place, Place)
    def agree(student, a, b):
        for formula, make in formulas.items():
            one, h = student.Value(a), 1e-5
            make(one, student.Value(b)).backward()
            above, below = (make(student.Value(a + step), student.Value(b)).data for step in (h, -h))
            name = f"a.grad of {formula} at a = {a:g}, b = {b:g}"
            assert_close((one.grad,), ((above - below) / (2 * h),), rtol=1e-6, atol=1e-6, parts=(name,))

    return agree


test_value_operators = slopes(
    "sums, differences and products",
    {
        "a + b": lambda a, b: a + b,
        "a - b": lambda a, b: a - b,
        "b - a": lambda a, b: b - a,
        "a * b": lambda a, b: a * b,
    },
    hint="The slope of a * b along a is b.",
)
test_value_numbers = slopes(
    "plain numbers, on the left and on the right",
    {
        "a + 2": lambda a, b: a + 2,
        "3 + a": lambda a, b: 3 + a,
        "a - 4": lambda a, b: a - 4,
        "1 - a": lambda a, b: 1 - a,
        "a * 3": lambda a, b: a * 3,
        "2 * a": lambda a, b: 2 * a,
    },
    hint="For 2 * a Python asks a.__rmul__(2).",
)
test_value_powers = slopes(
    "powers, negative ones too",
    {"a ** 2": lambda a, b: a**2, "a ** 3": lambda a, b: a**3, "a ** -1": lambda a, b: a**-1},
    hint="The slope of a ** n is n * a ** (n - 1), whatever number n is.",
)
test_value_functions = slopes(
    "relu, exp and tanh",
    {"a.relu()": lambda a, b: a.relu(), "a.exp()": lambda a, b: a.exp(), "a.tanh()": lambda a, b: a.tanh()},
    hint="Draw each function and its slope. Two of the slopes are easily written with the result itself.",
)


def late(a, b):
    c = a * b
    d = c + a
    return c * d + d


test_value_order = slopes(
    "values that are used again further on",
    {
        "a * b * a": lambda a, b: a * b * a,
        "c * d + d with c = a * b, d = c + a": late,
        "d.tanh() + c with c = a + b, d = c * c": lambda a, b: ((a + b) * (a + b)).tanh() + (a + b),
        "c + (c * c) * c with c = a * b": lambda a, b: (lambda c: c + (c * c) * c)(a * b),
    },
    hint="Collect all values first, each of them once, so that everything that uses a value comes before it.",
)


@check("what has been computed once stays as it is", task="Value", hint="Every operation returns a new Value.")
def test_value_new(student):
    v, w = student.Value(3.0), student.Value(4.0)
    for _ in (v + 2, 2 + v, v - 1, v * 5, v + w, v * w, v - w, v**2):
        assert_close(v.data, 3.0)
    assert_close({"v": v.data, "w": w.data}, {"v": 3.0, "w": 4.0})


@check(
    "a long way back: x doubles n times",
    task="Value",
    hint="A value may pass its gradient on only when all of it has arrived, and it does so once.",
)
@given(st.integers(1, 8))
def test_value_doubling(student, n):
    x = out = student.Value(1.0)
    for _ in range(n):
        out = out + out
    out.backward()
    assert_close((x.grad,), (2.0**n,), parts=(f"x.grad after {n} doublings",))


@check("at 0 the slope of relu is 0", task="Value", hint="relu passes gradient on only where its input is above 0.")
def test_value_relu_at_zero(student):
    v = student.Value(0.0)
    v.relu().backward()
    assert_close(v.grad, 0.0)
