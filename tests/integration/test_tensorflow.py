"""TensorFlow and Keras work in every tier, with one thread and within the usual limits."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest

from assay.grading.pipeline import CHATTER
from assay.sandbox.isolation import Isolation
from assay.sandbox.limits import MiB
from assay.sandbox.visible import run_notebook
from tests.support.notebooks import code, notebook
from tests.support.untrusted import LIMITS, untrusted

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="not run: TensorFlow is not installed"
)
LIBRARIES = ("numpy", "tensorflow", "keras")
LIMITS_OF_TRAINING = replace(LIMITS, memory=1024 * MiB, processes=24, call_seconds=60)
TRAINS = """
    import sys
    before = {"tensorflow", "keras"} & set(sys.modules)
    import keras
    import numpy as np
    import os
    import tensorflow as tf

    def loaded_ahead():
        return sorted(before)

    def threads():
        return {name: value for name, value in os.environ.items() if name.endswith("_THREADS")}

    def fit(images, labels):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([
            keras.Input((28, 28, 1)), keras.layers.Conv2D(2, 3, activation="relu"), keras.layers.MaxPooling2D(),
            keras.layers.Flatten(), keras.layers.Dense(10),
        ])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images[..., None], labels, epochs=1, batch_size=16, verbose=0)
        return lambda images: tf.argmax(model(images[..., None]), axis=1)

    def saved_and_loaded():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.save("model.keras")
        return [np.array_equal(*pair) for pair in zip(model.weights, keras.models.load_model("model.keras").weights)]

    def command_line():
        return open("/proc/self/cmdline").read().count("python")
"""


def test_a_network_is_trained(isolation: Isolation) -> None:
    images = np.random.default_rng(0).random((32, 28, 28)).astype(np.float32)
    labels = np.arange(32) % 10
    with untrusted(isolation, TRAINS, libraries=LIBRARIES, limits=LIMITS_OF_TRAINING) as program:
        student = program.student
        assert student.loaded_ahead() == ["keras", "tensorflow"]
        assert set(student.threads().values()) == {"1"}
        predict = student.fit(images, labels)
        classes = predict(images)
        assert type(classes) is np.ndarray and classes.dtype == np.int64 and classes.shape == (32,)
        assert student.saved_and_loaded() == [True, True]
        assert student.command_line() >= 1  # its own, or what bubblewrap shows in its place
    (ending,) = program.endings
    assert ending.reason == "stopped" and CHATTER.sub("", ending.output) == ""


def test_a_notebook_with_a_network_is_run(isolation: Isolation) -> None:
    cells = (
        "import keras\nimport numpy as np\nkeras.utils.set_random_seed(1)",
        "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
        "model.compile('sgd', 'mse')\n"
        "history = model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)\n"
        "print(sorted(history.history))",
        "import matplotlib.pyplot as plt\nplt.plot(history.history['loss']);",
    )
    document = notebook(*(code(cell, id=f"cell-{number}") for number, cell in enumerate(cells)))
    ran = run_notebook(
        isolation,
        json.dumps(document),
        libraries=(*LIBRARIES, "matplotlib"),
        files={},
        limits=LIMITS_OF_TRAINING,
    )
    first, second, third = (cell["outputs"] for cell in json.loads(ran)["cells"])
    assert first == []  # nothing that TensorFlow has to say about this machine
    assert [output["text"] for output in second] == ["['loss']\n"]
    assert ["image/png" in output["data"] for output in third] == [True]
