"""Tensors and variables of TensorFlow and Keras leave a worker as arrays, and models stay in it."""

from collections.abc import Iterator

import numpy as np
import pytest

from assay.errors import StudentError
from assay.sandbox.inside.values import Seed
from assay.sandbox.limits import Limits
from assay.sandbox.proxy import Remote, Student
from tests.support.workers import process_student

CELLS = """
import os
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
import keras
import numpy as np
import tensorflow as tf


def kinds():
    grid = tf.reshape(tf.range(12.0), (3, 4))
    return {
        "float32": grid, "float64": tf.cast(grid, "float64"), "int64": tf.cast(grid, "int64"), "bool": grid > 3,
        "0-d": tf.constant(2.5), "empty": tf.zeros((0, 3)), "transposed": tf.transpose(grid),
        "variable": tf.Variable(tf.ones(3)), "of keras": keras.Variable(np.ones(2), dtype="float32"),
        "in a list": [tf.ones(2), (tf.zeros(1),)],
    }


def bfloat16():
    return tf.ones(2, dtype=tf.bfloat16)


def complex():
    return tf.ones(2, dtype=tf.complex64)


def text():
    return tf.constant("text")


def sparse():
    return tf.sparse.from_dense(tf.eye(2))


def ragged():
    return tf.ragged.constant([[1.0], [2.0, 3.0]])


def symbolic():
    found = []
    tf.function(lambda x: found.append(x) or x)(tf.ones(2))
    return found[0]


def takes(x, generator):
    return type(x).__module__, type(generator).__name__


def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
"""


@pytest.fixture(scope="module")
def student() -> Iterator[Student]:
    pytest.importorskip("tensorflow", reason="not run: TensorFlow is not installed")
    with process_student(CELLS, limits=Limits(load_seconds=120.0, call_seconds=60.0)) as student:
        yield student


def test_tensors_and_variables_are_arrays(student: Student) -> None:
    got = student.kinds()
    grid = np.arange(12.0).reshape(3, 4)
    nested = got.pop("in a list")
    assert [value.tolist() for value in (nested[0], nested[1][0])] == [[1.0, 1.0], [0.0]]
    expected = {
        "float32": grid.astype(np.float32),
        "float64": grid,
        "int64": grid.astype(np.int64),
        "bool": grid > 3,
        "0-d": np.array(2.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
        "transposed": grid.T.astype(np.float32),
        "variable": np.ones(3, np.float32),
        "of keras": np.ones(2, np.float32),
    }
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert type(got[name]) is np.ndarray and got[name].dtype == array.dtype, name
        assert got[name].shape == array.shape and np.array_equal(got[name], array), name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bfloat16", "dtype bfloat16"),
        ("complex", "dtype complex64"),
        ("text", "dtype string"),
        ("sparse", "a SparseTensor; use a dense tensor"),
        ("ragged", "a RaggedTensor; use a dense tensor"),
        ("symbolic", "a symbolic tensor"),
    ],
)
def test_tensors_that_cannot_cross(student: Student, name: str, says: str) -> None:
    with pytest.raises(StudentError, match=says) as error:
        student.call(name)
    assert error.value.kind == "type"


def test_arguments_arrive_as_numpy(student: Student) -> None:
    assert student.takes(np.ones(2), Seed(3)) == ("numpy", "Generator")


def test_a_model_stays_and_is_asked_for_its_attributes(student: Student) -> None:
    model = student.model()
    assert type(model) is Remote and model.count_params() == 8
    assert model.output_shape == (None, 2)
    (layer,) = model.layers
    assert layer.units == 2 and layer.kernel.shape == (3, 2) and layer.bias.tolist() == [0.0, 0.0]
    assert model(np.zeros((4, 3), np.float32)).shape == (4, 2)
