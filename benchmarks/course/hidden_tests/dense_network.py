"""The checks of dense_network as plain tests, below common.py and the references, named `expected_...`."""
# ruff: noqa: F821


def draw_dense():
    n, d, k = sizes(3)
    return normal(n, d), normal(d, k), normal(k)


def test_dense(dense):
    def rows_on_their_own(x, W, b):
        row = int(rng.integers(len(x)))
        whole = np.asarray(dense(x.copy(), W.copy(), b.copy()))
        close(dense(x[row : row + 1].copy(), W.copy(), b.copy()), whole[row : row + 1])

    def not_negative(x, W, b):
        assert (np.asarray(dense(x, W, b)) >= 0).all(), "an output is below 0"

    standing(dense, expected_dense, draw_dense)
    law(draw_dense, rows_on_their_own)
    law(draw_dense, not_negative)


def draw_cross_entropy():
    n, k = sizes(2)
    return normal(n, k), rng.integers(0, k, n)


def test_cross_entropy(cross_entropy):
    def shift(logits, labels):
        shifted = logits + rng.integers(-5, 6, (len(labels), 1))
        close(cross_entropy(shifted, labels.copy()), np.asarray(cross_entropy(logits.copy(), labels.copy())))

    standing(cross_entropy, expected_cross_entropy, draw_cross_entropy)
    law(draw_cross_entropy, shift)


def draw_gradient():
    n, d, k = sizes(3)
    return normal(n, d), normal(d, k), rng.integers(0, k, n)


def test_gradient(gradient):
    def balance(X, W, labels):
        close(np.asarray(gradient(X, W, labels)).sum(axis=1), np.zeros(len(W)))

    standing(gradient, expected_gradient, draw_gradient)
    law(draw_gradient, balance)


def draw_rmsprop_step():
    d = sizes(1)[0]
    return normal(d), normal(d), rng.uniform(0.1, 2, d).round(2), rate(), float(rng.choice([0.5, 0.9, 0.99]))


def test_rmsprop_step(rmsprop_step):
    def at_rest(x, g, v, lr, rho):
        close(rmsprop_step(x.copy(), np.zeros_like(x), v.copy(), lr, rho), (x, rho * v))

    standing(rmsprop_step, expected_rmsprop_step, draw_rmsprop_step)
    law(draw_rmsprop_step, at_rest)
