"""Known mistakes in batches and the cross entropy, in other words: written from the sentence of each.

Any order of the numbers is a right one, so a student may draw it by another generator than the known mistakes do. What
is drawn so stays unnamed: see the end of the part about minibatches.
"""

import math
import random

import numpy as np
import torch
from scipy.special import log_softmax, logsumexp, softmax
from torch.nn import functional

from tests.support.diagnosis import disguise

# ---- minibatches -----------------------------------------------------------------------------------------------


def shuffled(n, seed):
    numbers = np.arange(n)
    np.random.default_rng(seed).shuffle(numbers)
    return numbers


@disguise("minibatches", "drops_the_last")
def rows_of_a_table(n, size, seed):
    whole = n // size
    return list(shuffled(n, seed)[: whole * size].reshape(whole, size))


@disguise("minibatches", "in_order")
def generator_unused(n, size, seed):
    rng = np.random.default_rng(seed)
    rng.permutation(n)
    return [np.arange(start, min(n, start + size)) for start in range(0, n, size)]


@disguise("minibatches", "seed_of_zero")
def seed_overwritten(n, size, seed):
    seed = 0
    return np.split(shuffled(n, seed), np.arange(size, n, size))


@disguise("minibatches", "with_replacement")
def chosen(n, size, seed):
    drawn = np.random.default_rng(seed).choice(n, n)
    return [drawn[start : start + size] for start in range(0, n, size)]


@disguise("minibatches", "from_one")
def counted_as_people_do(n, size, seed):
    numbers = np.random.default_rng(seed).permutation(np.array(range(1, n + 1)))
    return np.split(numbers, range(size, n, size))


@disguise("minibatches", "shuffles_batches_only")
def cut_then_shuffled(n, size, seed):
    batches = np.split(np.arange(n), range(size, n, size))
    np.random.default_rng(seed).shuffle(batches)
    return batches


@disguise("minibatches", "shuffles_within_batches")
def each_one_shuffled(n, size, seed):
    rng, numbers = np.random.default_rng(seed), np.arange(n)
    for start in range(0, n, size):
        rng.shuffle(numbers[start : start + size])
    return [numbers[start : start + size] for start in range(0, n, size)]


@disguise("minibatches", "so_many_batches")
def size_of_them(n, size, seed):
    numbers, batches = shuffled(n, seed), []
    for left in range(size, 0, -1):
        length = math.ceil(len(numbers) / left)
        batches.append(numbers[:length])
        numbers = numbers[length:]
    return batches


@disguise("minibatches", "evened_out")
def shared_out(n, size, seed):
    count = math.ceil(n / size)
    least, more = divmod(n, count)
    ends = np.cumsum([least + (number < more) for number in range(count)])
    return np.split(shuffled(n, seed), ends[:-1])


@disguise("minibatches", "empty_at_the_end")
def until_the_end_is_passed(n, size, seed):
    numbers, batches, start = shuffled(n, seed), [], 0
    while start <= n:
        batches.append(numbers[start : start + size])
        start += size
    return batches


@disguise("minibatches", "one_batch")
def a_list_around_it(n, size, seed):
    return [shuffled(n, seed)]


@disguise("minibatches", "first_batch")
def returned_too_early(n, size, seed):
    numbers, batches = shuffled(n, seed), []
    for start in range(0, n, size):
        batches.append(numbers[start : start + size])
        return batches


@disguise("minibatches", "floats")
def filled_in(n, size, seed):
    numbers = np.zeros(n)
    numbers[:] = shuffled(n, seed)
    return [numbers[size * i : size * (i + 1)] for i in range(math.ceil(n / size))]


@disguise("minibatches", "overlapping")
def step_forgotten(n, size, seed):
    numbers = shuffled(n, seed)
    return [numbers[start:][:size] for start, _ in enumerate(numbers)]


@disguise("minibatches", "first_stays")
def nought_put_in_front(n, size, seed):
    numbers = np.concatenate([[0], 1 + np.random.default_rng(seed).permutation(n - 1)])
    return np.split(numbers, range(size, n, size))


