"""Checks for your convolution.ipynb that you can run yourself.

Save the notebook, then say `pytest` in this folder; or say `%selfcheck conv2d` in the notebook. They try worked
examples, shapes, and laws: what must be true of every right answer, whatever the numbers are. The graders check more.
"""

from assay.selfcheck import *

# ---- What goes in and what comes out. The bodies are yours, in the notebook. ----------------------------------------

Pixels = st.integers(4, 30)
Kernel = st.integers(1, 4)
Stride = st.integers(1, 3)
Padding = st.integers(0, 2)
Dilation = st.integers(1, 2)


def conv_output_size(size: Pixels, kernel: Kernel, stride: Stride, padding: Padding, dilation: Dilation) -> int: ...


def conv2d(
    x: Float["n c height width"],
    w: Float["f c rows columns"],
    b: Float["f"],
    stride: Stride,
    padding: Padding,
    dilation: Dilation,
) -> Float["n f i j"]: ...


def max_pool2d(x: Float["n c height width"], k: Dilation, stride: Stride) -> Float["n c i j"]: ...


def conv2d_backward(
    dout: Float["n f i j"],
    x: Float["n c height width"],
    w: Float["f c rows columns"],
    stride: Dilation,
    padding: Padding,
) -> tuple[Float["n c height width"], Float["f c rows columns"], Float["f"]]: ...


# Small arrays that a kernel fits into. They are not square, because that is where mistakes hide.
SIZES = {"n": (1, 2), "c": (1, 2), "f": (1, 2), "height": (4, 6), "width": (5, 7), "rows": (1, 2), "columns": (1, 3)}
IMAGES = {"n": (1, 2), "c": (1, 2), "height": (2, 5), "width": (2, 6)}
ONE = st.just(1)
NONE = st.just(0)


def image(rows):
    """One image of one channel."""
    return np.array(rows, dtype=float)[None, None]


# ---- conv_output_size -----------------------------------------------------------------------------------------------


@check("the sizes that the notebook works out", task="conv_output_size", hint="Put the numbers into the formula.")
def test_conv_output_size_examples(student):
    assert_close(student.conv_output_size(28, 3), 26)
    assert_close(student.conv_output_size(28, 3, 1, 1), 28)
    assert_close(student.conv_output_size(28, 3, 2, 1), 14)
    assert_close(student.conv_output_size(224, 7, 2, 3), 112)
    assert_close(student.conv_output_size(32, 3, 1, 2, 2), 32)
    assert_close(student.conv_output_size(7, 3, 2), 3)


@check("an integer comes out, with any stride", task="conv_output_size", hint="7 / 2 is 3.5, and 7 // 2 is 3.")
@given(inputs_of(conv_output_size))
def test_conv_output_size_integer(student, inputs):
    size = call(student, conv_output_size, inputs)
    if isinstance(size, float) or not isinstance(size, (int, np.integer)):
        raise Mismatch("this is no integer", got=size, expected="an integer")


test_conv_output_size_padding = law(
    conv_output_size,
    "padding p counts as 2 p more pixels",
    lambda a, rng: (a | {"size": a["size"] + 2 * a["padding"], "padding": 0}, lambda positions: positions),
    hint="There is padding on both sides.",
)

test_conv_output_size_dilation = law(
    conv_output_size,
    "a kernel of 3 with dilation 2 has as many positions as a kernel of 5 without",
    lambda a, rng: (a | {"kernel": 5, "dilation": 1}, lambda positions: positions),
    hint="Three entries that lie two pixels apart cover five pixels.",
    size=st.integers(5, 20),
    kernel=st.just(3),
    dilation=st.just(2),
)

# ---- conv2d ---------------------------------------------------------------------------------------------------------


