"""Right answers: a graph convolution, the cross entropy of a softmax, its gradients, and one step with momentum.

Students write them with torch. The arguments are arrays of numpy, and so is what they return.
"""

from assay.checks import *

Rate = st.integers(1, 50).map(lambda hundredths: hundredths / 100)


def gcn_layer(A: Adjacency["n n"], H: Float["n f"], W: Float["f g"]) -> Float["n g"]:
    """One graph convolution D^-1/2 (A + I) D^-1/2 H W with the degrees of A + I (Kipf and Welling 2017, eq. 2)."""
    loops = A + np.eye(len(A))
    scale = 1 / np.sqrt(loops.sum(axis=1))
    return scale[:, None] * (loops @ (scale[:, None] * (H @ W)))


def cross_entropy(logits: Float["n k"], labels: Labels["n", "k"]) -> float:
    """The mean of minus the logarithm of the probability that the softmax of a row gives to its label."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - shifted[np.arange(len(labels)), labels]))


def gradients(
    X: Float["n d"], W: Float["d k"], b: Float["k"], labels: Labels["n", "k"]
) -> tuple[Float["d k"], Float["k"]]:
    """The gradients of the cross entropy of X W + b with respect to W and b."""
    logits = X @ W + b
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(len(b))[labels]
    return X.T @ error / len(X), error.mean(axis=0)


def momentum_step(
    x: Float["d"], g: Float["d"], v: Float["d"], lr: Rate, mu: st.sampled_from([0.0, 0.5, 0.9])
) -> tuple[Float["d"], Float["d"]]:
    """v <- mu v + g, x <- x - lr v: the new x and v (torch.optim.SGD)."""
    v = mu * v + g
    return x - lr * v, v
