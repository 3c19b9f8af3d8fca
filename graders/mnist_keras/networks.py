"""Networks of right and wrong answers, in as few lines as they take."""

import numpy as np


def sequential(*layers, shape=(28, 28, 1)):
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def lecture(
    *, filters=8, kernel=3, first="relu", pooling="MaxPooling2D", units=16, second="relu", last="softmax",
    dense=None, shape=(28, 28, 1), **convolution,
):  # fmt: skip
    """The network of the lecture, with what is different."""
    from keras import layers

    pools = [] if pooling is None else [getattr(layers, pooling)(2)]
    return sequential(
        layers.Conv2D(filters, kernel, activation=first, **convolution),
        *pools,
        layers.Flatten(),
        layers.Dense(units, activation=second, **(dense or {})),
        layers.Dense(10, activation=last),
        shape=shape,
    )


def perceptron(images, labels, *, seed, epochs, hidden=64, rate=0.15, size=25, order=True, targets=None):
    """A network with one hidden layer, in numpy: a function from images to scores [m, 10]."""
    rng = np.random.default_rng(seed)
    x = images.reshape(len(images), -1).astype(np.float64)
    targets = np.eye(10)[labels] if targets is None else targets
    first, second = rng.normal(0, 0.05, (x.shape[1], hidden)), rng.normal(0, 0.1, (hidden, 10))
    for _ in range(epochs):
        numbers = rng.permutation(len(x)) if order else np.arange(len(x))
        for start in range(0, len(x), size):
            batch = numbers[start : start + size]
            inside = np.maximum(x[batch] @ first, 0)
            scores = inside @ second
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            wrong = (scores / scores.sum(axis=1, keepdims=True) - targets[batch]) / len(batch)
            back = wrong @ second.T * (inside > 0)
            second -= rate * inside.T @ wrong
            first -= rate * x[batch].T @ back
    return lambda images: np.maximum(images.reshape(len(images), -1) @ first, 0) @ second


def classifier(scores):
    """predict from a function that gives scores."""
    return lambda images: np.argmax(scores(images), axis=1)
