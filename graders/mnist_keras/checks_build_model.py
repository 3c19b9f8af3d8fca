"""Hidden checks of build_model: the network is asked for its weights and its outputs, however it was written."""

from assay.checks import *

SHAPES = [(3, 3, 1, 8), (8,), (13 * 13 * 8, 16), (16,), (16, 10), (10,)]
PARAMETERS = 21_898
MODEL = {"task": "build_model"}


def forward(weights, images):
    """Probabilities [n, 10] of the network of the lecture for images [n, 28, 28, 1]; all float32."""
    kernel, bias, first, first_bias, second, second_bias = weights
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (3, 3), axis=(1, 2))
    maps = np.maximum(np.einsum("nijuv,uvf->nijf", windows, kernel[:, :, 0]) + bias, 0)
    pooled = maps.reshape(len(maps), 13, 2, 13, 2, 8).max(axis=(2, 4))
    hidden = np.maximum(pooled.reshape(len(pooled), -1) @ first + first_bias, 0)
    scores = hidden @ second + second_bias
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def drawn_weights(rng):
    """Weights with which no part of the network is without effect."""
    scales = (0.3, 0.1, 0.03, 0.1, 0.5, 0.3)
    return [rng.normal(0, scale, shape).astype(np.float32) for scale, shape in zip(scales, SHAPES, strict=True)]


def drawn_images(rng, n):
    return rng.random((n, 28, 28, 1), dtype=np.float32)


@check(
    "build_model has 21,898 parameters",
    points=1,
    hint="80 of the convolution (9 weights and a bias for each of 8 filters), 13 * 13 * 8 * 16 + 16 and 16 * 10 + 10.",
    **MODEL,
)
def check_count(student):
    count = student.build_model().count_params()
    if not isinstance(count, int) or count != PARAMETERS:
        raise Mismatch("another number of parameters", got=count, expected=PARAMETERS)


@check(
    "the parameters of build_model are those of the lecture: 8 filters, 16 dense, 10 classes",
    points=1,
    after=check_count,
    hint="Compare model.summary() with the table above the task.",
    **MODEL,
)
def check_shapes(student):
    weights = student.build_model().get_weights()
    shapes = [np.shape(weight) for weight in weights] if isinstance(weights, list) else weights
    if shapes != SHAPES:
        raise Mismatch("weights of other shapes", got=shapes, expected=SHAPES)


@check(
    "build_model computes convolution, ReLU, max pooling, dense, ReLU, dense and softmax, in this order",
    points=3,
    after=check_shapes,
    hint="Which activation has each layer? The last one is a softmax; max pooling takes the largest of 2 x 2.",
    examples=4,
    **MODEL,
)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def check_values(student, seed, n):
    rng = np.random.default_rng(seed)
    weights, images = drawn_weights(rng), drawn_images(rng, n)
    model = student.build_model()
    model.set_weights(weights)
    assert_close(model(images), forward(weights, images), rtol=1e-3)


@check(
    "the outputs of build_model are probabilities",
    after=check_shapes,
    hint='The last layer needs activation="softmax".',
    examples=3,
    **MODEL,
)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def check_probabilities(student, seed, n):
    rng = np.random.default_rng(seed)
    model = student.build_model()
    model.set_weights(drawn_weights(rng))
    found = model(drawn_images(rng, n))
    assert_close(found.sum(axis=1), np.ones(n, np.float32), rtol=1e-3)
    if found.min() < 0:
        raise Mismatch("a probability below 0", got=found.min(), expected="at least 0")


@check(
    "an image gets the same probabilities alone and in a batch",
    after=check_shapes,
    hint="The softmax runs over the classes, axis -1, not over the images.",
    examples=3,
    **MODEL,
)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def check_alone_or_together(student, seed, n):
    rng = np.random.default_rng(seed)
    images = drawn_images(rng, n)
    model = student.build_model()
    model.set_weights(drawn_weights(rng))
    together = model(images)
    alone = np.concatenate([model(images[i : i + 1]) for i in range(n)])
    assert_close(alone, together, rtol=1e-3)


@check(
    "every call of build_model gives a new network, with random weights of its own",
    points=0.5,
    after=check_values,
    hint="Make all layers inside the function, and leave the seed to whoever trains the network.",
    **MODEL,
)
def check_fresh(student):
    one, other = student.build_model(), student.build_model()
    kernels = [part.get_weights()[0] for part in (one, other)]
    if min(float(np.std(kernel)) for kernel in kernels) < 1e-3 or np.array_equal(*kernels):
        raise Mismatch("two networks begin with the same weights, or with none", got=kernels[1], expected="others")
    one.set_weights(drawn_weights(np.random.default_rng(0)))
    assert_close(other.get_weights()[0], kernels[1])


@check(
    "all weights of build_model can be trained",
    points=0.5,
    after=check_values,
    hint="Leave trainable as it is.",
    **MODEL,
)
def check_trainable(student):
    shapes = [np.shape(weight) for weight in student.build_model().trainable_variables]
    if shapes != SHAPES:
        raise Mismatch("other trainable weights", got=shapes, expected=SHAPES)
