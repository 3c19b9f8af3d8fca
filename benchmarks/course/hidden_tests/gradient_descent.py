"""The checks of gradient_descent as plain tests, below common.py and the references, named `expected_...`."""
# ruff: noqa: F821


def number():
    return int(rng.integers(-30, 31)) / 10


def draw_line(low=1, high=4):
    n = int(rng.integers(low, high + 1))
    return number(), number(), normal(n), normal(n), rate()


def test_line_step(line_step):
    def pair(m, b, x, y, lr):
        return tuple(line_step(m, b, x.copy(), y.copy(), lr))

    def twice(m, b, x, y, lr):
        close(pair(m, b, np.repeat(x, 2), np.repeat(y, 2), lr), pair(m, b, x, y, lr))

    def perfect(m, b, x, y, lr):
        close(pair(m, b, x, m * x + b, lr), (m, b))

    def downhill(m, b, x, y, lr):
        new = pair(m, b, x, y, 0.1 / (np.sum(x**2) + len(x)))
        before, after = (np.mean((slope * x + offset - y) ** 2) for slope, offset in [(m, b), new])
        assert after <= before + 1e-9, "the error grows"

    values(pair, expected_line_step, lambda: draw_line(1, 1))
    values(pair, expected_line_step, lambda: draw_line(2, 6))
    purity(line_step, draw_line)
    law(draw_line, twice)
    law(draw_line, perfect)
    law(lambda: draw_line(1, 6), downhill)


class Slope:
    """The gradient of a random convex quadratic."""

    def __init__(self, d):
        root = normal(d, d)
        self.matrix, self.minimum, self.asked = root @ root.T, normal(d), []

    def __call__(self, x):
        self.asked.append(x.copy())
        return self.matrix @ (x - self.minimum)

    def height(self, x):
        return (x - self.minimum) @ self.matrix @ (x - self.minimum) / 2


def draw_descent(low=0, high=6):
    d = int(rng.integers(1, 4))
    return Slope(d), normal(d), rate(), int(rng.integers(low, high + 1))


def test_gradient_descent(gradient_descent):
    def calls(grad, x0, lr, steps):
        path = gradient_descent(grad, x0.copy(), lr, steps)
        asked = np.array(grad.asked)
        assert len(asked) == steps, "asks too often"
        close(asked.reshape(steps, len(x0)), np.asarray(path)[:-1])

    def minimum(grad, x0, lr, steps):
        start = grad.minimum
        close(gradient_descent(grad, start.copy(), lr, steps), np.tile(start, (steps + 1, 1)))

    def continues(grad, x0, lr, steps):
        whole = np.asarray(gradient_descent(grad, x0.copy(), lr, steps))
        begun = np.asarray(gradient_descent(grad, x0.copy(), lr, 1))
        close(gradient_descent(grad, begun[-1].copy(), lr, steps - 1), whole[1:])

    def downhill(grad, x0, lr, steps):
        rate = 0.5 / max(np.linalg.eigvalsh(grad.matrix).max(), 1e-9)
        heights = [grad.height(place) for place in gradient_descent(grad, x0.copy(), rate, steps)]
        assert (np.diff(heights) <= 1e-9).all(), "goes uphill"

    for steps in ((1, 1), (2, 6), (0, 0)):
        values(gradient_descent, expected_gradient_descent, lambda steps=steps: draw_descent(*steps))
    law(lambda: draw_descent(1, 5), calls)
    purity(gradient_descent, lambda: draw_descent(1, 5))
    law(lambda: draw_descent(1, 4), minimum, examples=10)
    law(lambda: draw_descent(2, 5), continues, examples=10)
    law(lambda: draw_descent(1, 4), downhill, examples=10)


def draw_epoch(low, high, batch, scale=1.0):
    while True:
        n, d, k = int(rng.integers(low, high + 1)), int(rng.integers(1, 4)), int(rng.integers(2, 5))
        batches = [b for b in range(1, n + 1) if batch(n, b)]
        if batches:
            return normal(n, d) * scale, rng.integers(0, k, n), normal(d, k), rate(), int(rng.choice(batches))


