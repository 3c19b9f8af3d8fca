"""Wrong answers to mlp_loss_and_grads; `mutants.py` collects them."""

from functools import partial

import numpy as np
from mutants_of_cross_entropy import one_hot, softmax
from reference import softmax_cross_entropy as cross_entropy

from assay.checks.answers import mutant

wrong = partial(mutant, of="mlp_loss_and_grads")


def forward(X, W1, b1, W2, b2):
    """A right one: before the ReLU, after it, and the logits."""
    A = X @ W1 + b1
    H = np.maximum(A, 0)
    return A, H, H @ W2 + b2


def backward(X, H, dZ, dA):
    """(dW1, db1, dW2, db2) from the gradients of the logits and of the hidden layer before its ReLU."""
    return X.T @ dA, dA.sum(axis=0), H.T @ dZ, dZ.sum(axis=0)


@wrong(says="The ReLU is missing in the forward pass.")
def no_relu(X, y, W1, b1, W2, b2):
    A = X @ W1 + b1
    loss, dZ = cross_entropy(A @ W2 + b2, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, A, dZ, dA)


@wrong(says="Backwards through a ReLU, units that were off get no gradient. You let all of it through.")
def no_relu_backward(X, y, W1, b1, W2, b2):
    _, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = dZ @ W2.T
    return loss, backward(X, H, dZ, dA)


@wrong(says="The ReLU lets gradient through where its input was positive, not where the gradient is.")
def relu_of_the_gradient(X, y, W1, b1, W2, b2):
    _, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = np.maximum(dZ @ W2.T, 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="You multiply by the hidden values. The derivative of a ReLU is 0 or 1.")
def multiplied_by_hidden(X, y, W1, b1, W2, b2):
    _, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * H
    return loss, backward(X, H, dZ, dA)


@wrong(says="You mask dW1 by the weights' sign. Mask the gradient of the hidden layer, before X.T @ ...")
def weights_masked(X, y, W1, b1, W2, b2):
    _, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = dZ @ W2.T
    return loss, ((X.T @ dA) * (W1 > 0), dA.sum(axis=0) * (b1 > 0), H.T @ dZ, dZ.sum(axis=0))


@wrong(says="dW2 needs what W2 was multiplied with: the hidden values after the ReLU, not before it.")
def before_the_relu(X, y, W1, b1, W2, b2):
    A, _, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, A, dZ, dA)


@wrong(says="The ReLU is for the hidden layer only. The logits go into the softmax as they are.")
def relu_on_the_logits(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(np.maximum(Z, 0), y)
    dZ = dZ * (Z > 0)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="W2 is missing its transpose: the gradient goes back through W2.T.")
def not_transposed(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2) * (A > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="Your weight gradients are transposed. dW1 has the shape of W1, dW2 that of W2.")
def gradients_transposed(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (dA.T @ X, dA.sum(axis=0), dZ.T @ H, dZ.sum(axis=0))


@wrong(says="Add up the bias gradients over the examples, axis 0. You add up over the units.")
def bias_over_the_units(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (X.T @ dA, dA.sum(axis=1), H.T @ dZ, dZ.sum(axis=1))


@wrong(says="The bias gradient is a sum over the examples. dZ holds the 1/n already.")
def bias_mean(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (X.T @ dA, dA.mean(axis=0), H.T @ dZ, dZ.mean(axis=0))


@wrong(says="The bias gradients have the shape of the biases, [h] and [k]. Leave out keepdims=True.")
def bias_with_two_axes(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (X.T @ dA, dA.sum(axis=0, keepdims=True), H.T @ dZ, dZ.sum(axis=0, keepdims=True))


@wrong(says="You left b1 out of the forward pass.")
def first_bias_left_out(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, 0 * b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="Your loss is a mean, your gradients those of the sum: the 1/n is missing in dZ.")
def mean_left_out(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dZ = dZ * len(X)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="dZ holds the 1/n already. You divide the weight gradients by n once more.")
def mean_taken_twice(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    n = len(X)
    return loss, (X.T @ dA / n, dA.sum(axis=0) / n, H.T @ dZ / n, dZ.sum(axis=0) / n)


@wrong(says="You update W2 before using it in the backward pass. Gradients are taken at the old weights.")
def updated_too_early(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dW2 = H.T @ dZ
    dA = (dZ @ (W2 - 0.1 * dW2).T) * (A > 0)
    return loss, (X.T @ dA, dA.sum(axis=0), dW2, dZ.sum(axis=0))


@wrong(says="The function returns gradients and changes nothing. You take a step on the caller's weights.")
def step_taken(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    dW2 = H.T @ dZ
    W2 -= 0.1 * dW2
    return loss, (X.T @ dA, dA.sum(axis=0), dW2, dZ.sum(axis=0))


@wrong(says="exp overflows for large logits. Use your softmax_cross_entropy, which does not.")
def exponentials_overflow(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(X)), y]).mean()
    dZ = (p - one_hot(y, Z.shape[1])) / len(X)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="p - 1 goes to the true class of each row only: p[np.arange(n), y], not p[:, y].")
def whole_columns(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)[0], softmax(Z)
    dZ[:, y] -= 1
    dZ /= len(X)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="Your units leak: a ReLU that is off passes no gradient, not 0.01 of it.")
def leaky(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * np.where(A > 0, 1, 0.01)
    return loss, backward(X, H, dZ, dA)


@wrong(says="The derivative of a ReLU depends on its input, X W1 + b1. You look at X W1 alone.")
def mask_without_bias(X, y, W1, b1, W2, b2):
    _, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (X @ W1 > 0)
    return loss, backward(X, H, dZ, dA)


@wrong(says="No penalty on the weights was asked for, but yours is in the loss and the gradients.")
def weight_decay_added(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    loss += 0.05 * ((W1**2).sum() + (W2**2).sum())
    return loss, (X.T @ dA + 0.1 * W1, dA.sum(axis=0), H.T @ dZ + 0.1 * W2, dZ.sum(axis=0))


@wrong(says="Return (loss, (dW1, db1, dW2, db2)): the gradients are a tuple of their own.")
def flat_tuple(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, X.T @ dA, dA.sum(axis=0), H.T @ dZ, dZ.sum(axis=0)


@wrong(says="The order is dW1, db1, dW2, db2: the layers as they come, not backwards.")
def layers_backwards(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (H.T @ dZ, dZ.sum(axis=0), X.T @ dA, dA.sum(axis=0))


@wrong(says="A step lowers the loss against the gradient, but the minus belongs into that step.")
def descent_directions(X, y, W1, b1, W2, b2):
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dA = (dZ @ W2.T) * (A > 0)
    return loss, (-X.T @ dA, -dA.sum(axis=0), -H.T @ dZ, -dZ.sum(axis=0))


@wrong(says="Keep float64: float32 has seven digits, and checks of gradients need more.")
def computed_in_float32(X, y, W1, b1, W2, b2):
    X, W1, b1, W2, b2 = (part.astype(np.float32) for part in (X, W1, b1, W2, b2))
    A, H, Z = forward(X, W1, b1, W2, b2)
    loss, dZ = cross_entropy(Z, y)
    dZ = dZ.astype(np.float32)
    dA = (dZ @ W2.T) * (A > 0)
    return float(loss), (X.T @ dA, dA.sum(axis=0), H.T @ dZ, dZ.sum(axis=0))
