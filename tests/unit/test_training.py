"""Checks of training exercises, on models that train in a millisecond."""

import gc
import os
import weakref

import numpy as np
import pytest

from assay.checks.bank import Bank, Kept
from assay.checks.trained import Split, Training
from assay.checks.training import _random_labels, _renamed, _wilson, turned
from assay.outcome import Outcome
from assay.sandbox.local import local_student
from assay.sandbox.shared import lent
from assay.sandbox.shared import share as in_sealed_memory
from tests.support.suites import judge, write

REFERENCE = '''
import numpy as np

def fit(inputs, labels, *, seed, epochs):
    """Softmax regression by stochastic gradient descent."""
    rng = np.random.default_rng(seed)
    x = np.asarray(inputs, float).reshape(len(inputs), -1)
    weights = rng.normal(0, 0.3, (x.shape[1], 3))
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(x)), max(len(x) // 20, 1)):
            scores = np.exp(x[batch] @ weights)
            scores /= scores.sum(axis=1, keepdims=True)
            scores[np.arange(len(batch)), labels[batch]] -= 1
            weights -= 0.2 * x[batch].T @ scores / len(batch)
    return lambda inputs: np.argmax(np.asarray(inputs).reshape(len(inputs), -1) @ weights, axis=1)
'''
CHECKS = """
PLACES = np.random.default_rng(5).random((3, 8, 8)) < 0.4

def bars():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    images = PLACES[labels] * 0.7 + rng.uniform(0, 0.3, (900, 8, 8))
    return images.astype(np.float32), labels

bars_of = Training(fit, bars, train=300, held_out=300, epochs=10, classes=3)
heart = learns_by_heart(bars_of, epochs=60)
plain = learns(bars_of, target=0.9, points=1, after=heart)
permuted = learns_permuted_labels(bars_of, target=0.9, points=1, after=plain)
other = learns_other_images(bars_of, target=0.9, points=3, after=permuted)
noise = cannot_learn_noise(bars_of, at_most=0.5, points=1, after=other)
epochs = uses_epochs(bars_of, inputs=30, epochs=100)
twice = predicts_the_same_twice(bars_of, points=1)
order = independent_of_order(bars_of, points=1)
batch = independent_of_batch(bars_of, points=1)
seed = same_seed_same_predictions(bars_of, points=1)
other_seed = other_seed_other_predictions(bars_of)
separate = trainings_are_separate(bars_of)
alone = leaves_training_data_alone(bars_of)
"""


@pytest.fixture(scope="module")
def exercise(tmp_path_factory):
    return write(tmp_path_factory.mktemp("bars"), checks=CHECKS, reference=REFERENCE)


def fit_of(exercise):
    namespace = {}
    exec(REFERENCE, namespace)
    return namespace["fit"]


def failed(results):
    assert all(result.outcome is not Outcome.BROKEN for result in results.values()), results
    return {name for name, result in results.items() if result.outcome is Outcome.FAILED}


@pytest.mark.parametrize("number", range(4))
def test_a_right_answer_passes_on_every_draw(exercise, number):
    assert failed(judge(exercise, secret=f"round {number}".encode())) == set()


def counted(fit):
    calls = []

    def counting(inputs, labels, *, seed, epochs):
        calls.append(len(inputs))
        return fit(inputs, labels, seed=seed, epochs=epochs)

    return counting, calls


def test_checks_of_one_run_share_their_trainings(exercise):
    fit, calls = counted(fit_of(exercise))
    assert failed(judge(exercise, {"fit": fit})) == set()
    assert calls.count(300) == 4  # plain, permuted, other, noise
    assert len(calls) == 4 + 3 + 4  # a few by heart, random labels briefly and long, and the small ones


def test_no_label_of_a_held_out_input_crosses(exercise):
    taught, asked = set(), set()
    fit = fit_of(exercise)

    def recording(inputs, labels, *, seed, epochs):
        assert len(labels) == len(inputs)
        taught.update(image.tobytes() for image in inputs)
        predict = fit(inputs, labels, seed=seed, epochs=epochs)

        def recorded(inputs):
            asked.update(image.tobytes() for image in inputs)
            return predict(inputs)

        return recorded

    assert failed(judge(exercise, {"fit": recording})) == set()
    assert len(asked - taught) >= 2 * 300  # held out, as they are and turned
    assert len(asked & taught) <= 6 + 30  # those whose training labels are to be known by heart


