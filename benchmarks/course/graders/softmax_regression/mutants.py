"""Wrong answers."""

import numpy as np
from reference import adam_step, cross_entropy, linear_backward

from assay.checks import mutant

seen = {}


# ---- linear ----------------------------------------------------------------------------------------------------


@mutant(of="linear", says="The bias is missing.")
def linear_without_bias(X, W, b):
    return X @ W


@mutant(of="linear", says="The bias is added twice.")
def linear_bias_twice(X, W, b):
    return X @ W + 2 * b


@mutant(of="linear", says="The inputs are centred over the batch first. Every row is treated on its own.")
def linear_centred(X, W, b):
    return (X - X.mean(axis=0)) @ W + b


@mutant(of="linear", says="The bias itself is changed: b += ... writes into the caller's array.")
def linear_in_place(X, W, b):
    result = X @ W + b
    b += 1
    return result


@mutant(of="linear", says="The result of the call before is added: something survives from call to call.")
def linear_remembers(X, W, b):
    seen["linear"] = seen.get("linear", 0) + 1
    return X @ W + b + 0.001 * seen["linear"]


@mutant(of="linear", says="That is computed in float16, whose largest number is 65504.")
def linear_in_half(X, W, b):
    with np.errstate(all="ignore"):
        return (X.astype(np.float16) @ W.astype(np.float16) + b.astype(np.float16)).astype(np.float64)


# ---- linear_backward -------------------------------------------------------------------------------------------


@mutant(of="linear_backward", says="db is the mean over the rows. It is their sum.")
def backward_mean_of_rows(X, W, G):
    return G @ W.T, X.T @ G, G.mean(axis=0)


@mutant(of="linear_backward", says="W is not transposed in dX = G W^T.")
def backward_not_transposed(X, W, G):
    return G @ np.resize(W, W.T.shape), X.T @ G, G.sum(axis=0)


@mutant(of="linear_backward", says="You return the signs of the gradients.")
def backward_signs(X, W, G):
    return np.sign(G @ W.T), np.sign(X.T @ G), np.sign(G.sum(axis=0))


@mutant(of="linear_backward", says="G /= ... divides the caller's array.")
def backward_in_place(X, W, G):
    result = G @ W.T, X.T @ G, G.sum(axis=0)
    G /= len(G) + 1
    return result


@mutant(of="linear_backward", says="Gradients are added to those of the call before.")
def backward_accumulates(X, W, G):
    seen["backward"] = seen.get("backward", 0) + 1
    dX, dW, db = linear_backward(X, W, G)
    return dX, dW, db * seen["backward"]


@mutant(of="linear_backward", says="That is computed in float16, whose largest number is 65504.")
def backward_in_half(X, W, G):
    with np.errstate(all="ignore"):
        parts = linear_backward(X.astype(np.float16), W.astype(np.float16), G.astype(np.float16))
    return tuple(part.astype(np.float64) for part in parts)


# ---- cross_entropy ---------------------------------------------------------------------------------------------


@mutant(of="cross_entropy", says="The exponential overflows: subtract the largest logit of each row first.")
def entropy_overflows(logits, labels):
    with np.errstate(all="ignore"):
        exponentials = np.exp(logits)
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        return float(-np.mean(np.log(probabilities[np.arange(len(labels)), labels])))


@mutant(of="cross_entropy", says="The losses are added up. The task asks for their mean.")
def entropy_sum(logits, labels):
    return len(labels) * cross_entropy(logits, labels)


@mutant(of="cross_entropy", says="The sign is missing: minus the logarithm.")
def entropy_sign(logits, labels):
    return -cross_entropy(logits, labels)


@mutant(of="cross_entropy", says="The softmax is missing: you average the logits of the labels.")
def entropy_without_softmax(logits, labels):
    return float(-np.mean(logits[np.arange(len(labels)), labels]))


@mutant(of="cross_entropy", says="Later rows count more than earlier ones: take a plain mean.")
def entropy_weighted(logits, labels):
    return float(np.mean([(i + 1) * cross_entropy(logits[i : i + 1], labels[i : i + 1]) for i in range(len(labels))]))


@mutant(of="cross_entropy", says="logits -= ... changes the caller's array.")
def entropy_in_place(logits, labels):
    logits -= logits.max(axis=1, keepdims=True)
    return cross_entropy(logits, labels)


@mutant(of="cross_entropy", says="You return a running mean of all losses so far.")
def entropy_running(logits, labels):
    seen["losses"] = [*seen.get("losses", []), cross_entropy(logits, labels)]
    return float(np.mean(seen["losses"]))


# ---- adam_step -------------------------------------------------------------------------------------------------


@mutant(of="adam_step", says="The corrections 1 - b^t are missing.")
def adam_uncorrected(x, g, m, v, t, lr):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return x - lr * m / (np.sqrt(v) + 1e-8), m, v


@mutant(of="adam_step", says="You step uphill.")
def adam_uphill(x, g, m, v, t, lr):
    return adam_step(x, g, m, v, t, -lr)


@mutant(of="adam_step", says="The root is missing: divide by the root of v.")
def adam_without_root(x, g, m, v, t, lr):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return x - lr * (m / (1 - 0.9**t)) / (v / (1 - 0.999**t) + 1e-8), m, v


@mutant(of="adam_step", says="The averages of the call before are used, not those that are passed.")
def adam_remembers(x, g, m, v, t, lr):
    seen["steps"] = seen.get("steps", 0) + 1
    return adam_step(x, g, m, v, t + seen["steps"], lr)


@mutant(of="adam_step", says="m *= ... and v *= ... change the caller's arrays.")
def adam_in_place(x, g, m, v, t, lr):
    result = adam_step(x, g, m, v, t, lr)
    m *= 0.9
    v *= 0.999
    return result


@mutant(of="adam_step", says="The square of g is computed in float16, whose largest number is 65504.")
def adam_in_half(x, g, m, v, t, lr):
    with np.errstate(all="ignore"):
        square = (g.astype(np.float16) ** 2).astype(np.float64)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * square
    return x - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v
