"""Wrong answers that students give, each with what a tutor would say. All of them must lose points."""

from functools import partial

import numpy as np
from mutants_of_cross_entropy import *
from mutants_of_mlp import *
from mutants_of_value import *

from assay.checks.answers import mutant

wrong = partial(mutant, of="numerical_gradient")


def unit(x, i, h):
    """h in entry i, zeros elsewhere, in x's shape."""
    step = np.zeros(np.shape(x))
    step[i] = h
    return step


def each_entry(x, slope):
    """The array of slope(x, i) for all entries i of a float copy of x."""
    x = np.array(x, dtype=float)
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        g[i] = slope(x, i)
    return g


@wrong(says="This is the forward difference. Step to both sides: its error falls with h squared.")
def forward_difference(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h)) - f(x)) / h)


@wrong(says="This is the backward difference. Step to both sides: its error falls with h squared.")
def backward_difference(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x) - f(x - unit(x, i, h))) / h)


@wrong(says="The two points are 2h apart, so divide by 2h, not by h.")
def divided_by_h(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / h)


@wrong(says="Operator precedence: a / 2 * h is (a / 2) * h. Write a / (2 * h).")
def divided_by_two_times_h(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / 2 * h)


@wrong(says="You step by h/2 to each side but divide by 2h. The step to each side is h.")
def half_a_step(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h / 2)) - f(x - unit(x, i, h / 2))) / (2 * h))


@wrong(says="You step by h/2 to each side. The step to each side is h, so the points are 2h apart.")
def narrow(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h / 2)) - f(x - unit(x, i, h / 2))) / h)


@wrong(says="Your step is always 1e-5. Use the argument h.")
def step_ignored(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, 1e-5)) - f(x - unit(x, i, 1e-5))) / 2e-5)


@wrong(says="Your step grows with |x|. The step is h for every entry.")
def relative_step(f, x, h=1e-5):
    def slope(x, i):
        step = h * max(1.0, abs(x[i]))
        return (f(x + unit(x, i, step)) - f(x - unit(x, i, step))) / (2 * step)

    return each_entry(x, slope)


@wrong(says="The sign is turned: it is f(x + h) - f(x - h).")
def wrong_sign(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x - unit(x, i, h)) - f(x + unit(x, i, h))) / (2 * h))


@wrong(says="You shift all entries at once. Move one entry at a time: one partial derivative each.")
def all_entries_at_once(f, x, h=1e-5):
    return np.full(np.shape(x), (f(x + h) - f(x - h)) / (2 * h))


@wrong(says="x holds integers and so does its copy: adding h is lost. Convert to float first.")
def integers_kept(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] = x[i] + h
        down[i] = x[i] - h
        g[i] = (f(up) - f(down)) / (2 * h)
    return g


@wrong(says="zeros_like(x) of integers holds integers: your slopes are cut off. Say dtype=float.")
def integer_gradient(f, x, h=1e-5):
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        g[i] = (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / (2 * h)
    return g


@wrong(says="The gradient has x's shape. Yours is flat.")
def flat_gradient(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / (2 * h)).ravel()


@wrong(says="f expects an array of x's shape. You flatten x and call f with the flat one.")
def flat_argument(f, x, h=1e-5):
    flat = np.array(x, dtype=float).ravel()
    return each_entry(flat, lambda x, i: (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / (2 * h)).reshape(x.shape)


@wrong(says="You loop over the first axis only and move a whole row. Loop over every entry.")
def first_axis_only(f, x, h=1e-5):
    x = np.array(x, dtype=float)
    g = np.zeros(x.shape)
    for i in range(len(x)):
        g[i] = (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / (2 * h)
    return g


@wrong(says="You do not put x[i] back, so the next slope is taken at a shifted point, and x is changed.")
def not_put_back(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        g[i] = (up - f(x)) / (2 * h)
    return g


@wrong(says="You do not put x[i] back, so the next slope is taken at a shifted point, and x is changed.")
def not_put_back_after_assigning(f, x, h=1e-5):
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        here = x[i]
        x[i] = here + h
        up = f(x)
        x[i] = here - h
        g[i] = (up - f(x)) / (2 * h)
    return g


@wrong(says="x + h is float32 in your code. Rounding errors are then larger than the difference.")
def single_precision(f, x, h=1e-5):
    x = x.astype(np.float32)
    g = np.zeros(x.shape, dtype=np.float32)
    for i in np.ndindex(x.shape):
        step = unit(x, i, h).astype(np.float32)
        g[i] = (f(x + step) - f(x - step)) / (2 * h)
    return g


@wrong(says="f(x) in the middle is not needed: a central difference takes two evaluations an entry.")
def three_evaluations(f, x, h=1e-5):
    def slope(x, i):
        middle = f(x)
        return ((f(x + unit(x, i, h)) - middle) + (middle - f(x - unit(x, i, h)))) / (2 * h)

    return each_entry(x, slope)


@wrong(says="This is the stencil with five points. Asked for is the central difference, with two.")
def five_points(f, x, h=1e-5):
    def slope(x, i):
        near = f(x + unit(x, i, h)) - f(x - unit(x, i, h))
        far = f(x + unit(x, i, 2 * h)) - f(x - unit(x, i, 2 * h))
        return (8 * near - far) / (12 * h)

    return each_entry(x, slope)


@wrong(says="Return an array of x's shape, not a list.")
def as_a_list(f, x, h=1e-5):
    return each_entry(x, lambda x, i: (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / (2 * h)).tolist()


@wrong(says="Rounding the answer throws away digits that are right.")
def rounded(f, x, h=1e-5):
    return np.round(each_entry(x, lambda x, i: (f(x + unit(x, i, h)) - f(x - unit(x, i, h))) / (2 * h)), 3)
