"""Right answers: gradient descent, for a line, in general, in mini-batches, with momentum, and Adam."""

from assay.checks import *

Number = st.integers(-30, 30).map(lambda tenths: tenths / 10)
Rate = st.integers(1, 50).map(lambda hundredths: hundredths / 100)
Memory = st.integers(1, 19).map(lambda twentieths: twentieths / 20)
Decay = st.sampled_from([0.9, 0.5, 0.8, 0.0])
SlowDecay = st.sampled_from([0.999, 0.99, 0.9, 0.6])
Path = Float["rows d", drawn_as("curve")]


def line_step(m: Number, b: Number, x: Float["n"], y: Float["n"], lr: Rate) -> tuple[float, float]:
    """One gradient step on the mean squared error (1/n) sum (m x + b - y)^2."""
    residual = m * x + b - y
    return m - lr * 2 * np.mean(residual * x), b - lr * 2 * np.mean(residual)


def gradient_descent(grad: Gradient["d"], x0: Float["d"], lr: Rate, steps: st.integers(0, 6)) -> Path:
    """The path x <- x - lr grad(x), steps + 1 rows of which the first is x0."""
    path = np.empty((steps + 1, len(x0)))
    path[0] = x0
    for t in range(steps):
        path[t + 1] = path[t] - lr * grad(path[t].copy())
    return path


def sgd_epoch(
    X: Float["n d"], y: Labels["n", "k"], W: Float["d k"], lr: Rate, batch: st.integers(1, 4)
) -> Float["d k"]:
    """Mini-batch steps on the mean cross entropy of softmax(X W), in order, the last batch perhaps short."""
    for start in range(0, len(X), batch):
        rows, labels = X[start : start + batch], y[start : start + batch]
        logits = rows @ W
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        one_hot = np.eye(W.shape[1])[labels]
        W = W - lr * rows.T @ (probabilities - one_hot) / len(rows)
    return W


def momentum(grads: Float["T d"], x0: Float["d"], lr: Rate, mu: Memory) -> Path:
    """The path of v <- mu v + g, x <- x - lr v from v = 0 (torch.optim.SGD), T + 1 rows."""
    path, velocity = [x0], np.zeros(len(x0))
    for gradient in grads:
        velocity = mu * velocity + gradient
        path.append(path[-1] - lr * velocity)
    return np.array(path)


def adam(
    grads: Float["T d"], x0: Float["d"], lr: Rate, b1: Decay, b2: SlowDecay, eps: st.sampled_from([0.1, 0.01, 1.0])
) -> Path:
    """The path of Adam (Kingma and Ba 2015, algorithm 1; torch.optim.Adam), T + 1 rows."""
    path, first, second = [x0], np.zeros(len(x0)), np.zeros(len(x0))
    for t, gradient in enumerate(grads, start=1):
        first = b1 * first + (1 - b1) * gradient
        second = b2 * second + (1 - b2) * gradient**2
        mean, square = first / (1 - b1**t), second / (1 - b2**t)
        path.append(path[-1] - lr * mean / (np.sqrt(square) + eps))
    return np.array(path)