@check("the ramp and the lopsided kernel", task="conv2d", hint="Neither flip nor transpose the kernel.")
def test_conv2d_ramp(student):
    ramp = image(np.arange(1, 21).reshape(4, 5))
    kernel = image([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert_close(student.conv2d(ramp, kernel, np.zeros(1), 1, 0, 1), image([[411, 456, 501], [636, 681, 726]]))


@check("two channels that cancel, and a bias of 3", task="conv2d", hint="Sum over the channels, then add the bias.")
def test_conv2d_channels(student):
    ramp = np.arange(1.0, 21.0).reshape(4, 5)
    kernel = np.arange(1.0, 10.0).reshape(3, 3)
    x, w = np.stack([ramp, -ramp])[None], np.stack([kernel, kernel])[None]
    assert_close(student.conv2d(x, w, np.array([3.0]), 1, 0, 1), np.full((1, 1, 2, 3), 3.0))


@check("an entry for each image, filter and position comes out", task="conv2d", hint="The shape is [N, F, H', W'].")
@given(inputs_of(conv2d, sizes=SIZES, dilation=ONE))
def test_conv2d_shape(student, a):
    stride, padding, dilation = a["stride"], a["padding"], a["dilation"]
    positions = [
        int(student.conv_output_size(size, kernel, stride, padding, dilation))
        for size, kernel in zip(a["x"].shape[2:], a["w"].shape[2:], strict=True)
    ]
    got = np.shape(call(student, conv2d, a))
    assert_close(got, (len(a["x"]), len(a["w"]), *positions), parts=("images", "filters", "height", "width"))


test_conv2d_padding = law(
    conv2d,
    "padding is a ring of zeros: written around the image by hand, it gives the same",
    lambda a, rng: (
        a | {"x": np.pad(a["x"], ((0, 0), (0, 0), *[(a["padding"],) * 2] * 2)), "padding": 0},
        lambda y: y,
    ),
    hint="Zeros at the top, at the bottom, on the left and on the right, of every channel.",
    sizes=SIZES,
    dilation=ONE,
)


@check(
    "stride s keeps each s-th row and column of what stride 1 gives",
    task="conv2d",
    hint="Output pixel (i, j) looks at the window that begins at row i * stride and column j * stride.",
)
@given(inputs_of(conv2d, sizes=SIZES, dilation=ONE))
def test_conv2d_stride(student, a):
    s = a["stride"]
    dense = call(student, conv2d, a | {"stride": 1})
    assert_close(call(student, conv2d, a), dense[:, :, ::s, ::s])


@check(
    "stride 1, padding 0 and dilation 1 are what you get without asking",
    task="conv2d",
    hint="These are the defaults in the first line of the function.",
)
@given(inputs_of(conv2d, sizes=SIZES, stride=ONE, padding=NONE, dilation=ONE))
def test_conv2d_defaults(student, a):
    assert_close(student.conv2d(a["x"], a["w"], a["b"]), call(student, conv2d, a))


def with_gaps(a, rng):
    d, w = a["dilation"], a["w"]
    wide = np.zeros((*w.shape[:2], d * (w.shape[2] - 1) + 1, d * (w.shape[3] - 1) + 1))
    wide[:, :, ::d, ::d] = w
    return a | {"w": wide, "dilation": 1}, lambda y: y


test_conv2d_dilation = law(
    conv2d,
    "a dilated kernel is a larger kernel with zeros between its entries",
    with_gaps,
    hint="Neighbours in the kernel meet pixels that are `dilation` apart.",
    sizes=SIZES,
    stride=ONE,
)

test_conv2d_bias = law(
    conv2d,
    "a bias that is 5 larger makes all pixels 5 larger",
    lambda a, rng: (a | {"b": a["b"] + 5}, lambda y: y + 5),
    hint="Add the bias once to each output pixel, not once for each channel.",
    sizes=SIZES,
    dilation=ONE,
)


def turned(a, rng):
    return a | {"x": a["x"].swapaxes(2, 3), "w": a["w"].swapaxes(2, 3)}, lambda y: y.swapaxes(2, 3)


test_conv2d_transposed = law(
    conv2d,
    "transposed images and kernels give transposed outputs",
    turned,
    hint="Do rows go with rows everywhere, and columns with columns?",
    sizes=SIZES,
    dilation=ONE,
)


def one_filter(a, rng):
    return a | {"w": a["w"][-1:], "b": a["b"][-1:]}, lambda y: y[:, -1:]


test_conv2d_filters = law(
    conv2d,
    "a filter answers the same without the other filters",
    one_filter,
    hint="Filter f has its own kernels w[f], its own bias b[f] and its own output channel.",
    sizes=SIZES,
    dilation=ONE,
)


def one_image(a, rng):
    return a | {"x": a["x"][-1:]}, lambda y: y[-1:]


test_conv2d_images = law(
    conv2d,
    "an image gives the same output without the other images",
    one_image,
    hint="Each image of a batch is on its own.",
    sizes=SIZES,
    dilation=ONE,
)

test_conv2d_inputs = leaves_inputs_alone(
    conv2d, sentence="x, w and b are still the same afterwards", sizes=SIZES, dilation=ONE
)

# ---- max_pool2d -----------------------------------------------------------------------------------------------------

PIXELS = [[1, 5, 2, 0, 3], [4, 2, 8, 1, 9], [0, 7, 3, 6, 2], [2, 1, 5, 4, 8]]


@check("windows side by side; the last column is left over", task="max_pool2d", hint="Drop windows that stick out.")
def test_max_pool2d_side_by_side(student):
    assert_close(student.max_pool2d(image(PIXELS), 2, 2), image([[5, 8], [7, 6]]))


@check("overlapping windows of 3 x 3 pixels", task="max_pool2d", hint="They begin at every pixel from which they fit.")
def test_max_pool2d_overlapping(student):
    assert_close(student.max_pool2d(image(PIXELS), 3, 1), image([[8, 8, 9], [8, 8, 9]]))


test_max_pool2d_brighter = law(
    max_pool2d,
    "what is 1000 lower everywhere has maxima that are 1000 lower",
    lambda a, rng: (a | {"x": a["x"] - 1000}, lambda y: y - 1000),
    hint="All pixels may be negative: what does your maximum begin with?",
    sizes=IMAGES,
)


@check(
    "windows two pixels apart are every second one of those one pixel apart",
    task="max_pool2d",
    hint="Window (i, j) begins at row i * stride and column j * stride, whatever k is.",
)
@given(inputs_of(max_pool2d, sizes=IMAGES, stride=st.just(2)))
def test_max_pool2d_stride(student, a):
    dense = call(student, max_pool2d, a | {"stride": 1})
    assert_close(call(student, max_pool2d, a), dense[:, :, ::2, ::2])


test_max_pool2d_transposed = law(
    max_pool2d,
    "transposed images give transposed maxima",
    lambda a, rng: (a | {"x": a["x"].swapaxes(2, 3)}, lambda y: y.swapaxes(2, 3)),
    hint="Do rows go with rows everywhere, and columns with columns?",
    sizes=IMAGES,
)

test_max_pool2d_channels = law(
    max_pool2d,
    "a channel gives the same without the other channels",
    lambda a, rng: (a | {"x": a["x"][:, -1:]}, lambda y: y[:, -1:]),
    hint="The maximum is taken over rows and columns, never over channels or images.",
    sizes=IMAGES,
)

test_max_pool2d_inputs = leaves_inputs_alone(
    max_pool2d, sentence="x is still the same afterwards", hint="Write the maxima into a new array.", sizes=IMAGES
)

# ---- conv2d_backward ------------------------------------------------------------------------------------------------


@check(
    "one row of two windows, worked out by hand",
    task="conv2d_backward",
    hint="The middle column lies in both windows: 12 = 1 * 2 + 10 * 1, and -1 = 1 * -1 + 10 * 0.",
)
def test_conv2d_backward_example(student):
    dout, x, w = image([[1, 10]]), image([[1, 2, 3], [4, 5, 6]]), image([[1, 2], [0, -1]])
    expected = image([[1, 12, 20], [0, -1, -10]]), image([[21, 32], [54, 65]]), np.array([11.0])
    assert_close(tuple(student.conv2d_backward(dout, x, w, 1, 0)), expected, parts=("dx", "dw", "db"))


@check(
    "stride 2 and a ring of padding, worked out by hand",
    task="conv2d_backward",
    hint="Only the second window sees the image, and its first pixel is padding: 3, 4 meet the entries 2 and 3.",
)
def test_conv2d_backward_padding(student):
    dout, x, w = image([[0], [1]]), image([[1, 2], [3, 4]]), image([[1, 2, 3]])
    expected = image([[0, 0], [2, 3]]), image([[0, 3, 4]]), np.array([1.0])
    assert_close(tuple(student.conv2d_backward(dout, x, w, 2, 1)), expected, parts=("dx", "dw", "db"))


BACKWARD = inputs_of(
    conv2d_backward,
    dout=NONE,  # its shape follows from the others, see `arriving`
    sizes=SIZES,
)


def arriving(student, a, seed=1):
    """The arguments with some gradient for each entry of your own conv2d's output."""
    y = student.conv2d(a["x"], a["w"], np.zeros(len(a["w"])), a["stride"], a["padding"], 1)
    return a | {"dout": np.random.default_rng(seed).integers(-3, 4, np.shape(y)).astype(float)}


@check(
    "dx, dw and db have the shapes of x, w and b",
    task="conv2d_backward",
    hint="Cut the padding off dx again. Pixels that no window sees have a place in dx, too.",
    examples=25,
)
@given(BACKWARD)
def test_conv2d_backward_shapes(student, a):
    got = student.conv2d_backward(*arriving(student, a).values())
    shapes = tuple(np.shape(part) for part in got)
    assert_close(shapes, (a["x"].shape, a["w"].shape, (len(a["w"]),)), parts=("dx", "dw", "db"))


@check(
    "three times dout gives three times the gradients",
    task="conv2d_backward",
    hint="Every gradient is a sum of products with entries of dout.",
)
@given(BACKWARD)
def test_conv2d_backward_linear(student, a):
    a = arriving(student, a)
    one = student.conv2d_backward(*a.values())
    three = student.conv2d_backward(*(a | {"dout": 3 * a["dout"]}).values())
    assert_close(tuple(three), tuple(3 * part for part in one), parts=("dx", "dw", "db"))


@check(
    "an image whose dout is 0 changes neither dw nor db",
    task="conv2d_backward",
    hint="dw and db are sums over the images. Do you divide by their number, or keep the last one only?",
)
@given(BACKWARD)
def test_conv2d_backward_silent_image(student, a):
    a = arriving(student, a)
    more = a | {"x": np.concatenate([a["x"], a["x"][:1]]), "dout": np.concatenate([a["dout"], 0 * a["dout"][:1]])}
    _, dw, db = student.conv2d_backward(*a.values())
    assert_close(tuple(student.conv2d_backward(*more.values()))[1:], (dw, db), parts=("dw", "db"))


@check(
    "moving one pixel or one kernel entry changes your own conv2d as dx and dw say",
    task="conv2d_backward",
    hint="If conv2d passes its checks, look here. A pixel that lies in several windows collects from all of them.",
)
@given(BACKWARD, st.integers(0, 10**6))
def test_conv2d_backward_slopes(student, a, place):
    a = arriving(student, a)
    gradients = dict(zip(("x", "w"), student.conv2d_backward(*a.values()), strict=False))

    def loss(x, w):
        return np.sum(student.conv2d(x, w, np.zeros(len(w)), a["stride"], a["padding"], 1) * a["dout"])

    for name, gradient in gradients.items():
        where = np.unravel_index(place % a[name].size, a[name].shape)
        moved = a[name].copy()
        moved[where] += 1.0
        measured = loss(**{"x": a["x"], "w": a["w"]} | {name: moved}) - loss(a["x"], a["w"])
        assert_close(gradient[where], measured, parts=(f"d{name} at {tuple(map(int, where))}",))


@check("dout, x and w are still the same afterwards", task="conv2d_backward", hint="Add into arrays of your own.")
@given(BACKWARD)
def test_conv2d_backward_inputs(student, a):
    a = arriving(student, a)
    student.conv2d_backward(*a.values())
    for name, before, after in zip(("dout", "x", "w"), a.values(), student.calls[-1].after, strict=False):
        assert_close(after, before, parts=(name,))
