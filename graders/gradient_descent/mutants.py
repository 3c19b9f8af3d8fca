"""Wrong answers that students give, each with what a tutor would say. All of them must lose points."""

import numpy as np
from mutants_of_epochs import *
from mutants_with_memory import *
from reference import gradient_descent, line_step

from assay.checks import mutant

# ---- line_step -------------------------------------------------------------------------------------------------


@mutant(of="line_step", says="You sum over the data points. The loss is a mean, so divide by n.")
def line_summed(m, b, x, y, lr):
    r = m * x + b - y
    return m - lr * 2 * np.sum(r * x), b - lr * 2 * np.sum(r)


@mutant(of="line_step", says="You step uphill: subtract the gradient.")
def line_uphill(m, b, x, y, lr):
    return line_step(m, b, x, y, -lr)


@mutant(of="line_step", says="The residual is m x + b - y. With y - (m x + b) the gradient gets another minus sign.")
def line_residual_reversed(m, b, x, y, lr):
    r = y - (m * x + b)
    return m - lr * 2 * np.mean(r * x), b - lr * 2 * np.mean(r)


@mutant(of="line_step", says="The gradient of b is taken at the new m. Compute both derivatives first, then step.")
def line_m_before_b(m, b, x, y, lr):
    m = m - lr * 2 * np.mean((m * x + b - y) * x)
    return m, b - lr * 2 * np.mean(m * x + b - y)


@mutant(of="line_step", says="The gradient of m is taken at the new b. Compute both derivatives first, then step.")
def line_b_before_m(m, b, x, y, lr):
    b = b - lr * 2 * np.mean(m * x + b - y)
    return m - lr * 2 * np.mean((m * x + b - y) * x), b


@mutant(of="line_step", says="The derivative of r^2 is 2 r. You lost the factor 2.")
def line_factor_two_lost(m, b, x, y, lr):
    return line_step(m, b, x, y, lr / 2)


@mutant(of="line_step", says="The inner derivative is missing: dL/dm is the mean of 2 r x, not of 2 r.")
def line_x_forgotten(m, b, x, y, lr):
    step = lr * 2 * np.mean(m * x + b - y)
    return m - step, b - step


@mutant(of="line_step", says="The intercept stays what it was. It has a derivative too.")
def line_b_fixed(m, b, x, y, lr):
    return line_step(m, b, x, y, lr)[0], b


@mutant(of="line_step", says="The residual lacks the intercept: it is m x + b - y.")
def line_b_not_in_residual(m, b, x, y, lr):
    r = m * x - y
    return m - lr * 2 * np.mean(r * x), b - lr * 2 * np.mean(r)


@mutant(of="line_step", says="You return the intercept first. The order is (m, b).")
def line_pair_swapped(m, b, x, y, lr):
    return line_step(m, b, x, y, lr)[::-1]


@mutant(of="line_step", says="You return the gradient. Take the step with it: m - lr * dm, b - lr * db.")
def line_gradient_returned(m, b, x, y, lr):
    r = m * x + b - y
    return 2 * np.mean(r * x), 2 * np.mean(r)


@mutant(of="line_step", says="That is the whole fit. The task asks for a single step.")
def line_solved(m, b, x, y, lr):
    for _ in range(1000):
        m, b = line_step(m, b, x, y, 0.9 / (1 + np.mean(x**2)))
    return m, b


@mutant(of="line_step", says="The mean of r times the mean of x is not the mean of r x. Multiply first.")
def line_product_of_means(m, b, x, y, lr):
    r = m * x + b - y
    return m - lr * 2 * np.mean(r) * np.mean(x), b - lr * 2 * np.mean(r)


@mutant(
    of="line_step", says="That is the mean absolute error. The squared error has the derivative 2 r, not the sign of r."
)
def line_absolute_error(m, b, x, y, lr):
    sign = np.sign(m * x + b - y)
    return m - lr * np.mean(sign * x), b - lr * np.mean(sign)


@mutant(of="line_step", says="The slope is divided by n, the intercept is not. Both derivatives are means.")
def line_b_summed(m, b, x, y, lr):
    r = m * x + b - y
    return m - lr * 2 * np.mean(r * x), b - lr * 2 * np.sum(r)


@mutant(of="line_step", says="y -= ... changes the caller's data. Compute the residual as a new array.")
def line_data_changed(m, b, x, y, lr):
    y -= m * x + b
    return m + lr * 2 * np.mean(y * x), b + lr * 2 * np.mean(y)


# ---- gradient_descent ------------------------------------------------------------------------------------------


