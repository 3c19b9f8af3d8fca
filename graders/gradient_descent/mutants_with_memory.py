"""Wrong answers to `momentum` and `adam`."""

import numpy as np
from reference import adam, momentum

from assay.checks import mutant

# ---- momentum --------------------------------------------------------------------------------------------------


def _walk(x0, lr, velocities):
    return np.array([x0, *(x0 - lr * np.cumsum(velocities, axis=0))])


def _velocities(grads, mu, weight=1.0):
    velocities = [np.zeros(grads.shape[1])]
    for g in grads:
        velocities.append(mu * velocities[-1] + weight * g)
    return np.array(velocities)


@mutant(of="momentum", says="You weigh the gradient with 1 - mu, an average. Here nothing stands in front of g.")
def momentum_averaged(grads, x0, lr, mu):
    return _walk(x0, lr, _velocities(grads, mu, 1 - mu)[1:])


@mutant(of="momentum", says="That is dampening: from the second step on you weigh the gradient with 1 - mu.")
def momentum_dampened(grads, x0, lr, mu):
    v = [grads[0]]
    for g in grads[1:]:
        v.append(mu * v[-1] + (1 - mu) * g)
    return _walk(x0, lr, v)


@mutant(of="momentum", says="That is Nesterov's look-ahead. The task asks for plain momentum: x - lr * v.")
def momentum_nesterov(grads, x0, lr, mu):
    return _walk(x0, lr, grads + mu * _velocities(grads, mu)[1:])


@mutant(of="momentum", says="You step with the old velocity. Update v first, then x.")
def momentum_old_velocity(grads, x0, lr, mu):
    return _walk(x0, lr, _velocities(grads, mu)[:-1])


@mutant(of="momentum", says="The velocity is forgotten: each step uses mu and the gradient before it alone.")
def momentum_two_gradients(grads, x0, lr, mu):
    before = np.vstack([np.zeros_like(x0), grads[:-1]])
    return _walk(x0, lr, grads + mu * before)


@mutant(of="momentum", says="There is no memory: your path is plain gradient descent.")
def momentum_forgotten(grads, x0, lr, mu):
    return momentum(grads, x0, lr, 0.0)


@mutant(
    of="momentum", says="mu multiplies the new gradient too: v = mu * (v + g). It belongs to the old velocity alone."
)
def momentum_mu_on_everything(grads, x0, lr, mu):
    return _walk(x0, lr, _velocities(grads, mu, mu)[1:])


@mutant(of="momentum", says="mu and 1 - mu are swapped: mu is what survives of the velocity.")
def momentum_weights_swapped(grads, x0, lr, mu):
    return _walk(x0, lr, _velocities(grads, 1 - mu, mu)[1:])


@mutant(of="momentum", says="The learning rate counts twice, in the velocity and again in the step.")
def momentum_rate_twice(grads, x0, lr, mu):
    return momentum(grads, x0, lr * lr, mu)


@mutant(of="momentum", says="Your velocity starts as x0. It starts at 0: nothing has pushed yet.")
def momentum_velocity_of_start(grads, x0, lr, mu):
    path, velocity = [x0], x0
    for g in grads:
        velocity = mu * velocity + g
        path.append(path[-1] - lr * velocity)
    return np.array(path)


@mutant(of="momentum", says="You step uphill: x - lr * v.")
def momentum_uphill(grads, x0, lr, mu):
    return momentum(grads, x0, -lr, mu)


@mutant(of="momentum", says="The first row has to be the start.")
def momentum_start_missing(grads, x0, lr, mu):
    return momentum(grads, x0, lr, mu)[1:]


@mutant(of="momentum", says="You use the first gradient for the velocity and then again for the first step.")
def momentum_first_gradient_twice(grads, x0, lr, mu):
    return _walk(x0, lr, _velocities(grads, mu)[1:] + grads[0] * mu ** np.arange(1, len(grads) + 1)[:, None])


@mutant(of="momentum", says="The gradients are used in reverse. Row 0 is the first step.")
def momentum_reversed(grads, x0, lr, mu):
    return momentum(grads[::-1], x0, lr, mu)


