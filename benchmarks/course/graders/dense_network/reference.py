"""Right answers: a dense layer with ReLU, the cross entropy of a softmax, its gradient, and one step of RMSprop.

Students write them with TensorFlow. The arguments are arrays of numpy, and what they return may be tensors.
"""

from assay.checks import *

Rate = st.integers(1, 50).map(lambda hundredths: hundredths / 100)


def dense(x: Float["n d"], W: Float["d k"], b: Float["k"]) -> Float["n k"]:
    """A dense layer, max(0, x W + b)."""
    return np.maximum(x @ W + b, 0.0)


def cross_entropy(logits: Float["n k"], labels: Labels["n", "k"]) -> float:
    """The mean of minus the logarithm of the probability that the softmax of a row gives to its label."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - shifted[np.arange(len(labels)), labels]))


def gradient(X: Float["n d"], W: Float["d k"], labels: Labels["n", "k"]) -> Float["d k"]:
    """The gradient of the cross entropy of X W with respect to W."""
    logits = X @ W
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(W.shape[1])[labels]
    return X.T @ error / len(X)


def rmsprop_step(
    x: Float["d"], g: Float["d"], v: Float["d", between(0.1, 2)], lr: Rate, rho: st.sampled_from([0.5, 0.9, 0.99])
) -> tuple[Float["d"], Float["d"]]:
    """v <- rho v + (1 - rho) g^2, x <- x - lr g / sqrt(v): the new x and v."""
    v = rho * v + (1 - rho) * g**2
    return x - lr * g / np.sqrt(v), v