@disguise("minibatches", "drops_the_last", named=False)
def rows_of_an_older_generator(n, size, seed):
    numbers = np.random.RandomState(seed).permutation(n)
    return [numbers[i * size : (i + 1) * size] for i in range(n // size)]


@disguise("minibatches", "from_one", named=False)
def sampled_by_python(n, size, seed):
    numbers = np.array(random.Random(seed).sample(range(1, n + 1), n))
    return [numbers[start : start + size] for start in range(0, n, size)]


@disguise("minibatches", "evened_out", named=False)
def chunks_of_torch(n, size, seed):
    numbers = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).numpy()
    return np.array_split(numbers, math.ceil(n / size))


@disguise("minibatches", "shuffles_within_batches", named=False)
def a_new_generator_for_each(n, size, seed):
    batches = np.split(np.arange(n), range(size, n, size))
    return [np.random.default_rng(seed).permutation(batch) for batch in batches]


@disguise("minibatches", "without_seed", named=False)
def newly_drawn(n, size, seed):
    numbers = np.random.default_rng().permutation(n)
    return [numbers[start : start + size] for start in range(0, n, size)]


# ---- cross_entropy ---------------------------------------------------------------------------------------------


def tensors(logits, labels):
    return torch.from_numpy(logits), torch.from_numpy(labels)


@disguise("cross_entropy", "sum_of_losses")
def reduced_to_a_sum(logits, labels):
    return functional.cross_entropy(*tensors(logits, labels), reduction="sum").item()


@disguise("cross_entropy", "mean_of_everything")
def mean_with_the_noughts(logits, labels):
    one_hot = np.equal.outer(labels, np.arange(logits.shape[1]))
    return np.mean(np.where(one_hot, -log_softmax(logits, axis=1), 0.0))


@disguise("cross_entropy", "negative")
def mean_log_likelihood(logits, labels):
    z, y = tensors(logits, labels)
    return torch.log_softmax(z, 1).gather(1, y[:, None]).mean().item()


@disguise("cross_entropy", "overflows")
def row_by_row(logits, labels):
    losses = []
    for z, y in zip(logits, labels, strict=True):
        p = np.exp(z) / sum(np.exp(z))
        losses.append(-np.log(p[y]))
    return sum(losses) / len(losses)


@disguise("cross_entropy", "log_of_zero")
def softmax_of_torch(logits, labels):
    z, y = tensors(logits, labels)
    p = torch.softmax(z, dim=-1)
    return functional.nll_loss(torch.log(p), y).item()


@disguise("cross_entropy", "with_epsilon")
def never_quite_zero(logits, labels):
    one_hot = np.eye(logits.shape[-1])[labels]
    return -(one_hot * np.log(1e-7 + softmax(logits, axis=1))).sum(axis=1).mean()


@disguise("cross_entropy", "one_maximum_for_all")
def maximum_without_an_axis(logits, labels):
    z = logits - np.amax(logits)
    p = np.exp(z) / np.einsum("nk->n", np.exp(z))[:, None]
    return float(np.average([-np.log(p[row, label]) for row, label in enumerate(labels)]))


@disguise("cross_entropy", "over_examples")
def along_the_batch(logits, labels):
    z, y = tensors(logits, labels)
    return functional.nll_loss(functional.log_softmax(z, dim=0), y).item()


@disguise("cross_entropy", "of_probabilities")
def softmax_before_torchs_own(logits, labels):
    z, y = tensors(logits, labels)
    return functional.cross_entropy(z.softmax(dim=1), y).item()


@disguise("cross_entropy", "no_logarithm")
def likelihood_of_torch(logits, labels):
    z, y = tensors(logits, labels)
    return functional.nll_loss(torch.softmax(z, dim=1), y).item()


@disguise("cross_entropy", "in_bits")
def log2_of_a_sum(logits, labels):
    largest = np.max(logits, axis=1)
    sums = np.log2(np.exp(logits - largest[:, None]).sum(axis=1))
    picked = np.array([row[label] for row, label in zip(logits, labels, strict=True)])
    return np.mean(sums - (picked - largest) * np.log2(np.e))


@disguise("cross_entropy", "all_columns")
def taken_along_columns(logits, labels):
    total = 0.0
    for row in logits - logsumexp(logits, axis=1, keepdims=True):
        for label in labels:
            total -= row[label]
    return total / len(labels) ** 2


@disguise("cross_entropy", "of_the_answer")
def smallest_of_all_losses(logits, labels):
    z, _ = tensors(logits, labels)
    return functional.cross_entropy(z, z.argmax(dim=1)).item()


@disguise("cross_entropy", "squared_error")
def mse_of_torch(logits, labels):
    z, y = tensors(logits, labels)
    return functional.mse_loss(z.softmax(1), functional.one_hot(y, z.shape[1]).double()).item()


@disguise("cross_entropy", "loss_of_each")
def not_reduced(logits, labels):
    return functional.cross_entropy(*tensors(logits, labels), reduction="none").numpy()


@disguise("cross_entropy", "in_place")
def rows_made_smaller(logits, labels):
    losses = []
    for row, label in zip(logits, labels, strict=True):
        row -= max(row)
        losses.append(math.log(sum(map(math.exp, row))) - row[label])
    return sum(losses) / len(losses)