@mutant(of="momentum", says="Every row is the same array, changed in place. Append a copy, and do not touch x0.")
def momentum_same_row(grads, x0, lr, mu):
    x, v, path = x0, np.zeros_like(x0), [x0]
    for g in grads:
        v = mu * v + g
        x -= lr * v
        path.append(x)
    return np.array(path)


@mutant(of="momentum", says="v = grads[0] is no copy, so v *= mu changes the caller's gradients.")
def momentum_gradients_changed(grads, x0, lr, mu):
    v, path = grads[0], [x0, x0 - lr * grads[0]]
    for g in grads[1:]:
        v *= mu
        v += g
        path.append(path[-1] - lr * v)
    return np.array(path)


@mutant(of="momentum", says="You divide the gradient by its length. The velocity collects the gradients as they are.")
def momentum_normalised(grads, x0, lr, mu):
    length = np.linalg.norm(grads, axis=1, keepdims=True)
    return momentum(grads / np.maximum(length, 1e-12), x0, lr, mu)


@mutant(of="momentum", says="The path is float32. Keep the float64 of x0.")
def momentum_float32(grads, x0, lr, mu):
    return momentum(grads, x0, lr, mu).astype(np.float32)


# ---- adam ------------------------------------------------------------------------------------------------------


def _averages(grads, decay):
    average = [np.zeros(grads.shape[1])]
    for g in grads:
        average.append(decay * average[-1] + (1 - decay) * g)
    return np.array(average[1:])


def _corrected(grads, decay):
    return _averages(grads, decay) / (1 - decay ** np.arange(1, len(grads) + 1)[:, None])


@mutant(of="adam", says="The bias correction is missing (as it is by default in MLX): divide m and v by 1 - b^t.")
def adam_uncorrected(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _averages(grads, b1) / (np.sqrt(_averages(grads**2, b2)) + eps))


@mutant(of="adam", says="v is not corrected: divide it by 1 - b2^t.")
def adam_second_uncorrected(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _corrected(grads, b1) / (np.sqrt(_averages(grads**2, b2)) + eps))


@mutant(of="adam", says="m is not corrected: divide it by 1 - b1^t.")
def adam_first_uncorrected(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _averages(grads, b1) / (np.sqrt(_corrected(grads**2, b2)) + eps))


@mutant(of="adam", says="t is not counted up: you correct every step as if it were the first.")
def adam_t_stays_one(grads, x0, lr, b1, b2, eps):
    m, v = _averages(grads, b1) / (1 - b1), _averages(grads**2, b2) / (1 - b2)
    return _walk(x0, lr, m / (np.sqrt(v) + eps))


@mutant(of="adam", says="t starts at 0, so the first correction divides 0 by 0. The first step is t = 1.")
def adam_t_from_zero(grads, x0, lr, b1, b2, eps):
    t = np.arange(len(grads))[:, None]
    m, v = _averages(grads, b1) / (1 - b1**t), _averages(grads**2, b2) / (1 - b2**t)
    return _walk(x0, lr, m / (np.sqrt(v) + eps))


@mutant(of="adam", says="t is one ahead: the first step is t = 1, not 2.")
def adam_t_ahead(grads, x0, lr, b1, b2, eps):
    t = np.arange(2, len(grads) + 2)[:, None]
    m, v = _averages(grads, b1) / (1 - b1**t), _averages(grads**2, b2) / (1 - b2**t)
    return _walk(x0, lr, m / (np.sqrt(v) + eps))


@mutant(of="adam", says="t is the number of all steps. It is the number of this step.")
def adam_t_is_last(grads, x0, lr, b1, b2, eps):
    t = len(grads)
    m, v = _averages(grads, b1) / (1 - b1**t), _averages(grads**2, b2) / (1 - b2**t)
    return _walk(x0, lr, m / (np.sqrt(v) + eps))


@mutant(of="adam", says="b1 * t is not b1 ** t.")
def adam_times_instead_of_power(grads, x0, lr, b1, b2, eps):
    t = np.arange(1, len(grads) + 1)[:, None]
    m, v = _averages(grads, b1) / (1 - b1 * t), _averages(grads**2, b2) / (1 - b2 * t)
    return _walk(x0, lr, m / (np.sqrt(v) + eps))


