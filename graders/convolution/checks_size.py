"""Hidden checks of conv_output_size."""

from assay.checks import *
from drawing import LAW
from reference import conv_output_size

POSITIONS = {"size": st.integers(1, 40), "kernel": st.integers(1, 7), "padding": st.integers(0, 3)}


def fits_on_axis(a):
    return a["dilation"] * (a["kernel"] - 1) < a["size"] + 2 * a["padding"]


@check("conv_output_size gives the sizes of the examples in the notebook", task="conv_output_size")
def check_size_examples(student):
    assert_close(student.conv_output_size(28, 3), 26)
    assert_close(student.conv_output_size(28, 3, 2, 1), 14)
    assert_close(student.conv_output_size(224, 7, 2, 3), 112)
    assert_close(student.conv_output_size(32, 3, 1, 2, 2), 32)


check_size_padding = agrees_with(
    conv_output_size,
    points=1,
    sentence="conv_output_size is right with and without padding",
    hint="Draw 4 pixels and a kernel of 3 on paper and count its positions. Padding is added on both sides.",
    where=fits_on_axis,
    **POSITIONS,
)

check_size_any = agrees_with(
    conv_output_size,
    points=1.5,
    sentence="conv_output_size is right with stride and dilation",
    hint="How many pixels does the dilated kernel cover? A last step that does not fit is dropped.",
    where=fits_on_axis,
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    **POSITIONS,
)


@check(
    "conv_output_size is an integer",
    points=0.5,
    after=check_size_any,
    task="conv_output_size",
    hint="Divide with //. A size that is a float cannot be used in range() or as the shape of an array.",
)
def check_size_is_integer(student):
    for arguments in ((7, 3), (8, 3, 2), (9, 3, 2, 1, 2)):
        got = student.conv_output_size(*arguments)
        if np.asarray(got).dtype.kind not in "iu":
            raise Mismatch("got a float, expected an integer", got=got, expected=conv_output_size(*arguments))


@check(
    "one more stride of pixels gives one more position",
    after=check_size_padding,
    task="conv_output_size",
    hint="Divide the way that the kernel travels by the stride.",
    examples=LAW,
)
@given(st.integers(7, 20), st.integers(1, 7), st.integers(2, 4), st.integers(0, 2))
def check_size_grows(student, size, kernel, stride, padding):
    before = student.conv_output_size(size, kernel, stride, padding, 1)
    after = student.conv_output_size(size + stride, kernel, stride, padding, 1)
    assert_close(after - before, 1)
