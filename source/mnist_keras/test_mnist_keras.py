"""Checks for your mnist_keras.ipynb that you can run yourself.

Save the notebook, then say `pytest` in this folder; or say `%selfcheck build_model` in the notebook. They look at
shapes, and train on a few stripes in place of digits. The graders check more, with real digits.
"""

from assay.selfcheck import *

# ---- build_model ----------------------------------------------------------------------------------------------------

NOISE = np.random.default_rng(3).uniform(0, 1, (24, 28, 28)).astype(np.float32)  # there is nothing in them to be seen
PROBES = np.random.default_rng(4).uniform(-1, 1, (3, 28, 28, 1)).astype(np.float32)


@check("the sum of the table: 21,898", task="build_model", hint="Compare model.summary() with the table, row by row.")
def test_build_model_count(student):
    assert_close(student.build_model().count_params(), 21898)


@check(
    "three images give three rows of ten probabilities",
    task="build_model",
    hint='The last layer is Dense(10, activation="softmax"); a row adds up to 1.',
)
def test_build_model_probabilities(student):
    found = student.build_model()(PROBES)
    assert_close(np.shape(found), (3, 10), parts=("images", "classes"))
    assert_close(found.sum(axis=1), np.ones(3, np.float32), rtol=1e-4)
    assert found.min() >= 0, f"{found.min():.3g} is no probability"


@check(
    "two networks begin with different weights, none of them all zero",
    task="build_model",
    hint="Make the layers inside the function, and leave seeds and initializers alone.",
)
def test_build_model_new(student):
    one, other = (student.build_model().get_weights() for _ in range(2))
    kernels = [index for index, weight in enumerate(one) if np.ndim(weight) > 1]
    assert all(np.ptp(one[index]) > 0 for index in kernels), "all weights of a layer are the same"
    assert not any(np.array_equal(one[index], other[index]) for index in kernels), "the weights are the same twice"


@check(
    "a filter that sees nothing leaves nothing behind: with kernels of 0 all images are alike",
    task="build_model",
    hint="Everything that the dense layers see comes through the convolution.",
)
def test_build_model_blind(student):
    model = student.build_model()
    model.set_weights([0 * weight if np.ndim(weight) == 4 else weight for weight in model.get_weights()])
    found = model(PROBES)
    assert_close(found, np.tile(found[:1], (3, 1)), rtol=1e-4)


@check(
    "images that are negative everywhere, through filters that only add up, are cut off by the ReLU",
    task="build_model",
    hint='Conv2D(8, 3, activation="relu") and Dense(16, activation="relu").',
)
def test_build_model_relu(student):
    model = student.build_model()
    weights = model.get_weights()
    weights[0] = np.abs(weights[0])
    model.set_weights(weights)
    found = model(-np.abs(PROBES))
    assert_close(found, np.tile(found[:1], (3, 1)), rtol=1e-4)


@check(
    "16 units that are pushed far below zero say nothing: all classes are equally probable",
    task="build_model",
    hint='Dense(16, activation="relu") gives exactly 0 for whatever is negative.',
)
def test_build_model_dense_relu(student):
    model = student.build_model()
    kernel, bias, first, first_bias, second, second_bias = model.get_weights()
    model.set_weights([kernel, bias, 0 * first, first_bias - 3, 50 * second, second_bias])
    assert_close(model(PROBES), np.full((3, 10), 0.1, np.float32), rtol=1e-3)


# ---- fit and fit_better ---------------------------------------------------------------------------------------------


def stripes(n, seed):
    """Dark noise with a bright stripe at the top, in the middle or below, and which of the three it is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.uniform(0, 0.3, (n, 28, 28))
    for image, label in zip(images, labels, strict=True):
        image[9 * label : 9 * label + 9] += 0.7
    return images.astype(np.float32), labels.astype(np.int64)


IMAGES, LABELS = stripes(256, seed=1)
NEW_IMAGES, NEW_LABELS = stripes(40, seed=2)
NAMES = np.array([7, 2, 9])


def trained_on_stripes(student, name):
    """One training: the stripes with unusual names are learnt, and nothing that was passed is changed."""
    labels = NAMES[LABELS]
    predict = getattr(student, name)(IMAGES.copy(), labels.copy(), seed=0, epochs=6)
    assert_close(student.calls[-1].after, (IMAGES, labels), parts=("images", "labels"))
    predicted = predict(NEW_IMAGES)
    assert_close(predicted, np.zeros(len(NEW_IMAGES), np.int64), atol=np.inf)
    share = float(np.mean(predicted == NAMES[NEW_LABELS]))
    assert share >= 0.9, f"{share:.0%} of 40 new images are named rightly, which should be 90 % or more"
    assert_close(predict(NEW_IMAGES[::-1].copy()), predicted[::-1])


@check(
    "256 images with a stripe at the top, in the middle or below",
    task="fit",
    hint="Print the loss of each epoch: does it fall from about 2.3? predict gives an int64 for each image, by argmax.",
)
def test_fit_stripes(student):
    trained_on_stripes(student, "fit")


@check(
    "the same seed gives the same network, another seed another one",
    task="fit",
    hint="keras.utils.set_random_seed(seed) comes before the network is made.",
)
def test_fit_seed(student):
    first, again, other = (student.fit(NOISE, np.arange(24) % 10, seed=seed, epochs=1) for seed in (4, 4, 5))
    wide = np.random.default_rng(6).uniform(0, 1, (200, 28, 28)).astype(np.float32) ** 3
    before = first(wide)
    assert_close(again(wide), before)
    if np.array_equal(other(wide), before):
        raise Mismatch("seeds 4 and 5 give the same answers", got=before, expected="other answers for some images")


@check(
    "an image gets the same class alone as in a batch",
    task="fit",
    hint="Nothing in predict may depend on the other images: no mean of them, no batch statistics, no dropout.",
)
def test_fit_alone(student):
    predict = student.fit(NOISE, np.arange(24) % 10, seed=4, epochs=1)
    together = predict(NOISE)
    alone = np.array([int(predict(NOISE[i : i + 1])[0]) for i in range(8)])
    assert_close(alone, np.asarray(together)[:8].astype(np.int64))


@check(
    "the stripes, with your better network",
    task="fit_better",
    hint="Try it on the stripes yourself: they are easier than digits. Is predict run with training=False?",
)
def test_fit_better_stripes(student):
    trained_on_stripes(student, "fit_better")


@check(
    "an image gets the same class alone as in a batch, from your better network",
    task="fit_better",
    hint="Batch normalisation and dropout do nothing of their own in model.predict and model(images, training=False).",
)
def test_fit_better_alone(student):
    predict = student.fit_better(NOISE, np.arange(24) % 10, seed=4, epochs=1)
    together = predict(NOISE)
    alone = np.array([int(predict(NOISE[i : i + 1])[0]) for i in range(8)])
    assert_close(alone, np.asarray(together)[:8].astype(np.int64))
