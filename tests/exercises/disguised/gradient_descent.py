"""Known mistakes in gradient descent, in other words: written from the sentence of each, not from its code."""

from itertools import pairwise

import numpy as np
import torch

from tests.support.diagnosis import disguise

# ---- line_step -------------------------------------------------------------------------------------------------


@disguise("line_step", "line_summed")
def total_over_the_points(m, b, x, y, lr):
    dm = db = 0.0
    for xi, yi in zip(x, y, strict=True):
        error = m * xi + b - yi
        dm += 2 * error * xi
        db += 2 * error
    return m - lr * dm, b - lr * db


@disguise("line_step", "line_uphill", "line_residual_reversed")
def along_the_gradient(m, b, x, y, lr):
    design = np.column_stack([x, np.ones_like(x)])
    theta = np.array([m, b])
    return theta + lr * 2 / len(y) * design.T @ (design @ theta - y)


@disguise("line_step", "line_residual_reversed", "line_uphill")
def difference_turned_around(m, b, x, y, lr):
    n = len(x)
    difference = [y[i] - m * x[i] - b for i in range(n)]
    dm = 2 / n * sum(d * xi for d, xi in zip(difference, x, strict=True))
    return [m - lr * dm, b - lr * 2 / n * sum(difference)]


@disguise("line_step", "line_m_before_b")
def one_after_the_other(m, b, x, y, lr):
    m -= lr * 2 * ((m * x + b - y) @ x) / x.size
    b -= lr * 2 * (m * x + b - y).sum() / x.size
    return m, b


@disguise("line_step", "line_factor_two_lost")
def half_the_slope(m, b, x, y, lr):
    inputs = np.stack([x, np.ones_like(x)])
    gradient = np.einsum("kn,n->k", inputs, np.array([m, b]) @ inputs - y) / len(x)
    return m - lr * gradient[0], b - lr * gradient[1]


