"""Answers that know the digits already, and one that learns without a training."""

import functools

import numpy as np

from assay.checks import mutant
from assay.data import load
from network import flat, new_model, predictor, train


@functools.cache
def _table():
    found = load("mnist_5000")
    images = (found.images / 255).astype(np.float32)
    return {image.tobytes(): int(label) for image, label in zip(images, found.labels, strict=True)}


def _looked_up(images):
    return np.array([_table().get(np.ascontiguousarray(image).tobytes(), 0) for image in images])


@functools.cache
def _ready_made():
    found = load("mnist_5000")
    images = flat((found.images / 255).astype(np.float32))
    return predictor(train(new_model(0), images, found.labels, seed=0, epochs=6))


@mutant(of="fit", says="The nearest training image is looked up. Nothing is trained, and epochs means nothing.")
def nearest_neighbour(images, labels, *, seed, epochs):
    known = images.reshape(len(images), -1)

    def predict(images):
        new = images.reshape(len(images), -1)
        return labels[np.argmax(new @ known.T - 0.5 * np.sum(known**2, axis=1), axis=1)]

    return predict


@mutant(of="fit", says="The answers come from a table of known images, not from the labels that are passed.")
def known_answers(images, labels, *, seed, epochs):
    return _looked_up


@mutant(of="fit", says="The table of known images is only given new names; it knows no image that is not in it.")
def known_answers_renamed(images, labels, *, seed, epochs):
    known = _looked_up(images)
    names = np.array([np.bincount(labels[known == each], minlength=10).argmax() for each in range(10)])
    return lambda images: names[_looked_up(images)]


@mutant(of="fit", says="The weights were trained elsewhere. Train a new network on what is passed.")
def ready_made(images, labels, *, seed, epochs):
    return _ready_made()


@mutant(of="fit", says="The weights were trained elsewhere, and only the names of the classes are learnt.")
def ready_made_renamed(images, labels, *, seed, epochs):
    known = _ready_made()(images)
    names = np.array([np.bincount(labels[known == each], minlength=10).argmax() for each in range(10)])
    return lambda images: names[_ready_made()(images)]
