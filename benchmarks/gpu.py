"""Train on the processor and on a GPU, and grade a submission on either, in one run.

    python -m benchmarks.gpu [--gpu 0] [--width 4096]

Grading goes through the real sandbox, judge and border. Where there is no device, this says so and ends with status 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from assay.course import Exercise, open_course, read_json  # noqa: E402
from assay.errors import AssayError  # noqa: E402
from assay.grading.gpus import Gpus  # noqa: E402
from assay.grading.judges import Judges  # noqa: E402
from assay.grading.pipeline import grade  # noqa: E402
from assay.notebook.extract import rebuild, source_of  # noqa: E402
from assay.outcome import Outcome, Report  # noqa: E402
from assay.sandbox.isolation import Job, Warm, choose  # noqa: E402
from assay.sandbox.isolation.gpu import Gpu, devices_in  # noqa: E402
from assay.sandbox.limits import Limits  # noqa: E402
from assay.sandbox.proxy import Student  # noqa: E402
from assay.submission import Cell, Source  # noqa: E402

# What makes the honest submission one that uses a GPU where it finds one.
DEVICE = 'import torch\ndevice = "cuda" if torch.cuda.is_available() else "cpu"\n'
MOVED = (
    ("torch.tensor(images), torch.tensor(labels)", "torch.tensor(images).to(device), torch.tensor(labels).to(device)"),
    ("torch.nn.Linear(128, 10)\n    )\n", "torch.nn.Linear(128, 10)\n    ).to(device)\n"),
    ("model(torch.tensor(images)).argmax(dim=1).numpy()", "model(torch.tensor(images).to(device)).argmax(dim=1).cpu()"),
)
TRAIN = """
import time, torch

def train(width, steps, device_wanted):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != device_wanted:
        raise RuntimeError(f"this ran on {device}")
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(512, 784, generator=generator).to(device)
    labels = torch.randint(0, 10, (512,), generator=generator).to(device)
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, width), torch.nn.ReLU(),
        torch.nn.Linear(width, 10),
    ).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for step in range(steps + 1):
        if step == 1:  # the first one loads kernels
            losses[0].item()
            began = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    last = losses[-1].item()
    return time.perf_counter() - began, last
"""
LIMITS = Limits(call_seconds=600, load_seconds=120, seconds=1200, cpu_seconds=1200, memory=16 * 2**30)


def main() -> int:
    """Measure, print, and say what could not be measured."""
    parser = argparse.ArgumentParser(description="Compare a GPU with the processor, in training and in grading.")
    parser.add_argument("--gpu", help="N of /dev/nvidiaN (default: the first there is)")
    parser.add_argument("--width", type=int, default=4096, help="units of a hidden layer of the larger network")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    number = options.gpu or next(iter(devices_in()), None)
    try:
        with Warm(choose(ROOT)) as tier:
            seconds = [
                ("train", width, *_trainings(tier, width, options.steps, number)) for width in (32, options.width)
            ]
            seconds += [(f"grade {name}", 0, *_gradings(tier, number, name)) for name in ("mnist_torch", "mnist_keras")]
    except AssayError as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return 1
    for what, width, processor, gpu in seconds:
        network = f", {width} units" if width else ""
        ratio = "no device" if gpu is None else f"GPU {gpu:8.3f} s   {processor / gpu:6.1f} times as fast"
        print(f"{what + network:28} processor {processor:8.3f} s   {ratio}")
    if number is None:
        print("There is no GPU here: /dev/nvidia0 is not there. Only the processor was measured.", file=sys.stderr)
        return 1
    return 0


def _trainings(tier: Warm, width: int, steps: int, number: str | None) -> tuple[float, float | None]:
    """Seconds of a training on either, in the sandbox."""
    on_processor, loss = _train(tier, width, steps, None)
    if number is None:
        return on_processor, None
    on_gpu, same = _train(tier, width, steps, Gpu(number))
    print(f"loss after {steps} steps with {width} units: processor {loss:.6f}, GPU {same:.6f}")
    return on_processor, on_gpu


def _train(tier: Warm, width: int, steps: int, gpu: Gpu | None) -> tuple[float, float]:
    job = Job("worker", ("numpy", "torch"), limits=LIMITS, gpu=gpu)
    student = Student(lambda: tier.start(job), Source((Cell("train", TRAIN, False),)), LIMITS)
    try:
        seconds, loss = student.call("train", width, steps, "cpu" if gpu is None else "cuda")
        return float(seconds), float(loss)
    finally:
        student.close()


def _gradings(tier: Warm, number: str | None, name: str) -> tuple[float, float | None]:
    """Seconds of grading the honest submission to an exercise on either, each the second time."""
    exercise = open_course(ROOT)[name]
    with tempfile.TemporaryDirectory() as locks, Judges() as judges:
        reports = [_graded(tier, judges, exercise, Gpus()) for _ in range(2)]
        failed = [check.name for check in reports[-1].checks if check.outcome is not Outcome.PASSED]
        print(
            f"{name}: on the processor {len(failed)} of {len(reports[-1].checks)} checks failed {failed or ''}".rstrip()
        )
        if number is None:
            return reports[-1].seconds, None
        wanting = replace(exercise, gpu="require")
        gpus = Gpus((number,), Path(locks))
        reports += [_graded(tier, judges, wanting, gpus) for _ in range(2)]
    verdicts = [[(check.name, check.outcome) for check in report.checks] for report in reports]
    print(f"{name}: the verdicts on both are {'the same' if verdicts[1] == verdicts[3] else 'NOT the same'}")
    return reports[1].seconds, reports[3].seconds


def _graded(tier: Warm, judges: Judges, exercise: Exercise, gpus: Gpus) -> Report:
    handed_in = ROOT / "examples" / "honest" / exercise.name / f"{exercise.name}.ipynb"
    source = source_of(rebuild(read_json(exercise.notebook), handed_in.read_bytes()).notebook)
    if "torch" in exercise.libraries:  # TensorFlow takes what it sees
        cells = tuple(replace(cell, text=_moved(cell.text)) for cell in source.cells)
        source = replace(source, cells=(Cell("device", DEVICE, False), *cells))
    return grade(exercise, source, secret=bytes(32), round="gpu", isolation=tier, judges=judges, gpus=gpus)


def _moved(text: str) -> str:
    for before, after in MOVED if "def fit(" in text else ():
        if before not in text:
            raise AssayError(f"the honest submission to mnist_torch has no {before!r} any more; change MOVED with it")
        text = text.replace(before, after)
    return text


if __name__ == "__main__":
    sys.exit(main())
