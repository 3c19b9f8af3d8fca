"""The checks of graph_network as plain tests, below common.py and the references, named `expected_...`."""
# ruff: noqa: F821


def draw_gcn_layer():
    n, f, g = sizes(3)
    return graph(n), normal(n, f), normal(f, g)


def test_gcn_layer(gcn_layer):
    def order(A, H, W):
        new = rng.permutation(len(A))
        whole = np.asarray(gcn_layer(A.copy(), H.copy(), W.copy()))
        close(gcn_layer(A[new][:, new].copy(), H[new].copy(), W.copy()), whole[new])

    def fixed_point(A, H, W):
        roots = np.sqrt(A.sum(axis=1) + 1)[:, None]
        close(gcn_layer(A.copy(), roots.copy(), np.eye(1)), roots)

    standing(gcn_layer, expected_gcn_layer, draw_gcn_layer)
    law(draw_gcn_layer, order)
    law(draw_gcn_layer, fixed_point)


def draw_cross_entropy():
    n, k = sizes(2)
    return normal(n, k), rng.integers(0, k, n)


def test_cross_entropy(cross_entropy):
    def shift(logits, labels):
        shifted = logits + rng.integers(-5, 6, (len(labels), 1))
        close(cross_entropy(shifted, labels.copy()), np.asarray(cross_entropy(logits.copy(), labels.copy())))

    standing(cross_entropy, expected_cross_entropy, draw_cross_entropy)
    law(draw_cross_entropy, shift)


def draw_gradients():
    n, d, k = sizes(3)
    return normal(n, d), normal(d, k), normal(k), rng.integers(0, k, n)


def test_gradients(gradients):
    def balance(X, W, b, labels):
        close(np.asarray(gradients(X, W, b, labels)[1]).sum(), 0.0)

    standing(gradients, expected_gradients, draw_gradients)
    law(draw_gradients, balance)


def draw_momentum_step():
    d = sizes(1)[0]
    return normal(d), normal(d), normal(d), rate(), float(rng.choice([0.0, 0.5, 0.9]))


def test_momentum_step(momentum_step):
    def at_rest(x, g, v, lr, mu):
        close(momentum_step(x.copy(), g.copy(), np.zeros_like(x), lr, mu), (x - lr * g, g))

    standing(momentum_step, expected_momentum_step, draw_momentum_step)
    law(draw_momentum_step, at_rest)
