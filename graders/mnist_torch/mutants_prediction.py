"""Wrong answers to fit: mistakes of the prediction, and of what is left over between two trainings."""

import numpy as np

from assay.checks import mutant
from network import flat, logits_of, new_model, predictor, train

_LEFT = {}


def _trained(images, labels, seed, epochs, **model):
    return train(new_model(seed, **model), flat(images), labels, seed=seed, epochs=epochs)


@mutant(of="fit", says="Dropout is still at work when you predict. Call model.eval() after the training.")
def dropout_left_on(images, labels, *, seed, epochs):
    import torch

    return predictor(_trained(images, labels, seed, epochs, between=(lambda: torch.nn.Dropout(0.3),)))


@mutant(of="fit", says="Batch normalisation still takes the mean of the batch when you predict. Call model.eval().")
def batch_norm_left_training(images, labels, *, seed, epochs):
    import torch

    return predictor(_trained(images, labels, seed, epochs, between=(lambda: torch.nn.BatchNorm1d(100),)))


@mutant(
    of="fit", says="The images to predict are normalised by their own mean and deviation. Use those of the training."
)
def normalised_by_the_batch(images, labels, *, seed, epochs):
    def normal(images):
        return (images - images.mean(axis=0)) / (images.std(axis=0) + 0.1)

    model = _trained(normal(images), labels, seed, epochs)
    return lambda images: logits_of(model, normal(images)).argmax(axis=1)


@mutant(of="fit", says="predict returns the logits; the class is the place of the largest one.")
def returns_logits(images, labels, *, seed, epochs):
    model = _trained(images, labels, seed, epochs)
    return lambda images: logits_of(model, images)


@mutant(of="fit", says="predict returns the largest logit itself (max), not its place (argmax).")
def returns_largest_logit(images, labels, *, seed, epochs):
    model = _trained(images, labels, seed, epochs)
    return lambda images: logits_of(model, images).max(axis=1)


@mutant(of="fit", says="The classes are floats; return whole numbers.")
def float_classes(images, labels, *, seed, epochs):
    predict = predictor(_trained(images, labels, seed, epochs))
    return lambda images: predict(images).astype(np.float32)


@mutant(of="fit", says="The classes have the shape [m, 1]. Without keepdim=True they have the shape [m].")
def column_of_classes(images, labels, *, seed, epochs):
    predict = predictor(_trained(images, labels, seed, epochs))
    return lambda images: predict(images)[:, None]


@mutant(of="fit", says="The largest logit is looked for along the batch; it belongs along each row: argmax(dim=1).")
def argmax_over_images(images, labels, *, seed, epochs):
    model = _trained(images, labels, seed, epochs)
    return lambda images: logits_of(model, images).argmax(axis=0)


@mutant(of="fit", says="argmin finds the class that the network thinks least of.")
def least_likely(images, labels, *, seed, epochs):
    model = _trained(images, labels, seed, epochs)
    return lambda images: logits_of(model, images).argmin(axis=1)


@mutant(of="fit", says="All classes are one too large: argmax counts from 0, and so do the labels.")
def shifted_by_one(images, labels, *, seed, epochs):
    predict = predictor(_trained(images, labels, seed, epochs))
    return lambda images: predict(images) + 1


@mutant(of="fit", says="fit returns the accuracy; it should return the function predict.")
def returns_accuracy(images, labels, *, seed, epochs):
    return float(np.mean(predictor(_trained(images, labels, seed, epochs))(images) == labels))


@mutant(of="fit", says="fit ends without return, so that it gives None.")
def returns_nothing(images, labels, *, seed, epochs):
    _trained(images, labels, seed, epochs)


@mutant(of="fit", says="fit returns the model. Return a function that takes arrays and gives classes.")
def returns_the_model(images, labels, *, seed, epochs):
    return _trained(images, labels, seed, epochs)


@mutant(of="fit", says="predict gives the classes of the training images, whatever it is asked.")
def predicts_the_training_images(images, labels, *, seed, epochs):
    predicted = predictor(_trained(images, labels, seed, epochs))(images)
    return lambda images: np.resize(predicted, len(images))


@mutant(of="fit", says="The model lives in a global variable: a second call of fit replaces the first one's model.")
def global_model(images, labels, *, seed, epochs):
    _LEFT["newest"] = _trained(images, labels, seed, epochs)
    return lambda images: logits_of(_LEFT["newest"], images).argmax(axis=1)


@mutant(
    of="fit", says="The model is made once, outside fit, so that the second training goes on where the first ended."
)
def goes_on_training(images, labels, *, seed, epochs):
    model = _LEFT.setdefault("only", new_model(seed))
    return predictor(train(model, flat(images), labels, seed=seed, epochs=epochs))
