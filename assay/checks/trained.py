"""What a student's `fit` has learnt so far: trainings are slow, so the checks of one run share them.

They are kept in the student object itself, so that nothing outlives it and no submission meets another's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.checks.bank import Kept
from assay.checks.check import check
from assay.checks.compare import Mismatch
from assay.checks.drawn import Function
from assay.errors import AuthoringError, StudentError, StudentLost

Examples = tuple[np.ndarray, np.ndarray]  # inputs [n, ...] and labels int64 [n]
Body = Callable[["Trained", np.random.Generator, Kept], None]
Seed = tuple[int, int]

_KEPT = "_assay_trainings"
# The simplest draw is refused: Hypothesis begins with it, and it is the same in every round.
_SEEDS = st.tuples(st.integers(0, 2**24 - 1), st.integers(0, 2**24 - 1)).filter(all)


@dataclass(frozen=True, eq=False)
class Training:
    """How one function of a student's is trained, on data that the judge owns.

    fit: the reference, `fit(inputs, labels, *, seed, epochs) -> predict`, with `predict(inputs [m, ...]) -> int [m]`
    data: gives all inputs [n, ...] and their labels int64 [n], 0 to classes - 1
    train, held_out: how many of them a training gets, and how many it is judged on; drawn anew in each round
    """

    fit: Function
    data: Callable[[], Examples]
    train: int
    held_out: int
    epochs: int
    classes: int = 10

    @property
    def name(self) -> str:
        return str(self.fit.__name__)


@dataclass(frozen=True)
class Split:
    """What is drawn of the data for one student; everyone in a round gets the same."""

    inputs: np.ndarray
    labels: np.ndarray
    unseen: np.ndarray
    hidden: np.ndarray  # labels of the unseen; they never leave the judge


@dataclass(frozen=True)
class Recipe:
    """The arguments of one training."""

    inputs: np.ndarray
    labels: np.ndarray
    seed: int
    epochs: int


@dataclass
class Run:
    """One training that has been done."""

    recipe: Recipe
    predict: Any  # the student's, and lives in their worker
    changed: tuple[str, ...]  # arguments that the call of fit changed
    predicted_at_once: np.ndarray | None = None  # see `Trained.first_predictions`


@dataclass
class Trained:
    """All trainings of one student for one `Training`."""

    training: Training
    student: Any
    seed: Seed  # of the split
    split: Split
    variations: dict[str, Split] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    outcomes: dict[Any, BaseException | None] = field(default_factory=dict)  # by check

    def varied(self, name: str, change: Callable[[Split], Split]) -> Split:
        """The split with a change that was drawn once."""
        if name not in self.variations:
            self.variations[name] = change(self.split)
        return self.variations[name]

    def run(self, name: str, recipe: Callable[[], Recipe]) -> Run:
        """The training of that name; done now where it has not been."""
        if name not in self.runs:
            self.runs[name] = self._fit(recipe())
        return self.runs[name]

    def predict(self, run: Run, inputs: np.ndarray) -> np.ndarray:
        """Predicted classes, int64 [m]. Where the worker was lost since, trains once more."""
        try:
            return classes_of(run.predict, inputs)
        except StudentError as error:
            if error.kind != "missing":
                raise
        run.predict = self._fit(run.recipe).predict
        return classes_of(run.predict, inputs)

    def first_predictions(self, run: Run, inputs: np.ndarray) -> np.ndarray:
        """What the training predicted for `inputs` (the same in each call) when it was first asked."""
        if run.predicted_at_once is None:
            run.predicted_at_once = self.predict(run, inputs)
        return run.predicted_at_once

    def _fit(self, recipe: Recipe) -> Run:
        inputs, labels = _to_pass(recipe.inputs), _to_pass(recipe.labels)
        fit = getattr(self.student, self.training.name)
        predict = fit(inputs, labels, seed=recipe.seed, epochs=recipe.epochs)
        if not callable(predict):
            message = f"{self.training.name} returned no function; return predict, without calling it"
            raise Mismatch(message, got=predict, expected="a function from inputs to classes")
        return Run(recipe, predict, _changed(self.student, recipe))


def training_check(training: Training, sentence: str, body: Body, options: dict[str, Any]) -> Function:
    """A check that runs `body(done, rng, kept)` once. `options` are those of `check`; a failure shows no data.

    What is slow to make of the data, and depends on the draws alone, goes through `kept`, named after `done.seed`.
    """
    options = {"reveals": "message", "task": None, **options}

    @check(sentence, about=training.name, examples=1, **options)
    @given(_SEEDS, st.builds(Kept))
    def run(student: Any, seed: Seed, kept: Kept) -> None:
        done = trained(student, training, seed, kept)
        once(done.outcomes, run, lambda: body(done, np.random.default_rng(seed), kept))

    run.__name__ = body.__name__
    return run


def drawn_seed(rng: np.random.Generator) -> int:
    """A seed for a student's fit."""
    return int(rng.integers(2**31))


