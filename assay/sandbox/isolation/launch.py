"""Start a program behind the steps of `inside/start.py`: the part that every tier shares."""

from __future__ import annotations

import base64
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from assay.errors import SandboxError
from assay.sandbox.inside.confine import Policy
from assay.sandbox.inside.start import Settings
from assay.sandbox.isolation import gpu
from assay.sandbox.isolation.cgroup import Group
from assay.sandbox.isolation.ground import ground
from assay.sandbox.isolation.job import Job
from assay.sandbox.isolation.process import Child
from assay.sandbox.isolation.running import Hold, Running
from assay.sandbox.libraries import View, view_of, with_cuda

INSIDE = Path(__file__).resolve().parent.parent / "inside"
BEGIN = "import sys; sys.path.append(sys.argv.pop(1)); from inside.start import main; main()"
HINT = "\nRun `assay doctor` to see what this machine allows."
START_SECONDS = 120.0  # for loading the libraries; a first torch or TensorFlow from a slow disk takes long
# What a first call would import: torch.optim's first step takes seconds for the one, any layer for the other.
LATE = {"torch": ("torch._dynamo",), "torch_geometric": ("torch_geometric.nn",)}
NOTEBOOK_LIBRARIES = ("ipython",)


@dataclass(frozen=True)
class Enclosure:
    """What a tier puts around the interpreter, and how it looks from within."""

    view: str  # the folder of the libraries, with `inside` among them
    home: str  # its own writable folder
    policy: Policy
    command: Sequence[str] = ()  # before the interpreter
    descriptors: tuple[int, ...] = ()  # that the command inherits; closed here
    own_processes: bool = False  # in a process namespace of its own
    group: Group | None = None
    zygote: bool = False  # forks such programs on request, in place of being one


def launch(job: Job, around: Enclosure, hold: Callable[[subprocess.Popen[bytes], IO[bytes]], Hold]) -> Running:
    """Start the program; returns once it is confined and has loaded its libraries.

    `hold` is given the outermost process and our end of its leash. Raises SandboxError where the start fails.
    """
    with ExitStack() as near, ExitStack() as far:
        for descriptor in around.descriptors:
            far.callback(os.close, descriptor)
        kind = socket.SOCK_SEQPACKET if around.zygote else socket.SOCK_STREAM
        channel, far_channel = socket.socketpair(socket.AF_UNIX, kind)
        near.callback(channel.close)
        far.callback(far_channel.close)
        ready, far_ready = pipe("rb", near, far)
        leash, far_leash = pipe("wb", near, far)
        entrances = [_open(entrance, far) for entrance in (around.group.entrances if around.group else ())]
        proc = _open(Path("/proc"), far, os.O_RDONLY | os.O_DIRECTORY) if around.zygote else None
        settings = Settings(
            program=job.program,
            channel=far_channel.fileno(),
            ready=far_ready,
            policy=around.policy,
            work=f"{around.home}/work",
            modules=loaded_by(job),
            files=files_of(job),
            leash=far_leash,
            own_processes=around.own_processes,
            groups=tuple(entrances),
            proc=proc,
        )
        handed = written(settings.as_json(), far)
        inherited = (far_channel.fileno(), far_ready, far_leash, handed, *entrances, *around.descriptors)
        inherited += () if proc is None else (proc,)
        process = subprocess.Popen(
            [*around.command, str(ground().python), "-I", "-S", "-B", "-c", BEGIN, around.view, str(handed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment(replace(job, gpu=None) if around.zygote else job, around.home),
            pass_fds=inherited,
            start_new_session=True,
        )
        far.close()
        running = Running(channel, Child(process), hold(process, leash), job.limits, job.gpu)
        near.pop_all()
        _await(running, ready)
        return running


def libraries_of(job: Job) -> View:
    """What the program may import."""
    view = view_of((*job.libraries, *NOTEBOOK_LIBRARIES) if job.program == "notebook" else job.libraries)
    return view if job.gpu is None else with_cuda(view)


def loaded_by(job: Job) -> tuple[str, ...]:
    """Modules that the program finds loaded, so that no student's call pays for their import."""
    modules = libraries_of(job if job.loaded is None else replace(job, libraries=job.loaded)).modules
    late = (name for module in modules for name in LATE.get(module, ()))
    return (*modules, *late) if job.program == "worker" or job.loaded is None else modules


def files_of(job: Job) -> tuple[tuple[str, str], ...]:
    """The files of a job as `Settings` has them. Raises SandboxError where one is not named plainly."""
    return tuple((_plain(name), base64.b64encode(data).decode()) for name, data in job.files.items())


def policy_of(job: Job, **reach: object) -> Policy:
    """The limits of a job as those of one process, with what the tier says about its reach."""
    limits = job.limits
    before = int(reach.pop("processes_before", 0))  # type: ignore[call-overload]
    if job.gpu is not None:
        reach |= {"sockets": "gpu", "driver": job.gpu.driver, "gpu_memory": limits.gpu_memory}
    return Policy(
        # CUDA reserves far more address space than memory; the watch and the control group count what is used.
        memory=limits.memory if job.gpu is None else None,
        cpu_seconds=limits.cpu_seconds,
        processes=before + limits.processes,
        file_size=limits.disk,
        **reach,  # type: ignore[arg-type]
    )


def environment(job: Job, home: str) -> dict[str, str]:
    """All that a program finds in its environment."""
    threads = str(job.limits.threads)
    counted = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "BLIS")
    variables = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "student",
        "LOGNAME": "student",
        "HOME": f"{home}/home",
        "TMPDIR": home,
        "MALLOC_ARENA_MAX": "2",  # every arena reserves 64 MiB of address space
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        **{f"{library}_NUM_THREADS": threads for library in counted},
        **(gpu.HIDDEN if job.gpu is None else gpu.SEEN),
    }
    return variables if job.program == "notebook" else {**variables, "MPLBACKEND": "Agg"}