@disguise("line_step", "line_absolute_error")
def absolute_loss_by_torch(m, b, x, y, lr):
    weights = torch.tensor([m, b], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.l1_loss(weights[0] * torch.tensor(x) + weights[1], torch.tensor(y)).backward()
    new = weights.detach() - lr * weights.grad
    return new[0].item(), new[1].item()


@disguise("line_step", "line_gradient_returned")
def derivatives_alone(m, b, x, y, lr):
    xx, xy, mx, my = (x * x).mean(), (x * y).mean(), x.mean(), y.mean()
    return 2 * (m * xx + b * mx - xy), 2 * (m * mx + b - my)


# ---- gradient_descent ------------------------------------------------------------------------------------------


@disguise("gradient_descent", "descent_gradient_of_start")
def straight_on(grad, x0, lr, steps):
    direction = grad(x0.copy())
    return x0 - lr * np.outer(np.arange(steps + 1), direction)


@disguise("gradient_descent", "descent_uphill")
def climbing(grad, x0, lr, steps):
    path = [x0]
    while len(path) <= steps:
        path.append(path[-1] + np.multiply(lr, grad(path[-1])))
    return np.stack(path)


@disguise("gradient_descent", "descent_same_row")
def one_list_entry_many_times(grad, x0, lr, steps):
    here = x0.copy()
    rows = [here]
    for _ in range(steps):
        here[:] = here - lr * grad(here)
        rows += [here]
    return np.vstack(rows)


@disguise("gradient_descent", "descent_rate_decays")
def smaller_and_smaller(grad, x0, lr, steps):
    path = np.zeros((steps + 1, len(x0)))
    path[0] = x0
    for t in range(1, steps + 1):
        path[t] = path[t - 1] - grad(path[t - 1]) * (lr / t)
    return path


@disguise("gradient_descent", "descent_start_missing")
def places_after_steps(grad, x0, lr, steps):
    path, x = np.empty((steps, x0.size)), x0
    for row in path:
        x = x - lr * grad(x)
        row[:] = x
    return path


@disguise("gradient_descent", "descent_gradient_twice")
def slope_looked_at_first(grad, x0, lr, steps):
    path = [x0]
    for _ in range(steps):
        if not np.isfinite(grad(path[-1])).all():
            raise ValueError("the gradient is not finite")
        path.append(path[-1] - lr * grad(path[-1]))
    return np.array(path)


# ---- sgd_epoch -------------------------------------------------------------------------------------------------


def probabilities(Z):
    Z = Z - Z.max(axis=1)[:, None]
    return np.exp(Z) / np.exp(Z).sum(axis=1)[:, None]


@disguise("sgd_epoch", "sgd_summed")
def outer_products_added(X, y, W, lr, batch):
    W = W.copy()
    for start in range(0, len(X), batch):
        G = np.zeros_like(W)
        P = probabilities(X[start : start + batch] @ W)
        for x, c, p in zip(X[start : start + batch], y[start : start + batch], P, strict=True):
            p[c] -= 1
            G += np.outer(x, p)
        W -= lr * G
    return W


@disguise("sgd_epoch", "sgd_divided_by_batch")
def the_same_divisor_always(X, y, W, lr, batch):
    targets = (y[:, None] == np.arange(W.shape[1])).astype(float)
    for first in range(0, len(X), batch):
        rows = slice(first, first + batch)
        W = W - np.einsum("nd,nk->dk", X[rows], probabilities(X[rows] @ W) - targets[rows]) * lr / batch
    return W


@disguise("sgd_epoch", "sgd_last_batch_dropped")
def whole_batches_only(X, y, W, lr, batch):
    for number in range(len(X) // batch):
        rows, labels = X[number * batch :][:batch], y[number * batch :][:batch]
        error = probabilities(rows @ W)
        error[np.arange(batch), labels] -= 1
        W = W - lr / batch * rows.T @ error
    return W


@disguise("sgd_epoch", "sgd_old_weights")
def losses_at_one_place(X, y, W, lr, batch):
    start = torch.tensor(W, requires_grad=True)
    loss = sum(
        torch.nn.functional.cross_entropy(rows @ start, labels)
        for rows, labels in zip(torch.tensor(X).split(batch), torch.tensor(y).split(batch), strict=True)
    )
    loss.backward()
    return W - lr * start.grad.numpy()


@disguise("sgd_epoch", "sgd_softmax_overflows")
def exponentials_as_they_are(X, y, W, lr, batch):
    borders = [*range(0, len(X), batch), len(X)]
    for start, stop in pairwise(borders):
        scores = np.exp(X[start:stop].dot(W))
        scores = scores / scores.sum(axis=1).reshape(-1, 1)
        scores[range(stop - start), y[start:stop]] -= 1
        W = W - lr * X[start:stop].T.dot(scores) / (stop - start)
    return W


@disguise("sgd_epoch", "sgd_softmax_over_samples")
def probabilities_down_the_columns(X, y, W, lr, batch):
    for start in range(0, len(X), batch):
        rows, labels = X[start : start + batch], y[start : start + batch]
        P = torch.softmax(torch.tensor(rows @ W), dim=0).numpy()
        W = W - lr * np.mean([np.outer(x, p - np.eye(len(p))[c]) for x, p, c in zip(rows, P, labels, strict=True)], 0)
    return W


# ---- momentum --------------------------------------------------------------------------------------------------


@disguise("momentum", "momentum_averaged")
def running_mean(grads, x0, lr, mu):
    x, v, path = x0.copy(), 0.0, [x0.copy()]
    for g in grads:
        v += (1 - mu) * (g - v)
        x -= lr * v
        path.append(x.copy())
    return np.array(path)


@disguise("momentum", "momentum_nesterov")
def by_torch_with_the_flag(grads, x0, lr, mu):
    x = torch.tensor(x0)
    optimiser, path = torch.optim.SGD([x], lr=lr, momentum=mu, nesterov=mu > 0), [x0]
    for gradient in grads:
        x.grad = torch.tensor(gradient)
        optimiser.step()
        path.append(x.numpy().copy())
    return np.array(path)


@disguise("momentum", "momentum_dampened")
def by_torch_with_dampening(grads, x0, lr, mu):
    x = torch.tensor(x0)
    optimiser, path = torch.optim.SGD([x], lr=lr, momentum=mu, dampening=mu), [x0]
    for gradient in grads:
        x.grad = torch.tensor(gradient)
        optimiser.step()
        path.append(x.numpy().copy())
    return np.array(path)


@disguise("momentum", "momentum_old_velocity")
def place_before_velocity(grads, x0, lr, mu):
    path = np.zeros((len(grads) + 1, len(x0)))
    for i in range(len(x0)):
        x, v = x0[i], 0.0
        path[0, i] = x
        for t, g in enumerate(grads[:, i], start=1):
            x, v = x - lr * v, mu * v + g
            path[t, i] = x
    return path


@disguise("momentum", "momentum_forgotten")
def cumulative_sum(grads, x0, lr, mu):
    return np.concatenate([x0[None], x0 - np.cumsum(lr * grads, axis=0)])


# ---- adam ------------------------------------------------------------------------------------------------------


@disguise("adam", "adam_uncorrected")
def no_correction(grads, x0, lr, b1, b2, eps):
    columns = []
    for i in range(len(x0)):
        x, m, v, column = x0[i], 0.0, 0.0, [x0[i]]
        for g in grads[:, i]:
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            x -= lr * m / (v**0.5 + eps)
            column.append(x)
        columns.append(column)
    return np.array(columns).T


@disguise("adam", "adam_eps_in_root")
def eps_under_the_root(grads, x0, lr, b1, b2, eps):
    x, m, v, path = x0, np.zeros_like(x0), np.zeros_like(x0), [x0]
    for t, g in enumerate(grads):
        m += (1 - b1) * (g - m)
        v += (1 - b2) * (g * g - v)
        x = x - lr * m / (1 - b1 ** (t + 1)) * (v / (1 - b2 ** (t + 1)) + eps) ** -0.5
        path.append(x)
    return np.stack(path)


@disguise("adam", "adam_t_ahead")
def counted_too_far(grads, x0, lr, b1, b2, eps):
    m, v, path, t = 0 * x0, 0 * x0, [x0], 1
    for g in grads:
        t += 1
        m, v = b1 * m + g - b1 * g, b2 * v + g**2 - b2 * g**2
        path.append(path[-1] - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps))
    return np.array(path)


@disguise("adam", "adam_without_first_average")
def root_mean_square(grads, x0, lr, b1, b2, eps):
    powers = b2 ** np.arange(len(grads) + 1.0)
    path = [x0]
    for t in range(1, len(grads) + 1):
        v = (1 - b2) * np.tensordot(powers[:t][::-1], grads[:t] ** 2, axes=1)
        path.append(path[-1] - lr * grads[t - 1] / (np.sqrt(v / (1 - b2**t)) + eps))
    return np.array(path)


@disguise("adam", "adam_decays_swapped")
def by_torch_with_the_betas_turned(grads, x0, lr, b1, b2, eps):
    x = torch.tensor(x0)
    optimiser, path = torch.optim.Adam([x], lr=lr, betas=(b2, b1), eps=eps), [x.clone()]
    for gradient in torch.tensor(grads):
        x.grad = gradient
        optimiser.step()
        path.append(x.clone())
    return torch.stack(path).numpy()


@disguise("adam", "adam_t_from_zero")
def counted_from_zero(grads, x0, lr, b1, b2, eps):
    m, v, path = np.zeros(len(x0)), np.zeros(len(x0)), [x0]
    with np.errstate(all="ignore"):
        for t in range(len(grads)):
            m = b1 * m + (1 - b1) * grads[t]
            v = b2 * v + (1 - b2) * grads[t] ** 2
            path.append(path[t] - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps))
    return np.array(path)
