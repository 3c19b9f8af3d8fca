"""Checks for your mnist_torch.ipynb that you can run yourself.

Save the notebook, then say `pytest` in this folder; or say `%selfcheck minibatches` in the notebook. They try worked
examples, shapes, laws, and training on a few stripes in place of digits. The graders check more, with real digits.
"""

from assay.selfcheck import *

# ---- What goes in and what comes out. The bodies are yours, in the notebook. ----------------------------------------

Count = st.integers(1, 12)
Seed = st.integers(0, 99)


def minibatches(n: Count, size: Count, seed: Seed) -> list: ...


def cross_entropy(logits: Float["n k"], labels: Labels["n", "k"]) -> float: ...


BATCH = {"n": (1, 3), "k": (2, 4)}

# ---- minibatches ----------------------------------------------------------------------------------------------------


@check("ten numbers in batches of 4, 4 and 2", task="minibatches", hint="The last batch takes what is left over.")
def test_minibatches_sizes(student):
    batches = student.minibatches(10, 4, 1)
    assert_close([len(batch) for batch in batches], [4, 4, 2])


@check(
    "each number from 0 to n - 1 is in exactly one batch",
    task="minibatches",
    hint="Shuffle all the numbers once, then cut. Draw each batch by itself, and some numbers come twice.",
)
@given(inputs_of(minibatches))
def test_minibatches_each_once(student, a):
    batches = call(student, minibatches, a)
    numbers = np.sort(np.concatenate([np.atleast_1d(batch) for batch in batches]))
    assert_close(numbers.astype(np.int64), np.arange(a["n"]))


@check(
    "all batches are full but for the last, and none is empty",
    task="minibatches",
    hint="range(0, n, size) gives the places where a batch begins.",
)
@given(inputs_of(minibatches))
def test_minibatches_full(student, a):
    sizes = [len(batch) for batch in call(student, minibatches, a)]
    assert_close(sizes[:-1], [a["size"]] * (len(sizes) - 1))
    assert 1 <= sizes[-1] <= a["size"], f"the last batch has {sizes[-1]} numbers, and size is {a['size']}"


@check(
    "a batch is an int64 array with one axis", task="minibatches", hint="Batches are used as indices: images[batch]."
)
def test_minibatches_kind(student):
    for batch in student.minibatches(5, 2, 0):
        assert_close(batch, np.zeros(len(batch), np.int64), atol=np.inf)


@check(
    "seed 3 shuffles twice in the same way, and otherwise than seed 4",
    task="minibatches",
    hint="np.random.default_rng(seed) makes numbers that follow from seed, whatever has been drawn before.",
)
def test_minibatches_seed(student):
    first, again, other = ([list(batch) for batch in student.minibatches(40, 8, seed)] for seed in (3, 3, 4))
    assert first == again, "the same seed gave other batches"
    assert first != other, "another seed gave the same batches"


@check(
    "who is in the first batch is a matter of chance", task="minibatches", hint="Shuffle first, all of them, then cut."
)
def test_minibatches_first(student):
    firsts = [list(student.minibatches(40, 8, seed)[0]) for seed in range(10)]
    assert len({first[0] for first in firsts}) > 1, f"with ten seeds, the first number is always {firsts[0][0]}"
    assert len({tuple(sorted(first)) for first in firsts}) > 1, f"with ten seeds, always the same: {sorted(firsts[0])}"


# ---- cross_entropy --------------------------------------------------------------------------------------------------


@check("knows nothing: ten equal logits", task="cross_entropy", hint="The loss is ln 10 = 2.302585...")
def test_cross_entropy_nothing(student):
    assert_close(student.cross_entropy(np.zeros((3, 10)), np.array([7, 0, 2])), np.log(10))


@check(
    "right and not sure: logits ln 3 and 0", task="cross_entropy", hint="The probability is 3/4: -ln(3/4) = ln(4/3)."
)
def test_cross_entropy_not_sure(student):
    assert_close(student.cross_entropy(np.array([[np.log(3.0), 0.0]]), np.array([0])), np.log(4 / 3))


@check(
    "two images of different classes", task="cross_entropy", hint="The mean of ln(4/3) and ln 2: logits[i, labels[i]]."
)
def test_cross_entropy_two(student):
    got = student.cross_entropy(np.array([[np.log(3.0), 0.0], [0.0, 0.0]]), np.array([0, 1]))
    assert_close(got, (np.log(4 / 3) + np.log(2)) / 2)


@check("wrong and sure: logits 1000 and 0", task="cross_entropy", hint="Take the largest logit of each row off first.")
def test_cross_entropy_sure(student):
    assert_close(student.cross_entropy(np.array([[1000.0, 0.0]]), np.array([1])), 1000.0)


@check("a single number comes out", task="cross_entropy", hint="A mean over the images, not one loss for each.")
@given(inputs_of(cross_entropy, sizes=BATCH))
def test_cross_entropy_number(student, a):
    assert_close(call(student, cross_entropy, a), 0.0, atol=np.inf)


def rows_shifted(a, rng):
    shift = 500.0 * np.arange(1, len(a["logits"]) + 1)[:, None]
    return a | {"logits": a["logits"] - shift}, lambda loss: loss


test_cross_entropy_shift = law(
    cross_entropy,
    "taking the same number from all logits of an image changes nothing",
    rows_shifted,
    hint="Take the largest logit of each row off first, not that of the whole batch.",
    sizes=BATCH,
)


