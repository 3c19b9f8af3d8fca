"""Checks of training exercises: a student's `fit(inputs, labels, *, seed, epochs)` returns `predict`.

    digits = Training(fit, data, train=1000, held_out=1000, epochs=5)
    check_learns = learns(digits, target=0.85)
    check_others = learns_other_images(digits, target=0.85, points=4, after=check_learns)

The judge owns the data, draws a split in each round, and keeps the labels of the held-out part to itself. Checks of
one run share trainings. They take the options of `check`, and show no data when they fail, only what was reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from assay.checks.bank import Kept
from assay.checks.compare import Mismatch
from assay.checks.drawn import Function
from assay.checks.trained import Recipe, Split, Trained, Training, drawn_seed, training_check

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]

STANDARD_ERRORS = 3.0  # half-width of the interval around a measured accuracy
MORE = 0.1  # of the inputs with random labels are known after many passes and not after one


def learns(training: Training, *, target: float, sentence: str | None = None, **options: Any) -> Function:
    """The accuracy on held-out inputs is `target`, or below it by no more than chance explains: Wilson's interval
    around it, of three standard errors, holds the target."""

    def learns(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        _reaches(target, *_learnt(done, rng, "plain", lambda split: split))

    return training_check(training, sentence or f"{training.name} learns to classify new inputs", learns, options)


def learns_permuted_labels(
    training: Training, *, target: float, sentence: str | None = None, **options: Any
) -> Function:
    """As `learns`, with the classes renamed in secret: answers and weights that were brought along are wrong."""

    def learns_permuted_labels(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        _reaches(target, *_learnt(done, rng, "permuted", lambda split: _renamed(split, training.classes, rng)))

    sentence = sentence or f"{training.name} learns classes that have been renamed"
    return training_check(training, sentence, learns_permuted_labels, options)


def turned(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images [n, h, w, ...] in [0, 1], all turned or mirrored in the one way that rng draws, with faint noise."""
    ways = [(turns, mirror) for turns in range(4) for mirror in (False, True)][1:]
    if images.shape[1] != images.shape[2]:
        ways = [way for way in ways if way[0] % 2 == 0]
    turns, mirror = ways[int(rng.integers(len(ways)))]
    changed = np.rot90(images, turns, axes=(1, 2))
    changed = changed[:, :, ::-1] if mirror else changed
    noisy = changed + rng.normal(0.0, 0.05, changed.shape)
    return np.clip(noisy, 0.0, 1.0).astype(images.dtype)


