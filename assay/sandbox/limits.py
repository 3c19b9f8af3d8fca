"""How much of the machine one submission may use."""

from __future__ import annotations

from dataclasses import dataclass

MiB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Caps enforced from outside the student's process. Passing one fails that check, never the run."""

    call_seconds: float = 5.0  # wall time of one call
    load_seconds: float = 20.0  # wall time of running the submission's cells
    seconds: float = 120.0  # wall time of all calls and loads of one submission
    cpu_seconds: float = 120.0  # CPU time of one worker
    memory: int = 2048 * MiB  # bytes beyond what the libraries take
    processes: int = 32
    disk: int = 64 * MiB  # bytes of private temporary files
    output: int = 1 * MiB  # bytes of stdout and stderr that are kept
    frame: int = 64 * MiB  # bytes of one value on the border
    threads: int = 1  # BLAS, OpenMP, TensorFlow
    gpu_memory: int = 0  # bytes of a GPU's memory, CUDA's own included; 0: all of it
