"""The GPUs of a grader: each is one submission's at a time, and comes back when the process that had it ends.

Which is taken is a lock on a file, which the kernel opens with the last process that holds it. So the processes of one
run share the devices, and so do runs in the same course.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assay.course import Course, Exercise
from assay.errors import SandboxError
from assay.sandbox.isolation import nvml
from assay.sandbox.isolation.gpu import DEVICES, DRIVER, Gpu, numbers_of

VARIABLE = "ASSAY_GRADING_GPUS"
PAUSE = 0.05  # seconds from one look for a free device to the next


@dataclass(frozen=True)
class Gpus:
    """The devices that a grader may use; none where it has none. Can be sent to another process."""

    numbers: tuple[str, ...] = ()
    locks: Path = Path()  # a folder with a file for each
    folder: Path = DEVICES  # of the device files
    driver: str = DRIVER  # as in `Gpu`

    @classmethod
    def of(cls, course: Course, environ: Mapping[str, str]) -> Gpus:
        """Those that the environment names for the grader of a course. Raises CourseError where it names no devices."""
        listed = [word for word in environ.get(VARIABLE, "").split(",") if word.strip()]
        return cls(numbers_of(listed), course.gpus)

    def each_for(self, exercise: Exercise) -> tuple[Gpu | None, ...]:
        """Every device that its jobs may have; None stands for a job without."""
        if exercise.gpu == "never" or exercise.gpu == "prefer" and not self.numbers:
            return (None,)
        return tuple(map(self._gpu, self.numbers))

    @contextmanager
    def lent(self, exercise: Exercise) -> Iterator[Gpu | None]:
        """A device for one submission until the end of the block, waiting until one is free; None: the processor.

        Raises SandboxError where the exercise requires a device and this grader has none.
        """
        if exercise.gpu == "require" and not self.numbers:
            raise SandboxError(
                f"The exercise {exercise.name} requires a GPU, and this grader has none. Set gpus of the course in "
                f"settings.toml, or {VARIABLE}, or assay grade --gpus; or write another gpu into its exercise.toml."
            )
        if self.each_for(exercise) == (None,):
            yield None
            return
        number, lock = self._taken()
        with lock:
            yield self._gpu(number, base=_in_use(number))

    def _gpu(self, number: str, base: int | None = None) -> Gpu:
        return Gpu(number, self.folder, self.driver, base)

    def _taken(self) -> tuple[str, IO[str]]:
        """A device and the open file that holds it."""
        self.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            for number in self.numbers:
                lock = open(self.locks / number, "w")  # noqa: SIM115  # closed by the caller
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                except BaseException:
                    lock.close()
                    raise
                else:
                    return number, lock
            time.sleep(PAUSE)


NONE = Gpus()


def notes_on(exercise: Exercise, gpu: Gpu | None) -> Sequence[str]:
    """What staff should know of the device that a submission was graded on."""
    if gpu is None:
        without = 'Graded on the processor: the exercise prefers a GPU (gpu = "prefer"), and this grader has none.'
        return [without] if exercise.gpu == "prefer" else []
    notes = [f"Graded on the GPU {gpu.number}."]
    if exercise.limits.gpu_memory and gpu.base is None:
        notes.append(
            f"Its memory was not watched: {_why_unwatched(gpu.number)}. torch and TensorFlow were told of gpu_memory, "
            "but code could pass it."
        )
    return notes


def _in_use(number: str) -> int | None:
    with suppress(nvml.NoAnswer):
        return nvml.memory_in_use(number)
    return None


def _why_unwatched(number: str) -> str:
    try:
        nvml.memory_in_use(number)
    except nvml.NoAnswer as error:
        return str(error)
    return "NVIDIA's management library did not answer when it began"
