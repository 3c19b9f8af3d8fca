"""How a training and its predictions behave, however good they are. They come `after=` a check of the accuracy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from assay.checks.bank import Kept
from assay.checks.compare import Mismatch
from assay.checks.drawn import Function
from assay.checks.trained import Recipe, Run, Trained, Training, drawn_seed, training_check

PROBES = 200  # unseen inputs on which two predictions are compared
FLIPS = 1  # of them may differ: rounding depends on the batch, and an input may lie between two classes
SMALL = 50  # inputs of a training of which only the predictions matter, not how good they are
SHORT, LONG = 1, 20  # epochs of such a training
ALONE = 20  # inputs that are predicted one at a time


def predicts_the_same_twice(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """The same inputs get the same classes a second time."""

    def predicts_the_same_twice(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        run, probes = _plain(done, rng)
        first = done.predict(run, probes)
        _agree(done.predict(run, probes), first, "asked twice about the same {count} inputs, predict changed {wrong}")

    options.setdefault("hint", "Is something random, such as dropout, still at work when the model predicts?")
    sentence = sentence or "predict gives the same answer twice"
    return training_check(training, sentence, predicts_the_same_twice, options)


def independent_of_order(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """Inputs in another order get the same classes, in that order."""

    def independent_of_order(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        run, probes = _plain(done, rng)
        order = rng.permutation(len(probes))
        expected = done.predict(run, probes)[order]
        _agree(
            done.predict(run, probes[order]), expected, "in another order, {wrong} of {count} inputs get other classes"
        )

    options.setdefault("hint", "Does the answer for an input depend on its place in the batch?")
    sentence = sentence or "predict does not care about the order of its inputs"
    return training_check(training, sentence, independent_of_order, options)


def independent_of_batch(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """Inputs one at a time, or in batches of 7, get the classes that they get together."""

    def independent_of_batch(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        run, probes = _plain(done, rng)
        expected = done.predict(run, probes)
        parts = [probes[i : i + 1] for i in range(min(ALONE, len(probes)))]
        parts += [probes[i : i + 7] for i in range(ALONE, len(probes), 7)]
        got = np.concatenate([done.predict(run, part) for part in parts])
        _agree(got, expected, "one at a time or a few together, {wrong} of {count} inputs get other classes")

    options.setdefault("hint", "Is batch normalisation still in training mode, or something else taken over the batch?")
    sentence = sentence or "predict gives an input the same class alone and in a batch"
    return training_check(training, sentence, independent_of_batch, options)


def same_seed_same_predictions(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """The same data and seed give the same predictions, whatever was trained in between."""

    def same_seed_same_predictions(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        probes = _scrambled(done, kept)
        first = _small(done, rng, f"small, {SHORT}")
        expected = done.first_predictions(first, probes)
        _small(done, rng, f"small, {SHORT}, other seed")
        again = done.run("small again", lambda: first.recipe)
        _agree(
            done.predict(again, probes), expected, "with the same data and seed, {wrong} of {count} predictions differ"
        )

    options.setdefault("hint", "Everything random has to follow from seed: weights, order of the batches, dropout.")
    sentence = sentence or f"{training.name} gives the same predictions for the same seed"
    return training_check(training, sentence, same_seed_same_predictions, options)


def other_seed_other_predictions(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """Another seed gives another network: some predictions after a short training differ."""

    def other_seed_other_predictions(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        probes = _scrambled(done, kept)
        for epochs in (SHORT, LONG):  # after the first steps, two networks may both call everything a 3
            names = (f"small, {epochs}", f"small, {epochs}, other seed")
            one, other = (done.first_predictions(_small(done, rng, name, epochs), probes) for name in names)
            if not np.array_equal(one, other):
                return
        message = f"two seeds gave the same predictions for all of {len(probes)} inputs"
        raise Mismatch(message, got=other, expected="some others")

    options.setdefault("hint", "Is the seed that is passed the one that is used?")
    sentence = sentence or f"{training.name} uses its seed"
    return training_check(training, sentence, other_seed_other_predictions, options)


def trainings_are_separate(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """A predict from before still answers as before after another training."""

    def trainings_are_separate(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        probes = _scrambled(done, kept)
        first = _small(done, rng, f"small, {SHORT}")
        expected = done.first_predictions(first, probes)
        later = replace(_recipe(done, rng), labels=(first.recipe.labels + 1) % training.classes)
        done.run("small, renamed", lambda: later)
        message = "after another training, the first predict changed {wrong} of {count} answers"
        _agree(done.predict(first, probes), expected, message)

    options.setdefault("hint", "Does the model live in a global variable, which the next call of fit replaces?")
    sentence = sentence or f"every predict belongs to its own call of {training.name}"
    return training_check(training, sentence, trainings_are_separate, options)


def leaves_training_data_alone(training: Training, *, sentence: str | None = None, **options: Any) -> Function:
    """fit does not change the arrays it is given."""

    def leaves_training_data_alone(done: Trained, rng: np.random.Generator, kept: Kept) -> None:
        run, _ = _plain(done, rng)
        if run.changed:
            message = f"the call changed {' and '.join(run.changed)}"
            raise Mismatch(message, got="other values", expected="the same values as before the call")

    options.setdefault("hint", "Work on a copy: x -= x.mean() changes the caller's array, x = x - x.mean() does not.")
    sentence = sentence or f"{training.name} leaves its arguments as they were"
    return training_check(training, sentence, leaves_training_data_alone, options)


def _plain(done: Trained, rng: np.random.Generator) -> tuple[Run, np.ndarray]:
    """The training that `learns` judges, too, and some inputs for it."""
    split, epochs = done.split, done.training.epochs
    run = done.run("plain", lambda: Recipe(split.inputs, split.labels, drawn_seed(rng), epochs))
    return run, split.unseen[:PROBES]


def _scrambled(done: Trained, kept: Kept) -> np.ndarray:
    """Inputs with their numbers in disorder. On what it has learnt well, one network answers like the other."""
    probes = done.split.unseen[:PROBES]

    def scrambled() -> np.ndarray:
        return np.random.default_rng(0).permuted(probes.reshape(len(probes), -1), axis=1).reshape(probes.shape)

    return kept(("scrambled", done.seed), scrambled)


def _small(done: Trained, rng: np.random.Generator, name: str, epochs: int = SHORT) -> Run:
    return done.run(name, lambda: _recipe(done, rng, epochs))


def _recipe(done: Trained, rng: np.random.Generator, epochs: int = SHORT) -> Recipe:
    """A few inputs."""
    return Recipe(done.split.inputs[:SMALL], done.split.labels[:SMALL], drawn_seed(rng), epochs)


def _agree(got: np.ndarray, expected: np.ndarray, message: str) -> None:
    """`message` has places for `wrong` and `count`. Raises Mismatch for more than FLIPS differences."""
    wrong = int(np.sum(got != expected))
    if wrong > FLIPS:
        raise Mismatch(message.format(wrong=wrong, count=len(expected)), got=got, expected=expected)
