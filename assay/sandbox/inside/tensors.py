"""Torch tensors as arrays and back, without importing torch where nobody uses it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .refusals import Refused

CROSSING = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32")


def array_of(tensor: Any, torch: Any) -> np.ndarray:
    """The numbers of a tensor of any layout, detached. Raises Refused."""
    with torch._C.DisableTorchFunctionSubclass():  # a subclass's own rules do not apply here
        if tensor.layout is not torch.strided:
            raise Refused("type", "a sparse tensor; use a dense one, for example x.to_dense()")
        if str(tensor.dtype).removeprefix("torch.") not in (*CROSSING, "float64"):
            raise Refused("type", f"a tensor of dtype {tensor.dtype}; use float64, float32, int64 or bool")
        if tensor.device.type == "meta":
            raise Refused("type", "a tensor without data (device meta)")
        found = torch.Tensor.detach(tensor).cpu().resolve_neg().contiguous().numpy()
    return np.asarray(found)


def tensor_of(array: np.ndarray) -> Any:
    """A tensor that shares the array's memory. Raises ImportError where there is no torch."""
    return importlib.import_module("torch").from_numpy(array)
