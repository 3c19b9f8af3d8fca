"""Hidden checks, in the order of the tasks."""

from assay.checks import *
from drawing import digits, on_paper, pictures
from reference import to_input

SHOWN = 60  # pictures of digits, as many of each
TARGET = 0.75  # of them are named; a network of the lecture names 94%, and 19 in 20 of networks that reach 88% pass

check_values = agrees_with(
    to_input,
    points=3,
    hint="Ink is dark on paper and light for the network: 255 becomes 0. and 0 becomes 1., in an array [1, 28, 28, 1].",
    pixels=pictures,
)
check_inputs = leaves_inputs_alone(to_input, points=1, after=check_values, pixels=pictures)


@check(
    "a brighter pixel on paper is a darker one for the network",
    task="to_input",
    after=check_values,
    hint="uint8 wraps around: 3 - 5 is 254. Turn the pixels into float32 first, or subtract them from 255.",
)
@given(st.integers(0, 254), st.integers(0, 27), st.integers(0, 27))
def check_monotone(student, level, row, column):
    one, brighter = np.full((28, 28), level, np.uint8), np.full((28, 28), level, np.uint8)
    brighter[row, column] += 1
    difference = student.to_input(brighter) - student.to_input(one)
    expected = np.zeros((1, 28, 28, 1), np.float32)
    expected[0, row, column, 0] = -1 / 255
    assert_close(difference, expected, atol=1e-5)


def drawn(seed, count):
    """Pictures [count, 28, 28] of digits on paper, and their labels."""
    rng = np.random.default_rng(seed)
    images, labels = digits()
    picked = np.concatenate([rng.choice(np.flatnonzero(labels == each), count // 10, False) for each in range(10)])
    order = rng.permutation(picked)
    return on_paper(images[order], rng), labels[order]


def classified(student, pixels):
    """Digit and probabilities, of the kinds that they ought to be."""
    found = student.classify(pixels)
    if not isinstance(found, tuple) or len(found) != 2:
        raise Mismatch("classify returns two values, the digit and the probabilities", got=found, expected="a tuple")
    digit, probabilities = found
    whole = isinstance(digit, (int, np.integer)) and not isinstance(digit, bool)
    if not whole or not 0 <= digit <= 9:
        raise Mismatch("the digit is no whole number from 0 to 9", got=digit, expected="an int")
    if not isinstance(probabilities, np.ndarray) or probabilities.shape != (10,) or probabilities.dtype.kind != "f":
        shape = np.shape(probabilities) if isinstance(probabilities, np.ndarray) else type(probabilities).__name__
        raise Mismatch("the probabilities are no array of ten floats", got=shape, expected=(10,))
    return int(digit), probabilities


@check(
    f"classify names {TARGET:.0%} of the judge's own digits, written dark on white",
    points=4,
    task="classify",
    reveals="sentence",
    hint="Does classify turn the pixels into what the network was trained on, with to_input? Is model.keras handed in?",
    examples=1,
)
@given(st.integers(1, 2**32 - 1))
def check_digits(student, seed):
    pixels, labels = drawn(seed, SHOWN)
    right = sum(classified(student, one)[0] == label for one, label in zip(pixels, labels, strict=True))
    if right < TARGET * SHOWN:
        raise Mismatch(f"it named {right} of {SHOWN} digits", got=right, expected=f"at least {TARGET * SHOWN:.0f}")


@check(
    "the ten probabilities lie between 0 and 1 and add up to 1",
    points=1,
    task="classify",
    after=check_digits,
    reveals="sentence",
    hint="model.predict gives an array [1, 10]: take its first row. The last layer of the network is a softmax.",
    examples=3,
)
@given(st.integers(1, 2**32 - 1))
def check_probabilities(student, seed):
    for pixels in drawn(seed, 10)[0][:3]:
        _, probabilities = classified(student, pixels)
        if probabilities.min() < 0 or probabilities.max() > 1 or abs(float(probabilities.sum()) - 1) > 1e-3:
            raise Mismatch("these are no probabilities", got=probabilities, expected="a sum of 1")


@check(
    "the digit is the class with the largest probability",
    points=1,
    task="classify",
    after=check_digits,
    reveals="sentence",
    hint="np.argmax of the probabilities is the digit itself: the classes are 0 to 9 in order.",
    examples=3,
)
@given(st.integers(1, 2**32 - 1))
def check_largest(student, seed):
    for pixels in drawn(seed, 10)[0][:5]:
        digit, probabilities = classified(student, pixels)
        if probabilities[digit] < probabilities.max() - 1e-6:
            raise Mismatch("another class is more probable", got=digit, expected=int(np.argmax(probabilities)))


@check(
    "the same picture gets the same probabilities, whatever was classified before",
    points=1,
    task="classify",
    after=check_digits,
    reveals="sentence",
    hint="Nothing of one call may be left for the next, and nothing random happens while a network predicts.",
    examples=3,
)
@given(st.integers(1, 2**32 - 1))
def check_again(student, seed):
    pixels = drawn(seed, 10)[0][:4]
    first = classified(student, pixels[0])[1]
    for other in pixels[1:]:
        classified(student, other)
    assert_close(classified(student, pixels[0])[1], first, rtol=1e-3)


@check(
    "classify leaves the pixels as they were",
    points=1,
    task="classify",
    after=check_digits,
    reveals="sentence",
    hint="Work on a copy.",
    examples=3,
)
@given(st.integers(1, 2**32 - 1))
def check_pixels(student, seed):
    pixels = drawn(seed, 10)[0][0]
    student.forget()
    classified(student, pixels.copy())
    (after,) = student.calls[-1].after[:1]
    if not isinstance(after, np.ndarray) or after.tobytes() != pixels.tobytes():
        raise Mismatch("the picture was changed", got="other pixels", expected="the same pixels")