def images_twice(a, rng):
    return {name: np.concatenate([value, value]) for name, value in a.items()}, lambda loss: loss


test_cross_entropy_twice = law(
    cross_entropy,
    "each image twice makes the same mean",
    images_twice,
    hint="Divide by the number of images.",
    sizes=BATCH,
)


test_cross_entropy_inputs = leaves_inputs_alone(
    cross_entropy,
    sentence="logits and labels are still the same afterwards",
    hint="logits -= ... writes into the array that you were given.",
    sizes=BATCH,
)

# ---- fit ------------------------------------------------------------------------------------------------------------


def stripes(n, seed):
    """Images that a network learns in no time: dark noise with a bright stripe at the top, in the middle or below."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.uniform(0, 0.3, (n, 28, 28))
    for image, label in zip(images, labels, strict=True):
        image[9 * label : 9 * label + 9] += 0.7
    return images.astype(np.float32), labels.astype(np.int64)


IMAGES, LABELS = stripes(60, seed=1)
NEW_IMAGES, NEW_LABELS = stripes(40, seed=2)
EPOCHS = 12
NOISE = np.random.default_rng(3).uniform(0, 1, (24, 28, 28)).astype(np.float32)  # there is nothing in them to be seen
NAMES = np.arange(24) % 10


def right(predicted, labels):
    """Share of right answers. Raises Mismatch where there is not one answer for each image."""
    assert_close(np.shape(predicted), np.shape(labels))
    return float(np.mean(np.asarray(predicted) == labels))


@check(
    "60 images with a stripe at the top, in the middle or at the bottom",
    task="fit",
    hint="Print the loss of each epoch. Does it fall from about 2.3? zero_grad, backward and step, for each batch.",
)
def test_fit_stripes(student):
    predict = student.fit(IMAGES, LABELS, seed=0, epochs=EPOCHS)
    share = right(predict(NEW_IMAGES), NEW_LABELS)
    assert share >= 0.9, f"{share:.0%} of 40 new images are right, which should be 90 % or more"


@check(
    "the stripes with other names for them",
    task="fit",
    hint="What is known afterwards has to come from the images and labels of this call. Is there one output a digit?",
)
def test_fit_other_names(student):
    names = np.array([7, 2, 9])
    predict = student.fit(IMAGES, names[LABELS], seed=0, epochs=EPOCHS)
    share = right(predict(NEW_IMAGES), names[NEW_LABELS])
    assert share >= 0.9, f"{share:.0%} of 40 new images are right, which should be 90 % or more"


@check(
    "noise can be learnt by heart in 150 epochs, and one epoch is less than 150",
    task="fit",
    hint="Two loops: `epochs` times through all the batches. The loss takes logits, so no softmax comes before it.",
)
def test_fit_by_heart(student):
    once, often = (student.fit(NOISE, NAMES, seed=0, epochs=epochs) for epochs in (1, 150))
    share = right(often(NOISE), NAMES)
    assert share >= 0.9, f"after 150 epochs {share:.0%} of the training images are known, which should be 90 % or more"
    assert not np.array_equal(once(1 - NOISE), often(1 - NOISE)), "150 epochs give the same network as one"


@check("predict gives an integer for each image", task="fit", hint="argmax over the ten logits: dim=1.")
def test_fit_shape(student):
    predicted = student.fit(IMAGES, LABELS, seed=0, epochs=1)(NEW_IMAGES)
    assert_close(predicted, np.zeros(len(NEW_IMAGES), np.int64), atol=np.inf)


@check(
    "an image gets the same class alone as in a batch, and again later",
    task="fit",
    hint="Layers such as Dropout and BatchNorm have to know that training is over: model.eval().",
)
def test_fit_alone(student):
    predict = student.fit(NOISE, NAMES, seed=0, epochs=1)
    together = predict(NOISE)
    assert_close(predict(NOISE), together)
    alone = [int(predict(NOISE[i : i + 1])[0]) for i in range(12)]
    assert_close(np.array(alone), np.asarray(together)[:12].astype(np.int64))


@check(
    "the same seed gives the same network, another seed another one",
    task="fit",
    hint="torch.manual_seed(seed) comes before the layers are made. Do your batches follow from seed, too?",
)
def test_fit_seed(student):
    first, again, other = (student.fit(NOISE, NAMES, seed=seed, epochs=1)(NOISE) for seed in (4, 4, 5))
    assert_close(again, first)
    if np.array_equal(other, first):
        raise Mismatch(
            "seeds 4 and 5 give the same answers", got=other, expected="other answers for some of the images"
        )


@check(
    "a second call of fit does not change what the first one gave",
    task="fit",
    hint="Make the layers inside fit, and let predict use those.",
)
def test_fit_twice(student):
    predict = student.fit(NOISE, NAMES, seed=0, epochs=1)
    before = predict(NOISE)
    student.fit(NOISE, 9 - NAMES, seed=1, epochs=1)
    assert_close(predict(NOISE), before)


@check(
    "images and labels are still the same afterwards",
    task="fit",
    hint="torch.from_numpy shares its memory with the array; torch.tensor copies it.",
)
def test_fit_inputs(student):
    student.fit(IMAGES.copy(), LABELS.copy(), seed=0, epochs=1)
    assert_close(student.calls[-1].after, (IMAGES, LABELS), parts=("images", "labels"))
