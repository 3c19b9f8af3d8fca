"""Wrong answers to softmax_cross_entropy; `mutants.py` collects them."""

import math
from functools import partial

import numpy as np
from reference import softmax_cross_entropy as cross_entropy

from assay.checks.answers import mutant

wrong = partial(mutant, of="softmax_cross_entropy")


def softmax(Z):
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_hot(y, k):
    return np.eye(k)[y]


@wrong(says="You add up the losses of the rows. Asked for is their mean, in the gradient too.")
def summed(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss * len(Z), dZ * len(Z)


@wrong(says="Your loss is a mean, but the gradient is that of the sum: divide dZ by n.")
def gradient_not_divided(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss, dZ * len(Z)


@wrong(says="Your gradient is that of the mean, but the loss is a sum: divide it by n.")
def loss_not_divided(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss * len(Z), dZ


@wrong(says="You divide the gradient by n twice.")
def divided_twice(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss, dZ / len(Z)


@wrong(says="The mean is over the n rows, not over all n times k entries.")
def mean_over_all_entries(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss / Z.shape[1], dZ / Z.shape[1]


@wrong(says="exp(1000) overflows. Subtract the largest logit of each row first.")
def overflowing(Z, y):
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(Z)), y]).mean(), (p - one_hot(y, Z.shape[1])) / len(Z)


@wrong(says="You subtract the largest logit of the whole batch. Take that of each row: axis=1.")
def one_maximum_for_all_rows(Z, y):
    e = np.exp(Z - Z.max())
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(Z)), y]).mean(), (p - one_hot(y, Z.shape[1])) / len(Z)


@wrong(says="p underflows to 0 before you take its log. Compute log p itself: z - max - log(sum(exp)).")
def log_of_zero(Z, y):
    p = softmax(Z)
    return -np.log(p[np.arange(len(Z)), y]).mean(), (p - one_hot(y, Z.shape[1])) / len(Z)


@wrong(says="log(p + 1e-12) hides the overflow and gives a wrong loss. Compute log p directly.")
def small_number_added(Z, y):
    p = softmax(Z)
    return -np.log(p[np.arange(len(Z)), y] + 1e-12).mean(), (p - one_hot(y, Z.shape[1])) / len(Z)


@wrong(says="Clipping p makes the loss of a confident mistake too small. Compute log p directly.")
def clipped(Z, y):
    p = np.clip(softmax(Z), 1e-15, 1 - 1e-15)
    return -np.log(p[np.arange(len(Z)), y]).mean(), (p - one_hot(y, Z.shape[1])) / len(Z)


@wrong(says="Clipping the logits changes loss and gradient. Shift them instead.")
def logits_clipped(Z, y):
    return cross_entropy(np.clip(Z, -500, 500), y)


@wrong(says="The 1 at the true class is missing: dZ is p minus the one-hot labels.")
def one_hot_left_out(Z, y):
    return cross_entropy(Z, y)[0], softmax(Z) / len(Z)


@wrong(says="p[:, y] takes whole columns. One entry a row is p[np.arange(n), y].")
def one_hot_in_columns(Z, y):
    dZ = softmax(Z)
    dZ[:, y] -= 1
    return cross_entropy(Z, y)[0], dZ / len(Z)


@wrong(says="The labels are class numbers. You subtract them as if they were values; one-hot them first.")
def labels_subtracted(Z, y):
    return cross_entropy(Z, y)[0], (softmax(Z) - y[:, None]) / len(Z)


@wrong(says="The sign of the gradient is turned: raising the true class's logit lowers the loss.")
def gradient_turned(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss, -dZ


@wrong(says="The minus before the logarithm is missing.")
def loss_turned(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return -loss, dZ


@wrong(says="Your softmax runs over the batch. The probabilities of each row add up to 1: axis=1.")
def softmax_over_the_batch(Z, y):
    shifted = Z - Z.max(axis=0)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    return -log_p[np.arange(len(Z)), y].mean(), (np.exp(log_p) - one_hot(y, Z.shape[1])) / len(Z)


@wrong(says="The logarithm is the natural one. Yours is to base 2.")
def logarithm_to_base_two(Z, y):
    loss, dZ = cross_entropy(Z, y)
    return loss / math.log(2), dZ


@wrong(says="This is the gradient with respect to p. Go on to Z with the chain rule.")
def gradient_of_probabilities(Z, y):
    return cross_entropy(Z, y)[0], -one_hot(y, Z.shape[1]) / softmax(Z) / len(Z)


@wrong(says="Softmax mixes the logits of a row: its derivative is a full matrix, not p (1 - p) alone.")
def diagonal_of_the_jacobian(Z, y):
    p = softmax(Z)
    return cross_entropy(Z, y)[0], -one_hot(y, Z.shape[1]) * (1 - p) / len(Z)


@wrong(says="You return the probabilities. Asked for is the gradient with respect to Z.")
def probabilities_returned(Z, y):
    return cross_entropy(Z, y)[0], softmax(Z)


@wrong(says="This is the binary cross entropy of every class. With softmax only the true class counts.")
def binary_cross_entropy(Z, y):
    t, log_p = one_hot(y, Z.shape[1]), np.log(softmax(Z) + 1e-300)
    others = np.log1p(-np.minimum(softmax(Z), 1 - 1e-16))
    return -(t * log_p + (1 - t) * others).sum(axis=1).mean(), cross_entropy(Z, y)[1]


@wrong(says="Z -= ... changes the caller's array. Write Z = Z - ... instead.")
def shifted_in_place(Z, y):
    Z -= Z.max(axis=1, keepdims=True)
    return cross_entropy(Z, y)


@wrong(says="The loss is one number, the mean over the batch. You return one for each row.")
def loss_of_each_row(Z, y):
    shifted = Z - Z.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(Z)), y]
    return losses, cross_entropy(Z, y)[1]


@wrong(says="Keep float64: float32 has seven digits, and checks of gradients need more.")
def half_the_digits(Z, y):
    loss, dZ = cross_entropy(Z.astype(np.float32), y)
    return np.float32(loss), dZ.astype(np.float32)
