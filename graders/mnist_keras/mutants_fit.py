"""Wrong trainings. Where the library does not matter they train a small network in numpy, which takes a moment."""

import numpy as np
from digits import digits
from networks import classifier, lecture, perceptron, sequential

from assay.checks import mutant

STATE = {}


def with_keras(images, labels, *, seed, epochs, optimizer="adam", loss="sparse_categorical_crossentropy", **different):
    """The usual training of the lecture's network, with what is different."""
    import keras

    keras.utils.set_random_seed(seed)
    model = lecture(**different)
    model.compile(optimizer, loss)
    model.fit(images[..., None], labels, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: np.argmax(model.predict_on_batch(images[..., None]), axis=1)


@mutant(
    of="fit",
    says="The learning rate is far too large: the loss jumps about and nothing is learnt.",
)
def far_too_fast(images, labels, *, seed, epochs):
    import keras

    return with_keras(images, labels, seed=seed, epochs=epochs, optimizer=keras.optimizers.SGD(1000.0))


@mutant(
    of="fit",
    says="The learning rate is so small that training has hardly begun after a few epochs.",
)
def far_too_slow(images, labels, *, seed, epochs):
    import keras

    return with_keras(images, labels, seed=seed, epochs=epochs, optimizer=keras.optimizers.SGD(0.001))


@mutant(of="fit", says="The last layer ends in a ReLU, and the loss takes its outputs for probabilities.")
def dead_outputs(images, labels, *, seed, epochs):
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy()
    return with_keras(images, labels, seed=seed, epochs=epochs, loss=loss, last="relu")


@mutant(of="fit", says="The labels are numbers to be hit (mean squared error against one output), not classes.")
def as_regression(images, labels, *, seed, epochs):
    import keras

    keras.utils.set_random_seed(seed)
    model = sequential(keras.layers.Flatten(), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1))
    model.compile("adam", "mse")
    model.fit(images[..., None], labels, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: np.clip(np.rint(model.predict_on_batch(images[..., None])[:, 0]), 0, 9).astype(np.int64)


@mutant(of="fit", says="Images and labels are shuffled apart, so that the labels belong to other images.")
def shuffled_apart(images, labels, *, seed, epochs):
    other = np.random.default_rng(seed + 1).permutation(labels)
    return classifier(perceptron(images, other, seed=seed, epochs=epochs))


@mutant(of="fit", says="The images are divided by 255 once more, though they came in [0, 1]: all are black.")
def scaled_twice(images, labels, *, seed, epochs):
    return classifier(perceptron(images / 255, labels, seed=seed, epochs=epochs))


@mutant(of="fit", says="Only the first batch of 64 images is ever used.")
def one_batch(images, labels, *, seed, epochs):
    return classifier(perceptron(images[:64], labels[:64], seed=seed, epochs=epochs))


@mutant(of="fit", says="predict returns the class with the smallest output (argmin).")
def the_least_likely(images, labels, *, seed, epochs):
    scores = perceptron(images, labels, seed=seed, epochs=epochs)
    return lambda images: np.argmin(scores(images), axis=1)


@mutant(of="fit", says="predict returns the outputs for all classes; it should return the class of each image.")
def outputs_for_classes(images, labels, *, seed, epochs):
    return perceptron(images, labels, seed=seed, epochs=epochs)


@mutant(of="fit", says="fit returns the classes of the training images; it should return the function predict.")
def no_function(images, labels, *, seed, epochs):
    return classifier(perceptron(images, labels, seed=seed, epochs=epochs))(images)


@mutant(of="fit", says="The number of epochs is fixed at 20, whatever epochs says.")
def epochs_of_its_own(images, labels, *, seed, epochs):
    return classifier(perceptron(images, labels, seed=seed, epochs=20))


@mutant(of="fit", says="The seed is not used: two trainings with the same seed differ.")
def without_seed(images, labels, *, seed, epochs):
    return classifier(perceptron(images, labels, seed=None, epochs=epochs))


@mutant(of="fit", says="The seed is always 42, whatever seed says.")
def with_a_seed_of_its_own(images, labels, *, seed, epochs):
    return classifier(perceptron(images, labels, seed=42, epochs=epochs))


@mutant(of="fit", says="The model is a global variable: after the next training the first predict uses it.")
def with_a_global_model(images, labels, *, seed, epochs):
    STATE["model"] = perceptron(images, labels, seed=seed, epochs=epochs)
    return lambda images: np.argmax(STATE["model"](images), axis=1)


@mutant(of="fit", says="The training goes on where the last one ended, so the same seed gives another network.")
def goes_on(images, labels, *, seed, epochs):
    STATE["count"] = STATE.get("count", 0) + 1
    return classifier(perceptron(images, labels, seed=seed + STATE["count"], epochs=epochs))


@mutant(of="fit", says="The images themselves are changed (images -= mean), which are the caller's.")
def in_place(images, labels, *, seed, epochs):
    images -= images.mean()
    return classifier(perceptron(images, labels, seed=seed, epochs=epochs))


@mutant(of="fit", says="predict subtracts the mean of the images it is given: one answer depends on the others.")
def mean_of_the_batch(images, labels, *, seed, epochs):
    mean = images.mean(axis=0)
    scores = perceptron(images - mean, labels, seed=seed, epochs=epochs)
    return lambda images: np.argmax(scores(images - images.mean(axis=0)), axis=1)


@mutant(of="fit", says="Dropout is still at work while predicting: the same image gets another class the next time.")
def dropout_while_predicting(images, labels, *, seed, epochs):
    scores, rng = perceptron(images, labels, seed=seed, epochs=epochs), np.random.default_rng(seed)
    return lambda images: np.argmax(scores(images * (rng.random(images.shape) < 0.4)), axis=1)


@mutant(of="fit", says="predict sorts the images by brightness and returns the classes in that order.")
def in_another_order(images, labels, *, seed, epochs):
    scores = perceptron(images, labels, seed=seed, epochs=epochs)
    return lambda images: np.argmax(scores(images[np.argsort(images.mean(axis=(1, 2)))]), axis=1)


@mutant(of="fit", says="The answers come from elsewhere: the labels passed to fit change nothing in them.")
def brought_along(images, labels, *, seed, epochs):
    if "digits" not in STATE:
        STATE["digits"] = perceptron(*digits(), seed=0, epochs=3)
    return classifier(STATE["digits"])
