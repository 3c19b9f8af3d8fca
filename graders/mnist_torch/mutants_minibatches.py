"""Wrong answers to minibatches."""

import numpy as np

from assay.checks import mutant


def _cut(order, size):
    return [order[start : start + size] for start in range(0, len(order), size)]


@mutant(of="minibatches", says="The last batch is lost when it is shorter. Its images would never be trained on.")
def drops_the_last(n, size, seed):
    return [batch for batch in _cut(np.random.default_rng(seed).permutation(n), size) if len(batch) == size]


@mutant(of="minibatches", says="Nothing is shuffled: every epoch would see the same batches.")
def in_order(n, size, seed):
    return _cut(np.arange(n), size)


@mutant(of="minibatches", says="The generator is not seeded: the same seed gives other batches each time.")
def without_seed(n, size, seed):
    return _cut(np.random.permutation(n), size)


@mutant(of="minibatches", says="The seed is always 0, whatever is passed: every epoch would see the same batches.")
def seed_of_zero(n, size, seed):
    return _cut(np.random.default_rng(0).permutation(n), size)


@mutant(of="minibatches", says="These are draws with replacement: some numbers come twice and others never.")
def with_replacement(n, size, seed):
    return _cut(np.random.default_rng(seed).integers(0, n, n), size)


@mutant(of="minibatches", says="The numbers go from 1 to n. Python counts from 0 to n - 1.")
def from_one(n, size, seed):
    return _cut(np.random.default_rng(seed).permutation(n) + 1, size)


@mutant(of="minibatches", says="The batches are shuffled, but each of them holds neighbouring numbers.")
def shuffles_batches_only(n, size, seed):
    batches = _cut(np.arange(n), size)
    return [batches[i] for i in np.random.default_rng(seed).permutation(len(batches))]


@mutant(of="minibatches", says="Only the order within each batch is shuffled; who is in which batch never changes.")
def shuffles_within_batches(n, size, seed):
    rng = np.random.default_rng(seed)
    return [rng.permutation(batch) for batch in _cut(np.arange(n), size)]


@mutant(of="minibatches", says="size is taken for the number of batches; it is how many numbers each of them has.")
def so_many_batches(n, size, seed):
    return np.array_split(np.random.default_rng(seed).permutation(n), size)


@mutant(of="minibatches", says="The batches are made equally long. All but the last have `size` numbers.")
def evened_out(n, size, seed):
    return np.array_split(np.random.default_rng(seed).permutation(n), -(-n // size))


@mutant(of="minibatches", says="There is an empty batch at the end where size divides n. Its mean loss would be nan.")
def empty_at_the_end(n, size, seed):
    order = np.random.default_rng(seed).permutation(n)
    return [order[i * size : (i + 1) * size] for i in range(n // size + 1)]


@mutant(of="minibatches", says="All numbers are in one batch: size is not used.")
def one_batch(n, size, seed):
    return [np.random.default_rng(seed).permutation(n)]


@mutant(of="minibatches", says="Only the first batch is returned; return a list of all of them.")
def first_batch(n, size, seed):
    return _cut(np.random.default_rng(seed).permutation(n), size)[:1]


@mutant(of="minibatches", says="The numbers are floats. Only whole numbers can pick rows of an array.")
def floats(n, size, seed):
    return _cut(np.random.default_rng(seed).permutation(n).astype(float), size)


@mutant(of="minibatches", says="The batches overlap: each starts one number after the last, not `size` numbers.")
def overlapping(n, size, seed):
    order = np.random.default_rng(seed).permutation(n)
    return [order[start : start + size] for start in range(n)]


@mutant(of="minibatches", says="The first number always stays in front: shuffle all of them.")
def first_stays(n, size, seed):
    order = np.arange(n)
    np.random.default_rng(seed).shuffle(order[1:])
    return _cut(order, size)
