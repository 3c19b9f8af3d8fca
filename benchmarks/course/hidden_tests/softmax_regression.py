"""The checks of softmax_regression as plain tests, below common.py and the references, named `expected_...`."""
# ruff: noqa: F821


def draw_linear():
    n, d, k = sizes(3)
    return normal(n, d), normal(d, k), normal(k)


def test_linear(linear):
    def bias_adds(X, W, b):
        close(linear(X.copy(), W.copy(), b.copy()), np.asarray(linear(X.copy(), W.copy(), np.zeros_like(b))) + b)

    def rows_on_their_own(X, W, b):
        row = int(rng.integers(len(X)))
        whole = np.asarray(linear(X.copy(), W.copy(), b.copy()))
        close(linear(X[row : row + 1].copy(), W.copy(), b.copy()), whole[row : row + 1])

    standing(linear, expected_linear, draw_linear)
    law(draw_linear, bias_adds)
    law(draw_linear, rows_on_their_own)


def draw_linear_backward():
    n, d, k = sizes(3)
    return normal(n, d), normal(d, k), normal(n, k)


def test_linear_backward(linear_backward):
    def linear_in_G(X, W, G):
        once = linear_backward(X.copy(), W.copy(), G.copy())
        close(linear_backward(X.copy(), W.copy(), 2 * G), tuple(2 * np.asarray(part) for part in once))

    standing(linear_backward, expected_linear_backward, draw_linear_backward)
    law(draw_linear_backward, linear_in_G)


def draw_cross_entropy():
    n, k = sizes(2)
    return normal(n, k), rng.integers(0, k, n)


def test_cross_entropy(cross_entropy):
    def shift(logits, labels):
        shifted = logits + rng.integers(-5, 6, (len(labels), 1))
        close(cross_entropy(shifted, labels.copy()), np.asarray(cross_entropy(logits.copy(), labels.copy())))

    def order(logits, labels):
        new = rng.permutation(len(labels))
        close(cross_entropy(logits[new], labels[new]), np.asarray(cross_entropy(logits.copy(), labels.copy())))

    standing(cross_entropy, expected_cross_entropy, draw_cross_entropy)
    law(draw_cross_entropy, shift)
    law(draw_cross_entropy, order)


def draw_adam_step():
    d = sizes(1)[0]
    second = rng.uniform(0.1, 2, d).round(2)
    return normal(d), normal(d), normal(d), second, int(rng.integers(1, 10)), rate()


def test_adam_step(adam_step):
    def first_step(x, g, m, v, t, lr):
        g = g + 0.125
        got = adam_step(x.copy(), g.copy(), np.zeros_like(x), np.zeros_like(x), 1, lr)
        close(got[0], x - lr * np.sign(g), rtol=1e-5, atol=1e-5)

    standing(adam_step, expected_adam_step, draw_adam_step)
    law(draw_adam_step, first_step)