def test_what_fails_is_not_trained_again_to_look_for_something_smaller(exercise):
    fit, calls = counted(lambda inputs, labels, *, seed, epochs: lambda inputs: np.zeros(len(inputs), np.int64))
    results = judge(exercise, {"fit": fit}, shrink_seconds=5.0)
    assert "heart" in failed(results)
    assert "33% of these same inputs" in results["heart"].message
    assert len(calls) == 10  # a few inputs, three times; all of them; and six small ones


def test_a_failure_tells_the_accuracy_and_the_target_and_shows_no_data(exercise):
    fit = fit_of(exercise)

    def weak(inputs, labels, *, seed, epochs):
        predict = fit(inputs, labels, seed=seed, epochs=epochs)
        return lambda inputs: (
            np.where(np.arange(len(inputs)) % 4 == 0, 0, predict(inputs)) if len(inputs) > 9 else predict(inputs)
        )

    found = judge(exercise, {"fit": weak}, shrink_seconds=0.0)["plain"]
    assert found.outcome is Outcome.FAILED
    assert found.message.startswith("it gave 8") and "of 300 new inputs their label; the target is 90%" in found.message
    assert found.reveals == "message"


def test_a_table_of_known_answers_and_ready_made_weights_are_found(exercise):
    namespace = {"np": np}
    exec(CHECKS.split("bars_of =")[0], namespace)
    images, labels = namespace["bars"]()
    table = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    answered = np.vectorize(lambda image: table.get(image.tobytes(), 0), signature="(h,w)->()")

    def look_up(inputs, labels, *, seed, epochs):
        return lambda inputs: answered(inputs).astype(np.int64)

    weights = fit_of(exercise)(images, labels, seed=0, epochs=9)
    for cheat in (look_up, lambda inputs, labels, *, seed, epochs: weights):
        results = judge(exercise, {"fit": cheat}, only=frozenset({"plain", "permuted", "other", "noise", "epochs"}))
        assert failed(results) >= {"permuted", "other", "noise", "epochs"}


def renaming_table(images, labels):
    """The best that a table can do: it learns from the training how the classes are called today."""
    table = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}

    def fit(inputs, labels, *, seed, epochs):
        known = np.array([table.get(image.tobytes(), 0) for image in inputs])
        names = np.array([np.bincount(labels[known == each], minlength=1).argmax() for each in range(3)])
        return lambda inputs: names[[table.get(image.tobytes(), 0) for image in inputs]]

    return fit


def test_a_table_that_learns_the_names_of_the_classes_fails_on_other_images(exercise):
    namespace = {"np": np}
    exec(CHECKS.split("bars_of =")[0], namespace)
    results = judge(exercise, {"fit": renaming_table(*namespace["bars"]())})
    assert "permuted" not in failed(results) or "plain" not in failed(results)
    assert "other" in failed(judge(exercise, {"fit": renaming_table(*namespace["bars"]())}, only=frozenset({"other"})))


