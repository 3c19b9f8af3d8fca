"""Tensors of torch and TensorFlow as arrays, and torch's back, without importing either where nobody uses it."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from .refusals import Refused

WHOLE = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
CROSSING = ("bool", *WHOLE, "float16", "float32", "float64")


def found_in(value: object) -> np.ndarray | None:
    """The numbers of a tensor or variable of either library; None for everything else. Raises Refused."""
    kind = type(value)
    if (torch := sys.modules.get("torch")) is not None and issubclass(kind, torch.Tensor):
        return array_of(value, torch)
    if (tensorflow := sys.modules.get("tensorflow")) is None:
        return None
    if issubclass(kind, (tensorflow.SparseTensor, tensorflow.RaggedTensor)):
        raise Refused("type", f"a {kind.__name__}; use a dense tensor: tf.sparse.to_dense(x) or x.to_tensor()")
    keras = sys.modules.get("keras")
    variables = (tensorflow.Variable, keras.Variable) if keras is not None else (tensorflow.Variable,)
    return array_of_tensorflow(value) if issubclass(kind, (tensorflow.Tensor, *variables)) else None


def array_of_tensorflow(tensor: Any) -> np.ndarray:
    """The numbers of an eager tensor or a variable. Raises Refused for a symbolic one, which has none."""
    dtype = getattr(tensor.dtype, "name", tensor.dtype)  # Keras names it
    if dtype not in CROSSING:
        raise Refused("type", f"a tensor of dtype {dtype}; use float64, float32, int64 or bool")
    if not hasattr(tensor, "numpy"):
        raise Refused("type", "a symbolic tensor, which has no values yet; return numbers")
    return np.array(tensor.numpy())


def array_of(tensor: Any, torch: Any) -> np.ndarray:
    """The numbers of a tensor of any layout, detached. Raises Refused."""
    with torch._C.DisableTorchFunctionSubclass():  # a subclass's own rules do not apply here
        if tensor.layout is not torch.strided:
            raise Refused("type", "a sparse tensor; use a dense one, for example x.to_dense()")
        if str(tensor.dtype).removeprefix("torch.") not in CROSSING:
            raise Refused("type", f"a tensor of dtype {tensor.dtype}; use float64, float32, int64 or bool")
        if tensor.device.type == "meta":
            raise Refused("type", "a tensor without data (device meta)")
        found = torch.Tensor.detach(tensor).cpu().resolve_neg().contiguous().numpy()
    return np.asarray(found)


def tensor_of(array: np.ndarray) -> Any:
    """A tensor that shares the array's memory. Raises ImportError where there is no torch."""
    return importlib.import_module("torch").from_numpy(array)
