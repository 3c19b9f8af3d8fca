"""Hidden checks of conv2d."""

from assay.checks import *
from drawing import ANY, LAW, layers
from reference import conv2d


@check(
    "conv2d finds the falling stroke of the X",
    task="conv2d",
    hint="This is the first worked example of the notebook.",
)
def check_cross(student):
    cross = 2 * np.maximum(np.eye(9), np.eye(9)[::-1]) - 1
    cross[[0, 8]] = -1
    stroke = (2 * np.eye(3) - 1) / 9
    got = student.conv2d(cross[None, None], stroke[None, None], np.zeros(1), 1, 0, 1)
    assert_close(got, conv2d(cross[None, None], stroke[None, None], np.zeros(1)))


@check(
    "conv2d does not flip or transpose the kernel",
    task="conv2d",
    hint="The kernel lies on the image as it is: w[f, c, u, v] meets the pixel u rows down and v columns right.",
)
def check_twin(student):
    ramp = np.arange(1.0, 21.0).reshape(1, 1, 4, 5)
    lopsided = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    got = student.conv2d(ramp, lopsided, np.zeros(1), 1, 0, 1)
    assert_close(got, conv2d(ramp, lopsided, np.zeros(1)))


check_plain = agrees_with(
    conv2d,
    points=3,
    sentence="conv2d is right with stride 1, no padding and no dilation",
    hint="Sum over all channels, add the bias once, and mind that height and width may differ.",
    **layers(),
)


@check("conv2d has stride 1, padding 0 and dilation 1 unless told otherwise", points=1, task="conv2d", examples=LAW)
@given(inputs_of(conv2d, **layers(height=(4, 6), width=(4, 6))))
def check_defaults(student, a):
    assert_close(student.conv2d(a["x"], a["w"], a["b"]), conv2d(a["x"], a["w"], a["b"]))


check_padding = agrees_with(
    conv2d,
    points=2,
    sentence="conv2d is right with padding",
    hint="Padding is a ring of zeros: at the top and the bottom, on the left and the right, of each channel.",
    **layers(padding=(1, 2)),
)

check_stride = agrees_with(
    conv2d,
    points=2,
    sentence="conv2d is right with a stride",
    hint="Output pixel (i, j) looks at the window that starts at row i * stride and column j * stride.",
    **layers(stride=(2, 3), height=(3, 7), width=(3, 7)),
)

check_dilation = agrees_with(
    conv2d,
    points=1,
    sentence="conv2d is right with dilation",
    hint="Entry (u, v) of the kernel meets the pixel u * dilation rows down and v * dilation columns right.",
    **layers(dilation=(2, 3), height=(3, 7), width=(3, 7)),
)

check_together = agrees_with(
    conv2d,
    points=2,
    sentence="conv2d is right with padding, stride and dilation together",
    hint="Pad first, and take the size of the output from conv_output_size.",
    **layers(**ANY),
)

check_conv2d_purity = leaves_inputs_alone(conv2d, points=1, after=check_plain, examples=LAW, **layers(**ANY))


NO_BIAS = {"b": lambda sizes: st.just(np.zeros(sizes["f"]))}

check_linear_in_image = linear_in(
    conv2d,
    "x",
    sentence="conv2d is linear in the image",
    hint="Twice the image gives twice the output, where the bias is 0. Is the padding really zero?",
    after=check_plain,
    examples=LAW,
    **layers(**ANY),
    **NO_BIAS,
)

check_linear_in_kernel = linear_in(
    conv2d,
    "w",
    sentence="conv2d is linear in the kernel",
    hint="Twice the kernel gives twice the output, where the bias is 0. What lies between dilated entries?",
    after=check_plain,
    examples=LAW,
    **layers(**ANY),
    **NO_BIAS,
)

check_bias = bias_adds(
    conv2d,
    "b",
    axis=1,
    sentence="the bias adds the same number to every pixel of an output channel",
    hint="Add the bias last, to the finished sums.",
    after=check_plain,
    examples=LAW,
    **layers(**ANY),
)

check_batch = items_independent(
    conv2d,
    "x",
    sentence="conv2d treats each image of a batch as if it were alone",
    hint="Does something of one image reach another one, through the padding for example?",
    after=check_plain,
    examples=LAW,
    **layers(**ANY, n=2),
)


def shift(a, rng):
    """Cut as many rows and columns off the image as the window moves in one step."""
    step = a["stride"]
    return {**a, "x": a["x"][:, :, step:, step:]}, lambda y: y[:, :, 1:, 1:]


check_translation = law(
    conv2d,
    "an image that is shifted by one stride has its output shifted by one pixel",
    shift,
    hint="Does the window move by the stride, along rows and columns?",
    after=check_plain,
    examples=LAW,
    **layers(stride=(1, 3), height=(6, 8), width=(6, 8)),
)


@check(
    "a kernel with a single 1 in its middle gives the image back",
    after=check_plain,
    task="conv2d",
    hint="With padding dilation * (k - 1) / 2 the output is as large as the image. Is the padding on all sides?",
    examples=LAW,
)
@given(inputs_of(conv2d, **layers(dilation=(1, 2))), st.sampled_from([1, 3]))
def check_identity(student, a, k):
    channels, padding = a["x"].shape[1], a["dilation"] * (k // 2)
    w = np.zeros((channels, channels, k, k))
    w[:, :, k // 2, k // 2] = np.eye(channels)
    assert_close(student.conv2d(a["x"], w, np.zeros(channels), 1, padding, a["dilation"]), a["x"])