def test_sgd_epoch(sgd_epoch):
    def whole(n, b):
        return b == n

    def rest(X, y, W, lr, batch):
        first = np.asarray(sgd_epoch(X[:batch].copy(), y[:batch].copy(), W.copy(), lr, batch))
        second = np.asarray(sgd_epoch(X[batch:].copy(), y[batch:].copy(), first, lr, batch))
        close(sgd_epoch(X.copy(), y.copy(), W.copy(), lr, batch), second)

    def twice(X, y, W, lr, batch):
        double = sgd_epoch(np.repeat(X, 2, axis=0), np.repeat(y, 2), W.copy(), lr, 2 * batch)
        close(double, np.asarray(sgd_epoch(X.copy(), y.copy(), W.copy(), lr, batch)))

    def rows(X, y, W, lr, batch):
        change = np.asarray(sgd_epoch(X.copy(), y.copy(), W.copy(), lr, batch)) - W
        close(change.sum(axis=1), np.zeros(len(W)))

    for draw in (
        lambda: draw_epoch(1, 4, lambda n, b: b == 1),
        lambda: draw_epoch(1, 5, whole),
        lambda: draw_epoch(4, 6, lambda n, b: 1 < b < n and n % b == 0),
        lambda: draw_epoch(3, 7, lambda n, b: 1 < b < n and n % b),
        lambda: draw_epoch(1, 4, whole, scale=1000.0),
    ):
        values(sgd_epoch, expected_sgd_epoch, draw)
    purity(sgd_epoch, lambda: draw_epoch(1, 5, whole))
    law(lambda: draw_epoch(3, 6, lambda n, b: b < 3), rest)
    law(lambda: draw_epoch(1, 5, lambda n, b: b < 4), twice)
    law(lambda: draw_epoch(1, 5, lambda n, b: b < 4), rows)


def draw_momentum(low=1, high=6, d=(1, 3), mu=None):
    steps, width = int(rng.integers(low, high + 1)), int(rng.integers(d[0], d[1] + 1))
    return normal(steps, width), normal(width), rate(), int(rng.integers(1, 20)) / 20 if mu is None else mu


def causal(optimiser):
    def holds(grads, x0, *settings):
        path = np.asarray(optimiser(grads.copy(), x0.copy(), *settings))
        close(optimiser(grads[:-1].copy(), x0.copy(), *settings), path[:-1])

    return holds


def coordinates(optimiser):
    def holds(grads, x0, *settings):
        path = np.asarray(optimiser(grads.copy(), x0.copy(), *settings))
        close(optimiser(grads[:, :1].copy(), x0[:1].copy(), *settings), path[:, :1])

    return holds


def test_momentum(momentum):
    def constant(grads, x0, lr, mu):
        path = np.asarray(momentum(np.tile(grads[0], (len(grads), 1)), x0.copy(), lr, mu))
        speed = (1 - mu ** np.arange(1, len(grads) + 1)) / (1 - mu)
        close(path[1:] - path[:-1], -lr * speed[:, None] * grads[0])

    values(momentum, expected_momentum, lambda: draw_momentum(mu=0.0))
    values(momentum, expected_momentum, draw_momentum)
    purity(momentum, draw_momentum)
    law(draw_momentum, constant)
    law(lambda: draw_momentum(2, 6), causal(momentum))
    law(lambda: draw_momentum(1, 5, (2, 3)), coordinates(momentum))


def draw_adam(low=1, high=6, d=(1, 3), eps=1e-12):
    grads, x0, lr, _ = draw_momentum(low, high, d)
    grads[grads == 0] = 0.5
    decay, slow = float(rng.choice([0.9, 0.5, 0.8, 0.0])), float(rng.choice([0.999, 0.99, 0.9, 0.6]))
    return grads, x0, lr, decay, slow, float(rng.choice([0.1, 0.01, 1.0])) if eps is None else eps


def test_adam(adam):
    def sign(grads, x0, lr, *settings):
        path = np.asarray(adam(grads.copy(), x0.copy(), lr, *settings))
        close(path[1] - path[0], -lr * np.sign(grads[0]))

    def scale(grads, x0, *settings):
        close(adam(1000 * grads, x0.copy(), *settings), np.asarray(adam(grads.copy(), x0.copy(), *settings)))

    def at_rest(grads, x0, *settings):
        close(adam(np.zeros_like(grads), x0.copy(), *settings), np.tile(x0, (len(grads) + 1, 1)))

    values(adam, expected_adam, lambda: draw_adam(1, 1))
    values(adam, expected_adam, lambda: draw_adam(2, 6))
    values(adam, expected_adam, lambda: draw_adam(1, 4, eps=None))
    purity(adam, draw_adam)
    law(draw_adam, sign)
    law(draw_adam, scale)
    law(draw_adam, at_rest)
    law(lambda: draw_adam(2, 6), causal(adam))
    law(lambda: draw_adam(1, 5, (2, 3)), coordinates(adam))