@mutant(of="adam", says="b1 and b2 are swapped: b1 belongs to the gradient, b2 to its square.")
def adam_decays_swapped(grads, x0, lr, b1, b2, eps):
    return adam(grads, x0, lr, b2, b1, eps)


@mutant(of="adam", says="b and 1 - b are swapped: b is what survives of the average.")
def adam_weights_swapped(grads, x0, lr, b1, b2, eps):
    return adam(grads, x0, lr, 1 - b1, 1 - b2, eps)


@mutant(of="adam", says="You store the corrected averages and go on from them. Correct a copy for the step alone.")
def adam_correction_kept(grads, x0, lr, b1, b2, eps):
    path, m, v = [x0], 0.0, 0.0
    for t, g in enumerate(grads, start=1):
        m = (b1 * m + (1 - b1) * g) / (1 - b1**t)
        v = (b2 * v + (1 - b2) * g**2) / (1 - b2**t)
        path.append(path[-1] - lr * m / (np.sqrt(v) + eps))
    return np.array(path)


@mutant(of="adam", says="eps stands inside your root. It belongs outside: sqrt(v) + eps.")
def adam_eps_in_root(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _corrected(grads, b1) / np.sqrt(_corrected(grads**2, b2) + eps))


@mutant(of="adam", says="You add eps to the root of the uncorrected v (Keras does). Correct v first, then add eps.")
def adam_eps_before_correction(grads, x0, lr, b1, b2, eps):
    root = np.sqrt(1 - b2 ** np.arange(1, len(grads) + 1)[:, None])
    return _walk(x0, lr, _corrected(grads, b1) * root / (np.sqrt(_averages(grads**2, b2)) + eps))


@mutant(of="adam", says="eps is missing: without a gradient you divide 0 by 0.")
def adam_eps_missing(grads, x0, lr, b1, b2, eps):
    return adam(grads, x0, lr, b1, b2, 0.0)


@mutant(of="adam", says="The root is missing: divide by sqrt(v), not by v.")
def adam_root_missing(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _corrected(grads, b1) / (_corrected(grads**2, b2) + eps))


@mutant(of="adam", says="v averages the gradient. It averages the square of the gradient.")
def adam_square_missing(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _corrected(grads, b1) / (np.sqrt(np.abs(_corrected(grads, b2))) + eps))


@mutant(of="adam", says="That is RMSprop: you step with the gradient itself, not with its average m.")
def adam_without_first_average(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, grads / (np.sqrt(_corrected(grads**2, b2)) + eps))


@mutant(of="adam", says="You square the length of the whole gradient. Each coordinate has its own v.")
def adam_one_step_size(grads, x0, lr, b1, b2, eps):
    square = np.sum(grads**2, axis=1, keepdims=True)
    return _walk(x0, lr, _corrected(grads, b1) / (np.sqrt(_corrected(square, b2)) + eps))


@mutant(of="adam", says="That is AdaGrad's sum of all squares. v is an average that forgets.")
def adam_sum_of_squares(grads, x0, lr, b1, b2, eps):
    return _walk(x0, lr, _corrected(grads, b1) / (np.sqrt(np.cumsum(grads**2, axis=0)) + eps))


@mutant(of="adam", says="You step uphill: subtract lr times the quotient.")
def adam_uphill(grads, x0, lr, b1, b2, eps):
    return adam(grads, x0, -lr, b1, b2, eps)


@mutant(of="adam", says="The first row has to be the start.")
def adam_start_missing(grads, x0, lr, b1, b2, eps):
    return adam(grads, x0, lr, b1, b2, eps)[1:]


@mutant(of="adam", says="x = x0 is no copy, so x -= ... changes the caller's x0.")
def adam_start_changed(grads, x0, lr, b1, b2, eps):
    moves = np.diff(adam(grads, x0, lr, b1, b2, eps), axis=0)
    x, path = x0, [x0.copy()]
    for move in moves:
        x += move
        path.append(x.copy())
    return np.array(path)


@mutant(of="adam", says="The path is float32. Keep the float64 of x0.")
def adam_float32(grads, x0, lr, b1, b2, eps):
    return adam(grads, x0, lr, b1, b2, eps).astype(np.float32)
