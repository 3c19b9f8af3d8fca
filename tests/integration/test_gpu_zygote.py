"""No zygote has started CUDA, which does not survive a fork: neither what we import nor what it does itself."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.errors import SandboxError
from assay.sandbox.inside.supervise import descendants
from assay.sandbox.isolation import Forking, Job, Warm
from assay.sandbox.isolation.bubblewrap import Bubblewrap
from assay.sandbox.isolation.confined import Confined
from assay.sandbox.isolation.gpu import Gpu
from assay.sandbox.isolation.launch import loaded_by
from tests.support.stand_in_gpu import make_devices
from tests.support.untrusted import LIMITS

pytestmark = pytest.mark.xdist_group("gpu_zygote")

# Whatever starts CUDA goes through one of these; without a device they say so and leave no trace, so they are watched.
IMPORT_TORCH = """
import sys, torch
def forbidden(*_): raise SystemExit("something asks for a device while libraries are loaded")
for name in ("is_available", "device_count", "_lazy_init", "init", "current_device", "get_device_properties"):
    setattr(torch.cuda, name, forbidden)
for name in sys.argv[1:]:
    __import__(name)
assert torch.cuda.is_initialized() is False
"""
IMPORT_TENSORFLOW = """
import sys
for name in sys.argv[1:]:
    __import__(name)
from tensorflow.python.eager import context
assert context.context()._physical_devices is None, "devices were listed while libraries were loaded"
assert context.context()._context_handle is None
"""


@pytest.mark.parametrize(
    ("program", "libraries"),
    [
        (IMPORT_TORCH, ("torch",)),
        (IMPORT_TORCH, ("torch", "torch-geometric")),
        (IMPORT_TENSORFLOW, ("tensorflow", "keras")),
    ],
    ids=["torch", "torch_geometric", "tensorflow"],
)
def test_what_a_zygote_imports_asks_for_no_device(program: str, libraries: tuple[str, ...]) -> None:
    if missing := [name for name in libraries if find_spec(name.replace("-", "_")) is None]:
        pytest.skip(f"not run: {missing} is not installed")
    modules = loaded_by(Job("worker", libraries))
    assert set(name.replace("-", "_") for name in libraries) <= set(modules)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program, *modules], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devices")
    folder.parent.parent.chmod(0o711)
    folder.parent.chmod(0o711)
    return make_devices(folder, "0")


@pytest.mark.parametrize("tier", [Bubblewrap(), Confined()], ids=["bubblewrap", "confined"])
def test_a_zygote_with_torch_has_no_device_open(tier: Forking, devices: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("not run: torch is not installed")
    job = Job("worker", ("numpy", "torch"), limits=LIMITS, gpu=Gpu("0", devices, driver=""))
    with Warm(tier) as warm:
        warm.start(job).stop()
        processes = [process for one in warm._started.values() for process in descendants(one.process.pid)]
        assert processes
        for process in processes:
            opened = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()]
            assert not [path for path in opened if "nvidia" in path]
            assert "libcuda" not in Path(f"/proc/{process}/maps").read_text()
        assert any("libtorch" in Path(f"/proc/{process}/maps").read_text() for process in processes)


@pytest.mark.parametrize("tier", [Bubblewrap(), Confined()], ids=["bubblewrap", "confined"])
def test_a_library_that_opens_a_device_is_found_out(
    tier: Forking, devices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for parent in (tmp_path, tmp_path.parent):
        parent.chmod(0o711)
    place = devices / "nvidia0" if isinstance(tier, Confined) else "/dev/nvidia0"
    name = f"opens_a_gpu_{'confined' if isinstance(tier, Confined) else 'bubblewrap'}"
    (tmp_path / f"{name}.py").write_text(f"kept = open({str(place)!r}, 'rb')\n")
    (tmp_path / f"{name}-1.dist-info").mkdir()
    (tmp_path / f"{name}-1.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (tmp_path / f"{name}-1.dist-info" / "RECORD").write_text(f"{name}.py,,\n{name}-1.dist-info/METADATA,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    job = Job("worker", ("numpy", name), limits=LIMITS, gpu=Gpu("0", devices, driver=""))
    with Warm(tier) as warm, pytest.raises(SandboxError, match=f"once CUDA has started .*nvidia0 is open.*{name}"):
        warm.start(job)
