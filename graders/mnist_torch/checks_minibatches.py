"""Hidden checks of minibatches. Any order will do, so nothing is compared with the reference."""

from assay.checks import *

SEEDS = st.integers(0, 10**6)


def batches_of(student, n, size, seed):
    """The student's batches, as a list of int64 arrays of one axis."""
    got = student.minibatches(n, size, seed)
    if not isinstance(got, (list, tuple)):
        raise Mismatch("expected a list of arrays", got=got, expected="a list of int64 arrays")
    for batch in got:
        if not isinstance(batch, np.ndarray) or batch.ndim != 1 or batch.dtype != np.int64:
            raise Mismatch("a batch is no int64 array with one axis", got=batch, expected="an int64 array of numbers")
    return list(got)


def joined(batches):
    return np.concatenate([np.empty(0, np.int64), *batches])


@check(
    "minibatches holds every number from 0 to n - 1 exactly once",
    points=2,
    task="minibatches",
    hint="Cut one permutation of the n numbers into pieces. The last piece counts, too, when it is shorter.",
)
@given(st.integers(1, 30), st.integers(1, 12), SEEDS)
def check_each_once(student, n, size, seed):
    assert_close(np.sort(joined(batches_of(student, n, size, seed))), np.arange(n))


@check(
    "all batches have the size that was asked for, but the last one may be shorter",
    points=1,
    task="minibatches",
    after=check_each_once,
    hint="Ten numbers in batches of four: 4, 4 and 2. Eight: 4 and 4, and no empty batch at the end.",
)
@given(st.integers(1, 30), st.integers(1, 12), SEEDS)
def check_sizes(student, n, size, seed):
    expected = [min(size, n - start) for start in range(0, n, size)]
    assert_close([len(batch) for batch in batches_of(student, n, size, seed)], expected)


@check(
    "asked twice with one seed, it gives the same batches twice",
    points=1,
    task="minibatches",
    after=check_each_once,
    hint="Make a generator of your own inside the function: np.random.default_rng(seed).",
    examples=10,
)
@given(st.integers(9, 30), st.integers(1, 12), SEEDS)
def check_seeded(student, n, size, seed):
    first = batches_of(student, n, size, seed)
    batches_of(student, n, size, seed + 1)
    assert_close(batches_of(student, n, size, seed), first)


@check(
    "the numbers are shuffled all over: within the batches and between them",
    points=1,
    task="minibatches",
    after=check_each_once,
    hint="Shuffle the numbers first, then cut. Each seed has an order of its own.",
    examples=5,
)
@given(SEEDS)
def check_shuffled(student, seed):
    batches = batches_of(student, 100, 10, seed)
    if all(np.all(np.diff(batch) > 0) for batch in batches):
        raise Mismatch("within each batch the numbers ascend", got=batches[0], expected="numbers in any order")
    if all(np.ptp(batch) < 10 for batch in batches):
        raise Mismatch("each batch holds ten neighbouring numbers", got=batches[0], expected="numbers from all over")
    orders = [joined(batches_of(student, 100, 10, seed + i)) for i in range(1, 9)]
    if any(np.array_equal(order, joined(batches)) for order in orders):
        raise Mismatch("two seeds give the same order", got=orders[0][:10], expected="another order")
    firsts = [int(order[0]) for order in orders]
    if len(set(firsts)) == 1:
        raise Mismatch(f"every order begins with {firsts[0]}", got=firsts, expected="any number")
