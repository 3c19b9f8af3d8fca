"""Hidden checks of conv2d_backward."""

from assay.checks import *
from assay.checks.strategies import SEEDS, array_of
from drawing import LAW, layers
from reference import conv2d, conv2d_backward, conv_output_size


def backward(**settings):
    """Arguments of conv2d_backward, with a random gradient that arrives."""
    forward = inputs_of(conv2d, **layers(**settings))

    @st.composite
    def arguments(draw):
        a = draw(forward)
        x, w, stride, padding = a["x"], a["w"], a["stride"], a["padding"]
        height, width = (conv_output_size(x.shape[axis], w.shape[axis], stride, padding) for axis in (2, 3))
        sizes = {"n": len(x), "f": len(w), "i": height, "j": width}
        return array_of(Float["n f i j"], sizes, name="dout", seed=draw(SEEDS)), x, w, stride, padding

    return arguments()


def gradients(student, arguments):
    """The student's (dx, dw, db)."""
    got = student.conv2d_backward(*arguments)
    if not isinstance(got, (tuple, list)) or len(got) != 3:
        raise Mismatch("expected the tuple (dx, dw, db)", got=got, expected=conv2d_backward(*arguments))
    return got


def assert_gradient(student, arguments, part):
    place = ("dx", "dw", "db").index(part)
    expected = conv2d_backward(*arguments)[place]
    assert_close(gradients(student, arguments)[place : place + 1], (expected,), parts=(part,))


ANY_BACKWARD = {"stride": (1, 3), "padding": (0, 2)}


@check(
    "conv2d_backward gives the right db",
    points=1,
    task="conv2d_backward",
    hint="Each bias is added to every pixel of its output channel, in every image.",
    examples=LAW,
)
@given(backward(**ANY_BACKWARD))
def check_db(student, arguments):
    assert_gradient(student, arguments, "db")


@check(
    "conv2d_backward gives the right dw for one image, stride 1 and no padding",
    points=1,
    task="conv2d_backward",
    hint="dw[f, c, u, v] collects dout times the pixel that this entry met, over all positions.",
)
@given(backward(n=1))
def check_dw_one_image(student, arguments):
    assert_gradient(student, arguments, "dw")


@check(
    "conv2d_backward gives the right dw for batches, with stride and padding",
    points=2,
    task="conv2d_backward",
    hint="Sum over the images. The kernel met the padded image, at rows i * stride + u.",
)
@given(backward(**ANY_BACKWARD, n=2))
def check_dw(student, arguments):
    assert_gradient(student, arguments, "dw")


@check(
    "conv2d_backward gives the right dx with stride 1 and no padding",
    points=1,
    task="conv2d_backward",
    hint="Every output pixel sends dout times the kernel back to its window. Where windows overlap, add.",
)
@given(backward())
def check_dx_plain(student, arguments):
    assert_gradient(student, arguments, "dx")


@check(
    "conv2d_backward gives the right dx with padding",
    points=1,
    task="conv2d_backward",
    hint="Scatter into a padded image and cut off the padding, on all four sides.",
)
@given(backward(padding=(1, 2)))
def check_dx_padding(student, arguments):
    assert_gradient(student, arguments, "dx")


@check(
    "conv2d_backward gives the right dx with stride and padding",
    points=2,
    task="conv2d_backward",
    hint="The window of output pixel (i, j) starts at (i * stride, j * stride). Pixels that no window saw get 0.",
)
@given(backward(stride=(2, 3), padding=(0, 2), height=(3, 7), width=(3, 7)))
def check_dx_stride(student, arguments):
    assert_gradient(student, arguments, "dx")


check_backward_purity = leaves_inputs_alone(
    conv2d_backward,
    points=1,
    after=check_dx_plain,
    examples=LAW,
    # Stride 1 without and stride 2 with padding give the same 3 x 3 output pixels.
    sizes={"n": (1, 2), "c": (1, 2), "f": (1, 2), "height": 5, "width": 4, "rows": 3, "columns": 2, "i": 3, "j": 3}
    | {"p": (0, 1)},
    stride=lambda sizes: st.just(sizes["p"] + 1),
    padding=lambda sizes: st.just(sizes["p"]),
)


@check(
    "dx and dw are the adjoints of the convolution",
    after=check_dx_plain,
    task="conv2d_backward",
    hint="The convolution is linear, so sum(y * dout), sum(x * dx) and sum(w * dw) are the same number.",
    examples=LAW,
)
@given(backward(**ANY_BACKWARD))
def check_adjoint(student, arguments):
    dout, x, w, stride, padding = arguments
    dx, dw, _ = gradients(student, arguments)
    forward = np.sum(conv2d(x, w, np.zeros(len(w)), stride, padding) * dout)
    assert_close((pairing(x, dx), pairing(w, dw)), (forward, forward), parts=("sum(x * dx)", "sum(w * dw)"))


def pairing(array, gradient):
    """sum(array * gradient), without broadcasting."""
    assert_close(np.shape(gradient), np.shape(array), parts=("rows of the gradient's shape",))
    return np.sum(array * gradient)


@check(
    "the gradients of a batch are those of its images put together",
    after=check_dw_one_image,
    task="conv2d_backward",
    hint="dw and db add up over the images; dx has one image's gradient for each.",
    examples=LAW,
)
@given(backward(n=2))
def check_batch_gradients(student, arguments):
    dout, x, w, stride, padding = arguments
    one, other = (gradients(student, (dout[i : i + 1], x[i : i + 1], w, stride, padding)) for i in (0, 1))
    expected = (np.concatenate([one[0], other[0]]), one[1] + other[1], one[2] + other[2])
    assert_close(gradients(student, arguments), expected, parts=("dx", "dw", "db"))


@check(
    "the gradients are the slopes of your own conv2d",
    after=check_db,
    task="conv2d_backward",
    hint="A step along x or w changes sum(y * dout) by the step times dx or dw. Where only this fails, look at conv2d.",
    examples=LAW,
)
@given(backward(**ANY_BACKWARD), SEEDS)
def check_slopes(student, arguments, seed):
    dout, x, w, stride, padding = arguments
    rng = np.random.default_rng(seed)
    # The convolution is linear in x and in w, so a step may be long and of numbers that are easy to read.
    along_x, along_w = (rng.integers(-3, 4, array.shape).astype(float) for array in (x, w))
    rest = (np.zeros(len(w)), stride, padding, 1)
    here, there, elsewhere = (student.conv2d(*at, *rest) for at in ((x, w), (x + along_x, w), (x, w + along_w)))
    for output in (here, there, elsewhere):
        assert_close(np.shape(output), dout.shape)
    dx, dw, _ = gradients(student, arguments)
    measured = (np.sum((there - here) * dout), np.sum((elsewhere - here) * dout))
    predicted = (pairing(along_x, dx), pairing(along_w, dw))
    assert_close(predicted, measured, parts=("slope along x", "slope along w"))