def caps_of(job: Job) -> dict[str, int]:
    """The caps of a job's control group: bytes and processes of all its processes together, temporary files too."""
    return {"memory": job.limits.memory + job.limits.disk, "processes": job.limits.processes}


def _await(running: Running, ready: IO[bytes]) -> None:
    """Wait for the line that says nothing more can be reached. Stops the program and raises where it does not come."""
    deadline, said = time.monotonic() + START_SECONDS, b""
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    try:
        while not said.endswith(b"\n") and poll.poll(1000 * max(deadline - time.monotonic(), 0)):
            data = ready.read(1 << 16)
            if not data:
                break
            said += data
    finally:
        ready.close()
        if not said.endswith(b"\n"):
            ending = running.stop()
            raise SandboxError(
                f"The sandbox did not start ({ending.reason}, status {ending.status}). It said: "
                f"{ending.output.strip()[-2000:] or 'nothing'}{HINT}"
            )
    running.begins()


def pipe(mode: str, near: ExitStack, far: ExitStack) -> tuple[IO[bytes], int]:
    """A pipe that we read ("rb") or write ("wb"): our end, and the descriptor of the other."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    here, there = (reading, writing) if mode == "rb" else (writing, reading)
    far.callback(os.close, there)
    return near.enter_context(open(here, mode, buffering=0)), there


def _open(file: Path, far: ExitStack, flags: int = os.O_WRONLY) -> int:
    descriptor = os.open(file, flags | os.O_CLOEXEC)
    far.callback(os.close, descriptor)
    return descriptor


def written(text: str, far: ExitStack) -> int:
    """A descriptor from which the text can be read."""
    descriptor = os.memfd_create("settings")
    far.callback(os.close, descriptor)
    with open(descriptor, "w", encoding="utf-8", closefd=False) as file:
        file.write(text)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _plain(name: str) -> str:
    """A relative name that stays below the working folder. Raises SandboxError otherwise."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise SandboxError(f"A file for the sandbox is named {name!r}. Give it a plain relative name.")
    return str(path)