def trained(student: Any, training: Training, seed: Seed, kept: Kept) -> Trained:
    """The trainings of a student. Whoever asks first draws the split."""
    known: dict[Training, Trained] = vars(student).setdefault(_KEPT, {})
    if training not in known:
        split = kept("split", lambda: _split(training, np.random.default_rng((*seed, 1))))
        known[training] = Trained(training, student, seed, split)
    return known[training]


def once(outcomes: dict[Any, BaseException | None], key: Any, action: Callable[[], None]) -> None:
    """Do it, or fail as it failed before: Hypothesis repeats what fails, in search of something smaller."""
    if key not in outcomes:
        try:
            action()
            outcomes[key] = None
        except (Exception, StudentLost) as error:
            outcomes[key] = error
    found = outcomes[key]
    if found is not None:
        students = isinstance(found, (AssertionError, StudentError, StudentLost))
        raise found.with_traceback(None) if students else found


def classes_of(predict: Any, inputs: np.ndarray) -> np.ndarray:
    """predict(inputs) as int64 [m]. Raises Mismatch where it is no integer array of that shape."""
    try:
        got = predict(_to_pass(inputs))
    except StudentError as error:
        said = {"raised": "predict raised ", "type": "predict returned ", "size": "predict returned "}
        raise StudentError(error.kind, said.get(error.kind, "") + error.message) from error
    expected = f"the classes of {len(inputs)} inputs, an int64 array of shape ({len(inputs)},)"
    if not isinstance(got, np.ndarray):
        raise Mismatch(f"predict returned no array; expected {expected}", got=got, expected=expected)
    if got.shape != (len(inputs),) or got.dtype.kind not in "iu":
        message = f"predict returned an array of shape {got.shape} and dtype {got.dtype}; expected {expected}"
        raise Mismatch(message, got=got, expected=expected)
    return got.astype(np.int64)


def _changed(student: Any, recipe: Recipe) -> tuple[str, ...]:
    after = student.calls[-1].after if student.calls else ()
    pairs = zip(("inputs", "labels"), (recipe.inputs, recipe.labels), after, strict=False)
    return tuple(name for name, before, now in pairs if not _same(before, now))


def _same(before: np.ndarray, now: object) -> bool:
    plain = isinstance(now, np.ndarray) and now.shape == before.shape and now.dtype == before.dtype
    return now is before or (plain and np.asarray(now).tobytes() == before.tobytes())


def _to_pass(array: np.ndarray) -> np.ndarray:
    """An array for student code: a copy, where that code could change it. What is shared is read-only."""
    return array.copy() if array.flags.writeable else array


def _split(training: Training, rng: np.random.Generator) -> Split:
    inputs, labels = training.data()
    wanted = training.train + training.held_out
    if len(inputs) != len(labels) or wanted > len(labels):
        raise AuthoringError(
            f"The data of {training.name} are {len(inputs)} inputs and {len(labels)} labels; "
            f"train= and held_out= ask for {wanted}. Ask for fewer."
        )
    order = rng.permutation(len(labels))[:wanted]
    known, new = order[: training.train], order[training.train :]
    labels = np.asarray(labels, np.int64)
    return Split(inputs[known], labels[known], inputs[new], labels[new])
