"""Hidden checks of the exercise on backpropagation."""

from programs import (
    DIFFERENCE,
    EVERYTHING,
    FUNCTIONS,
    NAMES,
    POWER,
    PRODUCT,
    SUM,
    WITH_NUMBERS,
    attributes,
    inputs,
    programs,
    told,
)
from reference import Value, mlp_loss_and_grads, softmax_cross_entropy
from reference import numerical_gradient as central_differences
from surfaces import points as surfaces

from assay.checks import *
from assay.checks.compare import kind

# ---- numerical_gradient ----------------------------------------------------------------------------------------

ROUGHLY = {"rtol": 1e-3, "atol": 1e-3}  # one-sided differences pass here, and fail where steps are large


def numerical(sentence, points, **options):
    return check(f"numerical_gradient {sentence}", points=points, task="numerical_gradient", **options)


@numerical("is right for functions of a vector", 1, hint="Move one entry at a time, by h to each side.")
@given(surfaces())
def check_vectors(student, problem):
    f, x = problem
    assert_close(student.numerical_gradient(f, x.copy(), 1e-5), f.gradient(x), **ROUGHLY)


@numerical("is right for matrices and arrays of three axes", 0.5, hint="np.ndindex(x.shape) gives every index of x.")
@given(surfaces(st.integers(2, 3)))
def check_more_axes(student, problem):
    f, x = problem
    assert_close(student.numerical_gradient(f, x.copy(), 1e-5), f.gradient(x), **ROUGHLY)


@numerical("takes arrays of integers", 0.5, hint="What becomes of 3 + 0.00001 in an array of integers?")
@given(surfaces(st.integers(1, 2), integers=True))
def check_integers(student, problem):
    f, x = problem
    assert_close(student.numerical_gradient(f, x.copy(), 1e-5), f.gradient(x), **ROUGHLY)


@numerical("is exact for quadratic functions, however large the step", 2.5, hint="Is your difference a central one?")
@given(surfaces(st.integers(1, 2), quadratic=True), st.sampled_from([0.01, 0.1, 1.0]))
def check_quadratics(student, problem, h):
    f, x = problem
    assert_close(student.numerical_gradient(f, x.copy(), h), f.gradient(x))


@numerical("uses the step h that it is given", 0.5, hint="The points are x + h and x - h, in one entry.")
@given(surfaces(), st.sampled_from([0.01, 0.1, 0.5]))
def check_step(student, problem, h):
    f, x = problem
    assert_close(student.numerical_gradient(f, x.copy(), h), central_differences(f, x, h))


@numerical("calls f twice for every entry", 0.5, after=check_quadratics)
@given(surfaces(st.integers(1, 2)))
def check_evaluations(student, problem):
    f, x = problem
    f.calls = 0
    student.numerical_gradient(f, x.copy())
    if f.calls != 2 * x.size:
        raise Mismatch(f"x has {x.size} entries and f was called {f.calls} times", got=f.calls, expected=2 * x.size)


@numerical("leaves x as it was", 0.5, after=check_vectors, hint="Work on a copy, or put every entry back.")
@given(surfaces(st.integers(1, 2)))
def check_x_untouched(student, problem):
    f, x = problem
    student.numerical_gradient(f, x.copy())
    left = student.calls[-1].after[1]
    try:
        assert_close(left, x, rtol=0.0, atol=1e-12)  # putting back by adding may round
    except Mismatch:
        raise Mismatch("the call changed x", got=left, expected=x) from None


# ---- softmax_cross_entropy -------------------------------------------------------------------------------------

BATCH = {"sizes": {"n": (1, 4), "k": (2, 4)}}


def two(output, what):
    """The two values of an output. Raises Mismatch where there are not two."""
    if kind(output) == "tuple" and len(output) == 2:
        return output
    raise Mismatch(f"expected two values, {what}", got=output, expected=what)


def cross_entropy(sentence, points, **options):
    return check(f"softmax_cross_entropy {sentence}", points=points, task="softmax_cross_entropy", **options)


@cross_entropy("returns the mean loss", 2, hint="-log of the probability of the true class, averaged over the rows.")
@given(inputs_of(softmax_cross_entropy, **BATCH))
def check_loss(student, batch):
    loss, _ = two(call(student, softmax_cross_entropy, batch), "(loss, dZ)")
    assert_close((loss,), softmax_cross_entropy(**batch)[:1], parts=("loss",))


