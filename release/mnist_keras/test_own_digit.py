"""Checks for your own_digit.ipynb that you can run yourself.

Save the notebook, then say `pytest test_own_digit.py` in this folder; or say `%selfcheck to_input` in the notebook. For
`classify` the file model.keras has to lie here: mnist_keras.ipynb saves it at its end. The graders check more.
"""

from assay.selfcheck import *

# ---- What goes in and what comes out. The bodies are yours, in the notebook. ----------------------------------------

Pixels = st.integers(0, 999).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (28, 28)).astype(np.uint8))


def to_input(pixels: Pixels) -> Float32["one 28 28 channel"]: ...


# ---- to_input -------------------------------------------------------------------------------------------------------


@check("white paper becomes 0 and full ink becomes 1", task="to_input", hint="Paper is 255 and ink 0: turn it over.")
def test_to_input_extremes(student):
    pixels = np.full((28, 28), 255, np.uint8)
    pixels[5, 9] = 0
    expected = np.zeros((1, 28, 28, 1), np.float32)
    expected[0, 5, 9, 0] = 1.0
    assert_close(student.to_input(pixels), expected)


@check("grey becomes what lies between", task="to_input", hint="204 is a fifth of the way from paper to ink.")
def test_to_input_grey(student):
    found = student.to_input(np.full((28, 28), 204, np.uint8))
    assert_close(found, np.full((1, 28, 28, 1), 0.2, np.float32))


@check("float32 with the axes image, row, column, channel", task="to_input", hint="reshape(1, 28, 28, 1)")
@given(inputs_of(to_input))
def test_to_input_shape(student, a):
    assert_close(call(student, to_input, a), np.zeros((1, 28, 28, 1), np.float32), atol=np.inf)


test_to_input_turned = law(
    to_input,
    "a negative of the picture gives 1 minus what the picture gives",
    lambda a, rng: ({"pixels": 255 - a["pixels"]}, lambda found: 1 - found),
    hint="Convert to float32 first: whole numbers of 8 bits wrap around.",
)

test_to_input_mirrored = law(
    to_input,
    "an upside-down picture stays upside down",
    lambda a, rng: ({"pixels": a["pixels"][::-1].copy()}, lambda found: found[:, ::-1]),
    hint="Rows stay rows. A transposed digit is another sign.",
)

test_to_input_inputs = leaves_inputs_alone(
    to_input, sentence="the pixels are still the same afterwards", hint="pixels[...] = ... writes into your picture."
)

# ---- classify -------------------------------------------------------------------------------------------------------

BAR = np.full((28, 28), 255, np.uint8)
BAR[5:23, 13:16] = 10  # as most people write a 1


@check(
    "a digit and ten probabilities come out",
    task="classify",
    hint="return int(digit), probabilities[0]: the model gives a row for each image of the batch.",
)
def test_classify_kinds(student):
    digit, probabilities = student.classify(BAR)
    assert_close(digit, 0, atol=np.inf)  # a single number
    assert_close(np.shape(probabilities), (10,), parts=("probabilities",))
    assert probabilities.min() >= 0, f"{probabilities.min():.3g} is no probability"
    assert_close(float(probabilities.sum()), 1.0, rtol=1e-4)


@check("the digit is the most probable one", task="classify", hint="np.argmax counts from 0, as the digits do.")
def test_classify_digit(student):
    digit, probabilities = student.classify(BAR)
    assert_close(digit, int(np.argmax(probabilities)))


@check("an upright bar is read as a 1", task="classify", hint="Does the model get to_input(pixels)?")
def test_classify_bar(student):
    digit, _ = student.classify(BAR)
    assert_close(digit, 1)


@check("a bar that lies is no 1", task="classify", hint="Rows stay rows, on the way to the model too.")
def test_classify_lying(student):
    digit, _ = student.classify(np.ascontiguousarray(BAR.T))
    assert digit != 1, "a lying bar is read as a 1"


@check(
    "the same picture gets the same answer later, and is not changed",
    task="classify",
    hint="Keep nothing but the model.",
)
def test_classify_twice(student):
    first = student.classify(BAR.copy())
    assert_close(student.calls[-1].after[0], BAR)
    student.classify(255 - BAR)
    assert_close(tuple(student.classify(BAR.copy())), tuple(first), rtol=1e-4, parts=("digit", "probabilities"))