def learns_other_images(
    training: Training, *, target: float, change: Change = turned, sentence: str | None = None, **options: Any
) -> Function:
    """As `learns`, on inputs that no data set holds, with the classes renamed.

    `change(inputs, rng)` is what happens to all inputs, seen and unseen, before the training. Give the points for
    accuracy to this check: a table of known answers and ready-made weights are of no use in it.
    """

    def learns_other_images(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        def other(split: Split) -> Split:
            changed = _changed(done, change, rng, kept)
            known = len(split.inputs)
            return _renamed(replace(split, inputs=changed[:known], unseen=changed[known:]), training.classes, rng)

        _reaches(target, *_learnt(done, rng, "other", other))

    sentence = sentence or f"{training.name} learns images such as no data set holds"
    return training_check(training, sentence, learns_other_images, options)


def cannot_learn_noise(training: Training, *, at_most: float, sentence: str | None = None, **options: Any) -> Function:
    """Trained on labels drawn at random, it knows the true labels of held-out inputs no better than `at_most`.

    Whatever knows them did not learn them from what it was given.
    """

    def cannot_learn_noise(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        def noise(split: Split) -> Split:
            return replace(split, labels=_random_labels(split.labels, training.classes, rng))

        predicted, hidden = _learnt(done, rng, "noise", noise)
        right = int(np.sum(predicted == hidden))
        if _wilson(right, len(hidden))[0] > at_most:
            raise Mismatch(
                f"trained on labels drawn at random, it gave {right / len(hidden):.1%} of {len(hidden)} new inputs "
                "their true label, which nothing in the training told it",
                got=right / len(hidden),
                expected=f"about {1 / training.classes:.0%}",
            )

    sentence = sentence or f"{training.name} knows nothing that it was not taught"
    return training_check(training, sentence, cannot_learn_noise, options)


def learns_by_heart(
    training: Training,
    *,
    per_class: int = 2,
    epochs: int = 100,
    target: float = 0.9,
    sentence: str | None = None,
    **options: Any,
) -> Function:
    """A few inputs of each class, seen often, are all known afterwards: anything that trains at all can do that."""

    def learns_by_heart(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        few = done.varied("few", lambda split: _few(split, per_class, training.classes))
        reached = _known(done, few, epochs, drawn_seed(rng))
        if reached < target:
            raise Mismatch(
                f"after {epochs} epochs on {len(few.labels)} inputs it gives {reached:.0%} of these same inputs "
                f"their label; a network that trains knows at least {target:.0%} of them by heart",
                got=reached,
                expected=f"at least {target:.0%}",
            )

    sentence = sentence or f"{training.name} learns a few inputs by heart"
    return training_check(training, sentence, learns_by_heart, options)


def uses_epochs(
    training: Training, *, inputs: int = 200, epochs: int = 20, sentence: str | None = None, **options: Any
) -> Function:
    """After one pass over a few inputs with random labels it knows fewer of these labels than after many passes.

    A search for the nearest input, and a training that counts its passes itself, know as many.
    """

    def uses_epochs(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        def few(split: Split) -> Split:
            labels = _random_labels(split.labels[:inputs], training.classes, rng)
            return replace(split, inputs=split.inputs[:inputs], labels=labels)

        split = done.varied("many passes", few)
        first, last = (_known(done, split, count, drawn_seed(rng)) for count in (1, epochs))
        if last - first < MORE:
            raise Mismatch(
                f"of {len(split.labels)} labels drawn at random it knows {first:.0%} after 1 epoch and {last:.0%} "
                f"after {epochs} epochs; an epoch is one pass over the training data",
                got=last - first,
                expected=f"at least {MORE:.0%} more",
            )

    options.setdefault("hint", "Does the number of passes over the training data follow from epochs?")
    sentence = sentence or f"{training.name} trains for as many epochs as it is told"
    return training_check(training, sentence, uses_epochs, options)


def _learnt(
    done: Trained, rng: np.random.Generator, name: str, change: Callable[[Split], Split]
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and hidden classes after the training on a changed split; both happen once for each name."""
    split = done.varied(name, change)
    run = done.run(name, lambda: Recipe(split.inputs, split.labels, drawn_seed(rng), done.training.epochs))
    return done.predict(run, split.unseen), split.hidden


def _changed(done: Trained, change: Change, rng: np.random.Generator, kept: Kept) -> np.ndarray:
    """All inputs, seen and unseen, after the change."""

    def once() -> tuple[np.ndarray, Any]:
        return change(np.concatenate([done.split.inputs, done.split.unseen]), rng), rng.bit_generator.state

    changed, state = kept(("changed", done.seed), once)
    rng.bit_generator.state = state  # what is drawn next is the same, whether this was drawn now or before
    return changed


def _known(done: Trained, split: Split, epochs: int, seed: int) -> float:
    """The share of its own training labels that it gives after so many epochs."""
    name = f"{len(split.labels)} for {epochs} epochs"
    run = done.run(name, lambda: Recipe(split.inputs, split.labels, seed, epochs))
    return float(np.mean(done.predict(run, split.inputs) == split.labels))


def _few(split: Split, per_class: int, classes: int) -> Split:
    """The first inputs of each class."""
    picked = np.concatenate([np.flatnonzero(split.labels == each)[:per_class] for each in range(classes)])
    return replace(split, inputs=split.inputs[picked], labels=split.labels[picked])


def _renamed(split: Split, classes: int, rng: np.random.Generator) -> Split:
    """No class keeps its name."""
    order = rng.permutation(classes)
    names = np.empty(classes, np.int64)
    names[order] = np.roll(order, 1)
    return replace(split, labels=names[split.labels], hidden=names[split.hidden])


def _random_labels(labels: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Every label as often as any other among the inputs of each true class, so that none hints at another."""
    drawn = np.empty_like(labels)
    for each in range(classes):
        places = np.flatnonzero(labels == each)
        drawn[places] = rng.permutation((np.arange(len(places)) + rng.integers(classes)) % classes)
    return drawn


def _reaches(target: float, predicted: np.ndarray, hidden: np.ndarray) -> None:
    right, count = int(np.sum(predicted == hidden)), len(hidden)
    if _wilson(right, count)[1] < target:
        raise Mismatch(
            f"it gave {right / count:.1%} of {count} new inputs their label; the target is {target:.0%}",
            got=right / count,
            expected=f"at least {target:.0%}",
        )


def _wilson(right: int, count: int) -> tuple[float, float]:
    """Wilson's interval around a share of `count`; Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    share, z2 = right / count, STANDARD_ERRORS**2 / count
    middle = (share + z2 / 2) / (1 + z2)
    half = np.sqrt(z2 * share * (1 - share) + z2 * z2 / 4) / (1 + z2)
    return float(middle - half), float(middle + half)