@mutant(of="gradient_descent", says="You step uphill: subtract the gradient.")
def descent_uphill(grad, x0, lr, steps):
    return gradient_descent(grad, x0, -lr, steps)


@mutant(of="gradient_descent", says="The first row has to be the start.")
def descent_start_missing(grad, x0, lr, steps):
    return gradient_descent(grad, x0, lr, steps)[1:]


@mutant(of="gradient_descent", says="One step too few: the path has steps + 1 rows, the start and one for each step.")
def descent_one_step_short(grad, x0, lr, steps):
    return gradient_descent(grad, x0, lr, max(steps - 1, 0))


@mutant(of="gradient_descent", says="One step too many: the path has steps + 1 rows, and the start is one of them.")
def descent_one_step_long(grad, x0, lr, steps):
    return gradient_descent(grad, x0, lr, steps + 1)


@mutant(of="gradient_descent", says="You return the last place. The task asks for the path that leads there.")
def descent_end_only(grad, x0, lr, steps):
    return gradient_descent(grad, x0, lr, steps)[-1]


@mutant(
    of="gradient_descent", says="Every row is the same array, changed in place. Append a copy, and do not touch x0."
)
def descent_same_row(grad, x0, lr, steps):
    x, path = x0, [x0]
    for _ in range(steps):
        x -= lr * grad(x)
        path.append(x)
    return np.array(path)


@mutant(of="gradient_descent", says="The path is right, but x = x0 is no copy, so x -= ... changes the caller's x0.")
def descent_start_changed(grad, x0, lr, steps):
    x, path = x0, [x0.copy()]
    for _ in range(steps):
        x -= lr * grad(x)
        path.append(x.copy())
    return np.array(path)


@mutant(of="gradient_descent", says="You use the gradient at the start for every step. Ask for it where you stand.")
def descent_gradient_of_start(grad, x0, lr, steps):
    g = grad(x0)
    return np.array([x0 - t * lr * g for t in range(steps + 1)])


@mutant(of="gradient_descent", says="You ask for the gradient twice in every step. Store it in a variable.")
def descent_gradient_twice(grad, x0, lr, steps):
    path = [x0]
    for _ in range(steps):
        if np.linalg.norm(grad(path[-1])) >= 0:
            path.append(path[-1] - lr * grad(path[-1]))
    return np.array(path)


@mutant(of="gradient_descent", says="After the last step you ask for one more gradient that nobody uses.")
def descent_gradient_wasted(grad, x0, lr, steps):
    path, g = [x0], grad(x0)
    for _ in range(steps):
        path.append(path[-1] - lr * g)
        g = grad(path[-1])
    return np.array(path)


@mutant(
    of="gradient_descent", says="You divide by the length of the gradient. The step is lr times the gradient itself."
)
def descent_normalised(grad, x0, lr, steps):
    def direction(x):
        g = grad(x)
        return g / np.linalg.norm(g)

    return gradient_descent(direction, x0, lr, steps)


@mutant(of="gradient_descent", says="Your learning rate shrinks from step to step. The task keeps it constant.")
def descent_rate_decays(grad, x0, lr, steps):
    path = [x0]
    for t in range(steps):
        path.append(path[-1] - lr / (t + 1) * grad(path[-1]))
    return np.array(path)


@mutant(of="gradient_descent", says="The learning rate is missing.")
def descent_rate_missing(grad, x0, lr, steps):
    return gradient_descent(grad, x0, 1.0, steps)


@mutant(of="gradient_descent", says="The path is float32. Keep the float64 of x0.")
def descent_float32(grad, x0, lr, steps):
    return gradient_descent(grad, x0, lr, steps).astype(np.float32)


@mutant(of="gradient_descent", says="You stop when the gradient is small. The path always has steps + 1 rows.")
def descent_stops_early(grad, x0, lr, steps):
    path = [x0]
    for _ in range(steps):
        g = grad(path[-1])
        if np.linalg.norm(g) < 1.0:
            break
        path.append(path[-1] - lr * g)
    return np.array(path)


@mutant(of="gradient_descent", says="Without a step the path is still the start: shape [1, d], not [d].")
def descent_no_step_flat(grad, x0, lr, steps):
    path = x0
    for _ in range(steps):
        here = path if path.ndim == 1 else path[-1]
        path = np.vstack([path, here - lr * grad(here)])
    return path


@mutant(of="gradient_descent", says="The path lies on its side: rows are places, columns are coordinates.")
def descent_transposed(grad, x0, lr, steps):
    return gradient_descent(grad, x0, lr, steps).T
