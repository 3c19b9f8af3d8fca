"""Networks that are no better than the lecture's, and better ones with a mistake."""

import numpy as np
from digits import digits
from networks import classifier, lecture, perceptron, sequential
from reference import fit as fit_lecture
from reference import fit_better, trained

from assay.checks import mutant

STATE = {}


@mutant(of="fit_better", says="This is the network of the lecture, trained as before.")
def the_same_again(images, labels, *, seed, epochs):
    return fit_lecture(images, labels, seed=seed, epochs=epochs)


@mutant(
    of="fit_better",
    says="Only dense layers: every pixel has weights of its own, which takes more images.",
)
def only_dense(images, labels, *, seed, epochs):
    return classifier(perceptron(images, labels, seed=seed, epochs=epochs, hidden=128))


@mutant(of="fit_better", says="A single dense layer is a linear classifier.")
def linear(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    model = sequential(keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax"))
    return trained(model, images, labels, seed=seed, epochs=epochs, rate=0.005)


@mutant(of="fit_better", says="A wide layer without activation adds nothing to a linear classifier.")
def deep_and_linear(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    dense = keras.layers.Dense
    model = sequential(keras.layers.Flatten(), dense(64), dense(64), dense(10, activation="softmax"))
    return trained(model, images, labels, seed=seed, epochs=epochs, rate=0.003)


@mutant(of="fit_better", says="Fewer filters than the lecture has make no better network.")
def smaller(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    return trained(lecture(filters=2), images, labels, seed=seed, epochs=epochs, rate=0.005)


@mutant(
    of="fit_better",
    says="Sigmoid layers learn slowly: their slope is at most a quarter, and they saturate.",
)
def saturated(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    return trained(lecture(first="sigmoid", second="sigmoid"), images, labels, seed=seed, epochs=epochs, rate=0.005)


@mutant(of="fit_better", says="Only a fifth of the images is used for training; the rest is never looked at.")
def held_back(images, labels, *, seed, epochs):
    few = len(images) // 5
    return fit_lecture(images[:few], labels[:few], seed=seed, epochs=epochs)


@mutant(of="fit_better", says="One epoch is trained, whatever epochs says.")
def one_epoch(images, labels, *, seed, epochs):
    return fit_lecture(images, labels, seed=seed, epochs=1)


@mutant(of="fit_better", says="A dropout of 0.9 leaves the dense layer next to nothing to learn from.")
def with_too_much_dropout(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    convolution = (layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten())
    model = sequential(*convolution, layers.Dropout(0.9), layers.Dense(10, activation="softmax"))
    return trained(model, images, labels, seed=seed, epochs=epochs, rate=0.002)


@mutant(of="fit_better", says="The images are pooled to 7 x 7 before anything looks at them; the strokes are lost.")
def too_coarse(images, labels, *, seed, epochs):
    def pooled(images):
        return images.reshape(len(images), 7, 4, 7, 4).mean(axis=(2, 4))

    scores = perceptron(pooled(images), labels, seed=seed, epochs=epochs)
    return lambda images: np.argmax(scores(pooled(images)), axis=1)


@mutant(of="fit_better", says="The images are cut into black and white, and mirrored for training only.")
def mirrored_for_training(images, labels, *, seed, epochs):
    return classifier(perceptron((images[:, :, ::-1] > 0.5).astype(np.float32), labels, seed=seed, epochs=epochs))


@mutant(of="fit_better", says="The learning rate is so small that the network stays near where it began.")
def too_slow(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    return trained(lecture(filters=16, units=64), images, labels, seed=seed, epochs=epochs, rate=0.00005)


@mutant(
    of="fit_better",
    says="predict subtracts the mean of the images it is given: one answer depends on the others.",
)
def normalised_by_the_batch(images, labels, *, seed, epochs):
    predict = fit_better(images - images.mean(), labels, seed=seed, epochs=epochs)
    return lambda images: predict(images - np.mean(images, axis=0))


@mutant(of="fit_better", says="The answers were brought along; the labels passed to fit_better change nothing in them.")
def brought_along_again(images, labels, *, seed, epochs):
    if "digits" not in STATE:
        STATE["digits"] = perceptron(*digits(), seed=0, epochs=3)
    return classifier(STATE["digits"])
