"""A job with a GPU breaks out of its sandbox no further than one without; and what torch is told of its memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.sandbox.isolation import Isolation, Job, Running, try_to_break
from assay.sandbox.isolation.gpu import SEEN, Gpu
from tests.support.stand_in_gpu import make_devices

pytestmark = pytest.mark.xdist_group("gpu_breakout")

QUEUED = """
import sys, torch
torch.backends.cuda.is_built = lambda: True  # as in a build for GPUs; whatever would start CUDA fails in this one
sys.path.insert(0, sys.argv[1])
from assay.sandbox.inside import gpu
from assay.sandbox.inside.confine import Policy
before = len(torch.cuda._queued_calls)
gpu.begin(Policy(gpu_memory=1 << 30))
assert len(torch.cuda._queued_calls) == before + 1
assert not torch.cuda.is_initialized()
told = []
torch.cuda.get_device_properties = lambda device: type("Device", (), {"total_memory": 4 << 30})
torch.cuda.set_per_process_memory_fraction = lambda share, device: told.append((share, device))
torch.cuda._queued_calls[-1][0]()
assert told == [(0.25, 0)], told
"""


@dataclass(frozen=True)
class OnGpu:
    """A tier whose jobs all have a device, and enough memory that the watch leaves the probe alone."""

    tier: Isolation
    gpu: Gpu

    @property
    def name(self) -> str:
        return self.tier.name

    def start(self, job: Job) -> Running:
        return self.tier.start(replace(job, gpu=self.gpu, limits=replace(job.limits, memory=1 << 33)))


def test_a_device_opens_nothing_else(isolation: Isolation, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o011)
    devices = make_devices(tmp_path / "devices", "0")
    before = {trial.name: trial.holds for trial in try_to_break(isolation).trials}
    found = try_to_break(OnGpu(isolation, Gpu("0", devices, driver="")))
    assert not found.error
    changed = {trial.name: trial.detail for trial in found.trials if trial.holds != before[trial.name]}
    assert set(changed) <= {"the environment is empty", "memory is capped"}, changed  # memory by the watch alone
    assert set(changed["the environment is empty"].split(", ")) == set(SEEN)


def test_torch_is_kept_to_its_memory_once_it_has_started_cuda() -> None:
    if find_spec("torch") is None:
        pytest.skip("not run: torch is not installed")
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", QUEUED, root], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
