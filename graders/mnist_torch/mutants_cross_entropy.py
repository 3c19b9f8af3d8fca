"""Wrong answers to cross_entropy."""

import numpy as np

from assay.checks import mutant


def _log_softmax(logits, axis=1):
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _at(values, labels):
    return values[np.arange(len(labels)), labels]


@mutant(
    of="cross_entropy", says="The losses are added up. The cross entropy is their mean, so that lr suits any batch."
)
def sum_of_losses(logits, labels):
    return -_at(_log_softmax(logits), labels).sum()


@mutant(of="cross_entropy", says="You divide by the number of all logits, n k, not by the number of examples, n.")
def mean_of_everything(logits, labels):
    return -_at(_log_softmax(logits), labels).sum() / logits.size


@mutant(of="cross_entropy", says="The sign is missing: the logarithm of a probability is negative, a loss is not.")
def negative(logits, labels):
    return _at(_log_softmax(logits), labels).mean()


@mutant(of="cross_entropy", says="exp overflows for large logits. Subtract the largest logit of each row first.")
def overflows(logits, labels):
    exponentials = np.exp(logits)
    return -np.log(_at(exponentials / exponentials.sum(axis=1, keepdims=True), labels)).mean()


@mutant(of="cross_entropy", says="The logarithm of a probability that was rounded to 0: work with ln sum exp(z) - z.")
def log_of_zero(logits, labels):
    return -np.log(_at(np.exp(_log_softmax(logits)), labels)).mean()


@mutant(of="cross_entropy", says="1e-7 within the logarithm changes every loss a little and large ones a lot.")
def with_epsilon(logits, labels):
    return -np.log(_at(np.exp(_log_softmax(logits)), labels) + 1e-7).mean()


@mutant(
    of="cross_entropy", says="One largest logit of the whole batch is subtracted: rows far below it lose everything."
)
def one_maximum_for_all(logits, labels):
    exponentials = np.exp(logits - logits.max())
    return -np.log(_at(exponentials / exponentials.sum(axis=1, keepdims=True), labels)).mean()


@mutant(of="cross_entropy", says="The softmax is taken over the examples; it belongs along each row, over the classes.")
def over_examples(logits, labels):
    return -_at(_log_softmax(logits, axis=0), labels).mean()


@mutant(of="cross_entropy", says="The softmax is taken twice: the logits are turned into probabilities once.")
def of_probabilities(logits, labels):
    return -_at(_log_softmax(np.exp(_log_softmax(logits))), labels).mean()


@mutant(of="cross_entropy", says="There is no logarithm: this is minus the mean probability of the labels.")
def no_logarithm(logits, labels):
    return -_at(np.exp(_log_softmax(logits)), labels).mean()


@mutant(of="cross_entropy", says="The logarithm has base 2; ln has base e.")
def in_bits(logits, labels):
    return -_at(_log_softmax(logits), labels).mean() / np.log(2)


@mutant(
    of="cross_entropy",
    says="values[:, labels] takes all columns for all rows. Pair them: values[np.arange(n), labels].",
)
def all_columns(logits, labels):
    return -_log_softmax(logits)[:, labels].mean()


@mutant(of="cross_entropy", says="The loss of the most probable class is taken, not that of the true one.")
def of_the_answer(logits, labels):
    return -_log_softmax(logits).max(axis=1).mean()


@mutant(of="cross_entropy", says="This is the squared error of the probabilities.")
def squared_error(logits, labels):
    return np.mean((np.exp(_log_softmax(logits)) - np.eye(logits.shape[1])[labels]) ** 2)


@mutant(of="cross_entropy", says="One loss for each example is returned; return their mean.")
def loss_of_each(logits, labels):
    return -_at(_log_softmax(logits), labels)


@mutant(of="cross_entropy", says="logits -= ... changes the caller's array. Write logits = logits - ...")
def in_place(logits, labels):
    logits -= logits.max(axis=1, keepdims=True)
    return -_at(_log_softmax(logits), labels).mean()
