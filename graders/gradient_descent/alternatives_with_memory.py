"""Right answers to `momentum` and `adam`, written differently."""

import numpy as np
import torch

from assay.checks import alternative

# ---- momentum --------------------------------------------------------------------------------------------------


@alternative(of="momentum")
def momentum_with_torch(grads, x0, lr, mu):
    x = torch.tensor(x0)
    optimiser, path = torch.optim.SGD([x], lr=lr, momentum=mu), [x0]
    for gradient in grads:
        x.grad = torch.tensor(gradient)
        optimiser.step()
        path.append(x.numpy().copy())
    return np.array(path)


@alternative(of="momentum")
def momentum_rate_inside(grads, x0, lr, mu):
    v, path = np.zeros_like(x0), np.vstack([x0] * (len(grads) + 1))
    for t, g in enumerate(grads):
        v = mu * v - lr * g
        path[t + 1] = path[t] + v
    return path


@alternative(of="momentum")
def momentum_heavy_ball(grads, x0, lr, mu):
    path = [x0, x0]
    for g in grads:
        path.append(path[-1] - lr * g + mu * (path[-1] - path[-2]))
    return np.array(path[1:])


@alternative(of="momentum")
def momentum_by_matrix(grads, x0, lr, mu):
    T = len(grads)
    age = np.arange(T)[:, None] - np.arange(T)[None, :]
    memory = np.where(age >= 0, float(mu) ** np.maximum(age, 0), 0.0)
    steps = np.einsum("ts,sd->td", memory, grads)
    return np.concatenate([x0[None], x0 - lr * np.cumsum(steps, axis=0)])


@alternative(of="momentum")
def momentum_looped(grads, x0, lr, mu):
    T, d = grads.shape
    path = np.zeros((T + 1, d))
    for i in range(d):
        x, v = x0[i], 0.0
        path[0, i] = x
        for t in range(T):
            v = mu * v + grads[t, i]
            x = x - lr * v
            path[t + 1, i] = x
    return path


@alternative(of="momentum")
def momentum_by_recursion(grads, x0, lr, mu):
    def rest(t, x, v):
        if t == len(grads):
            return [x]
        v = mu * v + grads[t]
        return [x, *rest(t + 1, x - lr * v, v)]

    return np.array(rest(0, x0, 0.0))


# ---- adam ------------------------------------------------------------------------------------------------------


@alternative(of="adam")
def adam_with_torch(grads, x0, lr, b1, b2, eps):
    x = torch.tensor(x0)
    optimiser, path = torch.optim.Adam([x], lr=lr, betas=(b1, b2), eps=eps), [x.clone()]
    for gradient in torch.tensor(grads):
        x.grad = gradient
        optimiser.step()
        path.append(x.clone())
    return torch.stack(path).numpy()


@alternative(of="adam")
def adam_in_place(grads, x0, lr, b1, b2, eps):
    x, m, v = x0.copy(), np.zeros_like(x0), np.zeros_like(x0)
    path = [x.copy()]
    power1 = power2 = 1.0
    for g in grads:
        power1, power2 = power1 * b1, power2 * b2
        m += (1 - b1) * (g - m)
        v += (1 - b2) * (g * g - v)
        x -= lr * (m / (1 - power1)) / ((v / (1 - power2)) ** 0.5 + eps)
        path.append(x.copy())
    return np.array(path)


@alternative(of="adam")
def adam_by_matrix(grads, x0, lr, b1, b2, eps):
    T = len(grads)

    def average(values, decay):
        age = np.subtract.outer(np.arange(T), np.arange(T))
        weights = np.where(age >= 0, float(decay) ** np.maximum(age, 0), 0.0)
        return weights / weights.sum(axis=1, keepdims=True) @ values

    steps = average(grads, b1) / (np.sqrt(average(grads**2, b2)) + eps)
    return np.vstack([x0, x0 - lr * np.cumsum(steps, axis=0)])


@alternative(of="adam")
def adam_corrected_rate(grads, x0, lr, b1, b2, eps):
    m, v = 0 * x0, 0 * x0
    path = np.zeros((grads.shape[0] + 1, grads.shape[1]))
    path[0] = x0
    for t in range(1, len(path)):
        m = b1 * m + (1 - b1) * grads[t - 1]
        v = b2 * v + (1 - b2) * np.square(grads[t - 1])
        root = np.sqrt(1 - b2**t)
        path[t] = path[t - 1] - lr * root / (1 - b1**t) * m / (np.sqrt(v) + eps * root)
    return path


@alternative(of="adam")
def adam_looped(grads, x0, lr, b1, b2, eps):
    columns = []
    for i in range(len(x0)):
        x, m, v, column = x0[i], 0.0, 0.0, [x0[i]]
        for t in range(len(grads)):
            g = grads[t, i]
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            x -= lr * (m / (1 - b1 ** (t + 1))) / ((v / (1 - b2 ** (t + 1))) ** 0.5 + eps)
            column.append(x)
        columns.append(column)
    return np.array(columns).T


@alternative(of="adam")
def adam_by_recursion(grads, x0, lr, b1, b2, eps):
    def averages(t):
        if t == 0:
            return np.zeros_like(x0), np.zeros_like(x0)
        m, v = averages(t - 1)
        return b1 * m + (1 - b1) * grads[t - 1], b2 * v + (1 - b2) * grads[t - 1] ** 2

    def place(t):
        if t == 0:
            return x0
        m, v = averages(t)
        return place(t - 1) - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)

    return np.array([place(t) for t in range(len(grads) + 1)])
