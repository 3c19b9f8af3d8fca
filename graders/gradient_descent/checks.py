"""Hidden checks. Points are for right values, regime by regime; laws without points say what is wrong."""

from checks_of_epochs import *
from checks_with_memory import *
from reference import gradient_descent, line_step

from assay.checks import *

# ---- line_step -------------------------------------------------------------------------------------------------


def line_agrees(sentence, points, sizes, hint):
    """As agrees_with, but an array of two numbers counts as a pair: `m, b = line_step(...)` works with it."""

    @check(sentence, points=points, hint=hint, task="line_step")
    @given(inputs_of(line_step, sizes=sizes))
    def values(student, inputs):
        got = student.line_step(*inputs.values())
        pair = tuple(got) if isinstance(got, np.ndarray) and got.shape == (2,) else got
        assert_close(pair, line_step(*inputs.values()), parts=("m", "b"))

    return values


line_one_point = line_agrees(
    "one step is right when there is a single data point",
    points=1,
    sizes={"n": 1},
    hint="With r = m x + b - y the derivatives of r^2 are 2 r x and 2 r. Walk against them, and take both of them "
    "at the old m and b.",
)
line_many_points = line_agrees(
    "one step is right for several data points",
    points=2.5,
    sizes={"n": (2, 6)},
    hint="Both derivatives are means over all the data points.",
)
line_purity = leaves_inputs_alone(
    line_step,
    points=0.5,
    after=line_many_points,
    hint="x -= ... and y -= ... change the caller's arrays. Compute the residual as a new array.",
)


def every_point_twice(inputs, rng):
    twice = {name: np.repeat(inputs[name], 2) for name in ("x", "y")}
    return {**inputs, **twice}, lambda pair: pair


line_twice = law(
    line_step,
    "giving every data point twice changes nothing",
    every_point_twice,
    after=line_one_point,
    hint="The loss is a mean, so twice as many points do not make it larger. Do you divide by n?",
)


@check(
    "a line that fits perfectly stays where it is",
    task="line_step",
    hint="Where every residual m x + b - y is zero, so is the gradient.",
)
@given(inputs_of(line_step))
def line_perfect(student, inputs):
    m, b = inputs["m"], inputs["b"]
    fits = inputs | {"y": m * inputs["x"] + b}
    assert_close(tuple(student.line_step(*fits.values())), (m, b), parts=("m", "b"))


@check(
    "a small step does not make the error larger",
    task="line_step",
    hint="The gradient points uphill. Do you subtract it, and is your residual m x + b - y, not y - m x - b?",
)
@given(inputs_of(line_step, sizes={"n": (1, 6)}))
def line_downhill(student, inputs):
    x, y = inputs["x"], inputs["y"]
    small = inputs | {"lr": 0.1 / (np.sum(x**2) + len(x))}
    m, b = student.line_step(*small.values())
    before, after = (np.mean((slope * x + offset - y) ** 2) for slope, offset in [(inputs["m"], inputs["b"]), (m, b)])
    assert after <= before + 1e-9, f"the mean squared error grows from {before:.6g} to {after:.6g}"


# ---- gradient_descent ------------------------------------------------------------------------------------------

SMALL = {"d": (1, 3)}

descent_one_step = agrees_with(
    gradient_descent,
    sentence="the first step is right",
    points=1,
    steps=st.just(1),
    hint="Row 0 of the path is x0, row 1 is x0 - lr * grad(x0).",
    sizes=SMALL,
)
descent_path = agrees_with(
    gradient_descent,
    sentence="the whole path is right",
    points=2,
    steps=st.integers(2, 6),
    hint="Every row starts from the row before it, with the gradient there. If all rows look the same, you "
    "changed one array in place and stored it again and again.",
    sizes=SMALL,
)
descent_no_step = agrees_with(
    gradient_descent,
    sentence="with no steps the path is the start alone",
    points=0.5,
    after=descent_one_step,
    steps=st.just(0),
    hint="For steps = 0 the path has the shape [1, d].",
    sizes=SMALL,
)


@check(
    "asks for the gradient once per step, at the place where it stands",
    points=1,
    task="gradient_descent",
    after=descent_path,
    hint="Store grad(x) in a variable if you need it twice. After the last step no gradient is needed any more.",
)
@given(inputs_of(gradient_descent, steps=st.integers(1, 5), sizes=SMALL))
def descent_calls(student, inputs):
    grad = inputs["grad"]
    before = len(grad.asked)
    path = student.gradient_descent(*inputs.values())
    asked, steps = grad.asked[before:], inputs["steps"]
    assert len(asked) == steps, f"{len(asked)} calls of grad for {steps} steps"
    assert_close(np.array(asked).reshape(steps, len(inputs["x0"])), path[:-1])


descent_purity = leaves_inputs_alone(
    gradient_descent,
    points=0.5,
    after=descent_path,
    steps=st.integers(1, 5),
    hint="x = x0 is a second name for the same array, and x -= ... changes it. Start from x0.copy().",
    sizes=SMALL,
)


@check(
    "who starts at the minimum stays there",
    task="gradient_descent",
    hint="At the minimum the gradient is zero, so x - lr * grad(x) is x.",
    examples=10,
)
@given(inputs_of(gradient_descent, steps=st.integers(1, 4), sizes=SMALL))
def descent_minimum(student, inputs):
    start = inputs | {"x0": inputs["grad"].minimum}
    path = student.gradient_descent(*start.values())
    assert_close(path, np.tile(start["x0"], (inputs["steps"] + 1, 1)))


@check(
    "walking on from the end of a path continues it",
    task="gradient_descent",
    after=descent_one_step,
    hint="A step depends on the place alone: not on its number, nor on how many steps there are in all.",
    examples=10,
)
@given(inputs_of(gradient_descent, steps=st.integers(2, 5), sizes=SMALL))
def descent_continues(student, inputs):
    grad, x0, lr, steps = inputs.values()
    whole = student.gradient_descent(grad, x0, lr, steps)
    begun = student.gradient_descent(grad, x0, lr, 1)
    assert_close(student.gradient_descent(grad, begun[-1], lr, steps - 1), whole[1:])


@check(
    "with a small learning rate it never goes uphill",
    task="gradient_descent",
    hint="The gradient points uphill: subtract it, and ask for it at the place where you stand.",
    examples=10,
)
@given(inputs_of(gradient_descent, steps=st.integers(1, 4), sizes=SMALL))
def descent_downhill(student, inputs):
    grad = inputs["grad"]
    path = student.gradient_descent(*(inputs | {"lr": 0.5 / grad.smoothness}).values())
    heights = np.array([grad.value(place) for place in path])
    assert (np.diff(heights) <= 1e-9).all(), f"the heights along the path are {show(heights)}"
