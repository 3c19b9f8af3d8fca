"""Right answers: a linear layer forward and backward, the cross entropy of a softmax, and one step of Adam."""

from assay.checks import *

Rate = st.integers(1, 50).map(lambda hundredths: hundredths / 100)


def linear(X: Float["n d"], W: Float["d k"], b: Float["k"]) -> Float["n k"]:
    """A linear layer, X W + b."""
    return X @ W + b


def linear_backward(X: Float["n d"], W: Float["d k"], G: Float["n k"]) -> tuple[Float["n d"], Float["d k"], Float["k"]]:
    """The gradients of a loss with respect to X, W and b of X W + b, where G is the one with respect to the output."""
    return G @ W.T, X.T @ G, G.sum(axis=0)


def cross_entropy(logits: Float["n k"], labels: Labels["n", "k"]) -> float:
    """The mean of minus the logarithm of the probability that the softmax of a row gives to its label."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - shifted[np.arange(len(labels)), labels]))


def adam_step(
    x: Float["d"], g: Float["d"], m: Float["d"], v: Float["d", between(0.1, 2)], t: st.integers(1, 9), lr: Rate
) -> tuple[Float["d"], Float["d"], Float["d"]]:
    """Step t of Adam with b1 = 0.9, b2 = 0.999 and eps = 1e-8: the new x, m and v."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return x - lr * step, m, v