@cross_entropy("returns the gradient of the mean loss", 2, hint="Probabilities minus one-hot labels; and the 1/n?")
@given(inputs_of(softmax_cross_entropy, **BATCH))
def check_dZ(student, batch):
    _, dZ = two(call(student, softmax_cross_entropy, batch), "(loss, dZ)")
    assert_close((dZ,), softmax_cross_entropy(**batch)[1:], parts=("dZ",))


check_large_logits = agrees_with(
    softmax_cross_entropy,
    points=1,
    sentence="softmax_cross_entropy is exact for logits in the thousands",
    hint="Subtract the largest logit of each row, and compute log p without p.",
    parts=("loss", "dZ"),
    Z=Float["n k", scaled(1000)],
    **BATCH,
)


@cross_entropy("is exact when rows are of different size", 0.5, hint="The largest logit of each row, or of all rows?")
@given(inputs_of(softmax_cross_entropy, sizes={"n": (2, 4), "k": (2, 4)}))
def check_mixed_rows(student, batch):
    Z = batch["Z"].copy()
    Z[1::2] += 2000
    expected = softmax_cross_entropy(Z, batch["y"])
    assert_close(student.softmax_cross_entropy(Z, batch["y"]), expected, parts=("loss", "dZ"))


check_Z_untouched = leaves_inputs_alone(softmax_cross_entropy, points=0.5, after=check_loss, **BATCH)

check_own_slope = gradients_are_derivatives(
    softmax_cross_entropy,
    wrt=("Z",),
    sentence="the gradient of softmax_cross_entropy is the slope of the loss that it returns",
    hint="Compare with your numerical_gradient.",
    examples=10,
    **BATCH,
)

# ---- mlp_loss_and_grads ----------------------------------------------------------------------------------------

NAMES_OF_GRADIENTS = ("dW1", "db1", "dW2", "db2")
RETURNED = "(loss, (dW1, db1, dW2, db2))"


def away_from_kinks(network):
    """No hidden unit so near to 0 that rounding, or a step of a finite difference, could switch it."""
    return np.abs(network["X"] @ network["W1"] + network["b1"]).min() > 1e-3


NETWORK = {"sizes": {"n": (1, 4), "d": (1, 3), "h": (1, 4), "k": (2, 4)}, "where": away_from_kinks}


def network_check(sentence, points, **options):
    return check(f"mlp_loss_and_grads {sentence}", points=points, task="mlp_loss_and_grads", **options)


def gradients_of(output):
    gradients = two(output, RETURNED)[1]
    if kind(gradients) == "tuple" and len(gradients) == 4:
        return tuple(gradients)
    raise Mismatch(f"expected four gradients, in {RETURNED}", got=gradients, expected="(dW1, db1, dW2, db2)")


@network_check("returns the mean loss", 1, hint="ReLU(X W1 + b1) W2 + b2 are the logits.")
@given(inputs_of(mlp_loss_and_grads, **NETWORK))
def check_network_loss(student, network):
    loss, _ = two(call(student, mlp_loss_and_grads, network), RETURNED)
    assert_close((loss,), mlp_loss_and_grads(**network)[:1], parts=("loss",))


@network_check("returns the gradients of the output layer", 2, hint="Which array did W2 multiply?")
@given(inputs_of(mlp_loss_and_grads, **NETWORK))
def check_output_layer(student, network):
    gradients = gradients_of(call(student, mlp_loss_and_grads, network))
    assert_close(gradients[2:], mlp_loss_and_grads(**network)[1][2:], parts=NAMES_OF_GRADIENTS[2:])


@network_check(
    "returns the gradients of the hidden layer", 3, hint="Back through W2, then through the ReLU, then to W1."
)
@given(inputs_of(mlp_loss_and_grads, **NETWORK))
def check_hidden_layer(student, network):
    gradients = gradients_of(call(student, mlp_loss_and_grads, network))
    assert_close(gradients[:2], mlp_loss_and_grads(**network)[1][:2], parts=NAMES_OF_GRADIENTS[:2])


@network_check("is exact for logits in the thousands", 1, hint="Your softmax_cross_entropy can do this already.")
@given(inputs_of(mlp_loss_and_grads, W2=Float["h k", scaled(1000)], **NETWORK))
def check_network_large_logits(student, network):
    loss, gradients = mlp_loss_and_grads(**network)
    output = call(student, mlp_loss_and_grads, network)
    got = (two(output, RETURNED)[0], *gradients_of(output))
    assert_close(got, (loss, *gradients), parts=("loss", *NAMES_OF_GRADIENTS))