MISTAKES = {
    "order": lambda predict: lambda x: np.sort(predict(x)),
    "batch": lambda predict: lambda x: predict(x - x.mean(axis=0)),
    "twice": lambda predict: lambda x: np.where(np.random.default_rng().random(len(x)) < 0.1, 0, predict(x)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_predictions_that_depend_on_more_than_their_input(exercise, name):
    fit = fit_of(exercise)

    def wrong(inputs, labels, *, seed, epochs):
        return MISTAKES[name](fit(inputs, labels, seed=seed, epochs=epochs))

    assert failed(judge(exercise, {"fit": wrong}, only=frozenset({name}))) == {name}


def test_unseeded_training(exercise):
    fit = fit_of(exercise)

    def unseeded(inputs, labels, *, seed, epochs):
        return fit(inputs, labels, seed=None, epochs=epochs)

    def always_zero(inputs, labels, *, seed, epochs):
        return fit(inputs, labels, seed=0, epochs=epochs)

    both = frozenset({"seed", "other_seed"})
    assert failed(judge(exercise, {"fit": unseeded}, only=both)) == {"seed"}
    assert failed(judge(exercise, {"fit": always_zero}, only=both)) == {"other_seed"}


def test_two_networks_that_have_hardly_learnt_may_be_alike(exercise):
    fit = fit_of(exercise)

    def all_the_same_at_first(inputs, labels, *, seed, epochs):
        predict = fit(inputs, labels, seed=seed, epochs=epochs)
        return (lambda inputs: np.ones(len(inputs), np.int64)) if epochs < 5 else predict

    assert failed(judge(exercise, {"fit": all_the_same_at_first}, only=frozenset({"other_seed"}))) == set()


def test_a_model_that_the_next_training_replaces(exercise):
    fit = fit_of(exercise)
    model = {}

    def global_model(inputs, labels, *, seed, epochs):
        model["predict"] = fit(inputs, labels, seed=seed, epochs=epochs)
        return lambda inputs: model["predict"](inputs)

    assert failed(judge(exercise, {"fit": global_model}, only=frozenset({"separate", "seed"}))) == {"separate"}


def test_a_training_that_changes_what_it_is_given(exercise):
    fit = fit_of(exercise)

    def centred(inputs, labels, *, seed, epochs):
        inputs -= inputs.mean()
        return fit(inputs, labels, seed=seed, epochs=epochs)

    results = judge(exercise, {"fit": centred}, only=frozenset({"alone"}))
    assert results["alone"].message == "the call changed inputs"


WRONG_VALUES = {
    "no function": (lambda predict: 0.9, "fit returned no function"),
    "scores": (lambda predict: lambda x: np.eye(3)[predict(x)], "shape (30, 3) and dtype float64"),
    "floats": (lambda predict: lambda x: predict(x).astype(float), "dtype float64; expected"),
    "a list": (lambda predict: lambda x: predict(x).tolist(), "predict returned no array"),
    "an error": (lambda predict: lambda x: 1 / 0, "predict raised ZeroDivisionError"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_what_fit_and_predict_return_is_told(exercise, name):
    fit, (wrap, said) = fit_of(exercise), WRONG_VALUES[name]

    def wrong(inputs, labels, *, seed, epochs):
        return wrap(fit(inputs, labels, seed=seed, epochs=epochs))

    results = judge(exercise, {"fit": wrong}, only=frozenset({"plain", "heart"}))
    assert failed(results) == {"plain", "heart"}
    message = results["plain"].message.replace("300", "30").replace("shape (30, 3)", "shape (30, 3)")
    assert said in message


def test_a_worker_lost_between_two_checks_costs_one_more_training(exercise):
    from assay.checks.siblings import load, siblings

    fit, calls = counted(fit_of(exercise))
    with siblings(exercise):
        checks = load(exercise / "checks.py")
    with local_student({"fit": fit}) as student:
        run = checks.twice.hypothesis.inner_test
        run(student, (1, 2), Kept())
        assert len(calls) == 1
        student.close()
        checks.order.hypothesis.inner_test(student, (3, 4), Kept())
        checks.batch.hypothesis.inner_test(student, (5, 6), Kept())
        assert len(calls) == 2


def test_trainings_do_not_outlive_their_student(exercise):
    from assay.checks.siblings import load, siblings

    with siblings(exercise):
        checks = load(exercise / "checks.py")
    with local_student({"fit": fit_of(exercise)}) as student:
        checks.twice.hypothesis.inner_test(student, (1, 2), Kept())
        gone = weakref.ref(student)
    del student
    gc.collect()
    assert gone() is None


def test_every_image_is_turned_the_same_way_and_none_stays():
    rng = np.random.default_rng(0)
    for shape in ((50, 6, 6), (50, 4, 6)):
        images = (rng.random(shape) < 0.5).astype(np.float32)
        ways = set()
        for seed in range(60):
            got = turned(images, np.random.default_rng(seed))
            assert got.shape in (shape, (shape[0], shape[2], shape[1])) and got.dtype == np.float32
            assert got.min() >= 0 and got.max() <= 1
            assert got.shape != images.shape or np.mean(np.abs(got - images)) > 0.3
            ways.add(np.round(got[0]).tobytes())
        assert len(ways) == (7 if shape[1] == shape[2] else 3)


def test_random_labels_say_nothing_of_true_ones():
    labels = np.repeat(np.arange(5), 100)
    drawn = _random_labels(labels, 5, np.random.default_rng(0))
    for each in range(5):
        assert np.bincount(drawn[labels == each]).tolist() == [20] * 5


def test_no_class_keeps_its_name():
    split = Split(np.zeros(5), np.arange(5), np.zeros(5), np.arange(5))
    for seed in range(20):
        renamed = _renamed(split, 5, np.random.default_rng(seed))
        assert not (renamed.labels == np.arange(5)).any() and sorted(renamed.labels) == list(range(5))
        assert np.array_equal(renamed.labels, renamed.hidden)


def test_an_accuracy_at_the_target_fails_by_chance_once_in_a_thousand():
    rng = np.random.default_rng(0)
    for share, count in ((0.5, 300), (0.9, 1000), (0.98, 2000)):
        right = rng.binomial(count, share, 20_000)
        missed = np.mean([_wilson(int(n), count)[1] < share for n in right])
        assert missed < 0.003
    assert _wilson(450, 500)[0] == pytest.approx(0.852, abs=0.002)


def test_too_little_data_is_the_authors_mistake(tmp_path):
    write(tmp_path, reference=REFERENCE, checks=CHECKS.replace("held_out=300", "held_out=601"))
    found = judge(tmp_path, only=frozenset({"twice"}))["twice"]
    assert found.outcome is Outcome.BROKEN and "Ask for fewer" in found.staff_note
    assert Training.__doc__


def test_images_are_prepared_once_for_all_students(tmp_path):
    """And all students get the same, whether they are the first in line or the tenth."""
    write(tmp_path, reference=REFERENCE, checks=CHECKS)
    seen, bank = [], Bank()
    for _ in range(2):
        fit = fit_of(tmp_path)

        def recorded(inputs, labels, *, seed, epochs, fit=fit):
            seen.append((inputs.tobytes(), labels.tobytes(), seed, epochs))
            return fit(inputs, labels, seed=seed, epochs=epochs)

        assert failed(judge(tmp_path, {"fit": recorded}, bank=bank)) == set()
        seen.append(None)
    first = seen.index(None)
    assert seen[: first + 1] == seen[first + 1 :]
    live = []

    def unprepared(inputs, labels, *, seed, epochs):
        live.append((inputs.tobytes(), labels.tobytes(), seed, epochs))
        return fit(inputs, labels, seed=seed, epochs=epochs)

    judge(tmp_path, {"fit": unprepared})
    assert live == seen[:first]


def test_shared_images_are_judged_alike(tmp_path):
    """They lie in memory that workers map, and whoever changes them changes their own."""
    write(tmp_path, reference=REFERENCE, checks=CHECKS)
    places, bank = [], Bank()

    def noting(array):
        kept = in_sealed_memory(array)
        places.extend([kept.ctypes.data] if lent_and_closed(kept) else [])
        return kept

    def centred(inputs, labels, *, seed, epochs):
        inputs -= inputs.mean()
        return fit_of(tmp_path)(inputs, labels, seed=seed, epochs=epochs)

    right, wrong = judge(tmp_path, bank=bank), judge(tmp_path, {"fit": centred}, bank=bank)
    assert failed(right) == set() != failed(wrong)
    bank.share(noting)
    assert len(set(places)) == len(places) > 2
    assert judge(tmp_path, bank=bank) == right
    assert judge(tmp_path, {"fit": centred}, bank=bank) == wrong
    assert judge(tmp_path, bank=bank) == right


def lent_and_closed(array):
    number = lent(array)
    if number is not None:
        os.close(number)
    return number is not None