@network_check("gives units that are off no gradient", 0.5, after=check_network_loss, hint="ReLU'(a) = 0 for a < 0.")
@given(inputs_of(mlp_loss_and_grads, **NETWORK), st.integers(0, 3))
def check_dead_units(student, network, unit):
    dead = unit % len(network["b1"])
    network = {**network, "b1": np.where(np.arange(len(network["b1"])) == dead, -1e6, network["b1"])}
    dW1, db1, dW2, db2 = gradients_of(call(student, mlp_loss_and_grads, network))
    right = mlp_loss_and_grads(**network)[1]
    assert_close((dW1, db1, dW2, db2), right, atol=np.inf, parts=NAMES_OF_GRADIENTS)  # the shapes
    got = {f"dW1[:, {dead}]": dW1[:, dead], f"db1[{dead}]": db1[dead], f"dW2[{dead}]": dW2[dead]}
    assert_close(got, {name: 0 * part for name, part in got.items()})


check_network_untouched = leaves_inputs_alone(mlp_loss_and_grads, points=0.5, after=check_network_loss, **NETWORK)

check_network_own_slope = gradients_are_derivatives(
    mlp_loss_and_grads,
    wrt=("W1", "b1", "W2", "b2"),
    gradients=lambda output: output[1],
    sentence="the gradients of mlp_loss_and_grads are the slopes of the loss that it returns",
    hint="Compare with your numerical_gradient, one parameter after the other.",
    examples=10,
    **NETWORK,
)

# ---- Value -----------------------------------------------------------------------------------------------------


def value_check(sentence, points, **options):
    return check(f"Value: {sentence}", points=points, task="Value", **options)


def agree_on_gradients(student, program):
    """The gradients of the last result along all inputs are those of the reference."""
    names = [NAMES[i] for i in program.inputs]
    found = []
    with told(program, f"; {NAMES[len(program.lines) - 1]}.backward()"):
        for make in (Value, student.Value):
            results = program.run(make)
            results[-1].backward()
            found.append(attributes([results[i] for i in program.inputs], names, "grad"))
        assert_close(found[1], found[0], parts=[f"{name}.grad" for name in names])


@value_check("results have the right data", 1)
@given(programs(*EVERYTHING, reuse=True))
def check_data(student, program):
    names = list(NAMES[: len(program.lines)])
    with told(program):
        expected = attributes(program.run(Value), names, "data")
        got = attributes(program.run(student.Value), names, "data")
        assert_close(got, expected, parts=[f"{name}.data" for name in names])


@value_check("gradients through + and *", 1.5, hint="d(ab)/da = b")
@given(programs(SUM, PRODUCT))
def check_sums_and_products(student, program):
    agree_on_gradients(student, program)


@value_check("gradients through - and **", 1.5, hint="d(a ** n)/da = n a ** (n - 1), for any number n")
@given(programs(DIFFERENCE, POWER))
def check_differences_and_powers(student, program):
    agree_on_gradients(student, program)


@value_check("gradients through relu, exp and tanh", 1.5, hint="Write tanh' and exp' in terms of the output.")
@given(programs(*FUNCTIONS, PRODUCT))
def check_functions(student, program):
    agree_on_gradients(student, program)


@value_check("plain numbers on either side, as in 2 * v and 1 - v", 1, hint="__radd__, __rsub__ and __rmul__")
@given(programs(*WITH_NUMBERS))
def check_numbers(student, program):
    agree_on_gradients(student, program)


@value_check("a value that is used several times", 1.5, hint="In a + a, both uses count: is grad added up?")
@given(programs(SUM, PRODUCT, reuse=True))
def check_reuse(student, program):
    agree_on_gradients(student, program)


@value_check(
    "a chain of diamonds, x = a * x + b * x again and again", 0.5, examples=10, hint="Is your order a topological one?"
)
@given(inputs, inputs, inputs, st.integers(1, 6))
def check_diamonds(student, a, b, x, depth):
    value, left, right = (student.Value(number) for number in (x, a, b))
    out = value
    for _ in range(depth):
        out = left * out + right * out
    out.backward()
    got = attributes([value], ["x"], "grad")
    name = f"x.grad for x = {x:g}, a = {a:g}, b = {b:g} and {depth} in a row"
    assert_close(got, ((a + b) ** depth,), parts=(name,))


@value_check("random expression graphs", 1.5)
@given(programs(*EVERYTHING, reuse=True, steps=(3, 10)))
def check_graphs(student, program):
    agree_on_gradients(student, program)
