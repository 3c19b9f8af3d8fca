"""An engine of containers for tests: Podman behind its Docker API, with everything that it keeps in a folder.

with engine(tmp_path) as podman:
    podman.image("localhost/student:test", search_path())
    here = podman.network("students", "localhost/student:test")
    ...DOCKER_HOST=podman.address...
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.hub import machine
from tests.support.hub import left_behind

USER, GROUP = 1000, 100
HOME = "/home/jovyan"
ANCHOR = "anchor"
# Few open files and processes for each container, because an engine within a container may not raise them.
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "{backend}"
network_config_dir = "{folder}/networks"
"""


@dataclass(frozen=True)
class Engine:
    """Podman that answers at a socket."""

    folder: Path

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/podman.sock"

    def run(self, *words: str, check: bool = True, given: bytes = b"") -> str:
        """A command of Podman; what it printed."""
        done = subprocess.run(_command(self.folder, *words), env=_environment(self.folder), input=given,
                              capture_output=True, timeout=300)  # fmt: skip
        assert not check or done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="replace")

    def network(self, name: str, image: str) -> str:
        """Made anew, with a container in it, for the network is there as long as it has one; this machine's address."""
        self.run("network", "create", name)
        words = [word for host, one in mounts().items() for word in ("--volume", f"{host}:{one['bind']}:ro")]
        self.run("run", "--detach", f"--name={ANCHOR}", f"--network={name}", *words, image, "sleep", "infinity")
        address = str(self.inspect(ANCHOR)["NetworkSettings"]["Networks"][name]["Gateway"])
        with socket.create_server((address, 0)):  # or else requests to it would leave this machine
            return address

    def image(self, name: str, path: Sequence[str]) -> None:
        """One that holds no more than a user with a home. Its programs are this machine's, see `mounts`."""
        passwd = f"root:x:0:0::/root:/bin/bash\njovyan:x:{USER}:{GROUP}::{HOME}:/bin/bash\n"
        words = ["--change", f"USER {USER}:{GROUP}", "--change", f"ENV HOME={HOME}", "--change",
                 f"ENV PATH={':'.join(path)}", "--change", f"WORKDIR {HOME}", "-", name]  # fmt: skip
        self.run("import", *words, given=_tree({"etc/passwd": passwd, "etc/group": f"root:x:0:\nusers:x:{GROUP}:\n"}))

    def inspect(self, container: str) -> dict[str, Any]:
        (found,) = json.loads(self.run("inspect", container))
        return dict(found)

    def containers(self) -> list[str]:
        """Those that run, by name."""
        return [name for name in self.run("ps", "--format", "{{.Names}}").split() if name != ANCHOR]

    def within(self, container: str, *words: str) -> str:
        """What a command prints in a container, as its user, whether it succeeds or not."""
        return self.run("exec", container, *words, check=False)


def mounts() -> dict[str, Any]:
    """The programs of this machine and this installation, read-only, for DockerSpawner's `volumes`."""
    return {str(tree): {"bind": str(tree), "mode": "ro"} for tree in (*machine.trees(),)}


def search_path() -> list[str]:
    return [str(Path(sys.executable).parent), "/usr/bin", "/bin"]


def unusable() -> str:
    """Why no engine can be had here; empty where one can."""
    missing = [name for name in ("podman", "runc") if shutil.which(name) is None]
    if missing:
        return f"needs {' and '.join(missing)} (apt-get install podman runc)"
    return "" if os.geteuid() == 0 else "needs root, for networks of containers"


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Raises AssertionError with what it said where it does not answer. Its containers end with it."""
    backend = "netavark" if Path("/usr/lib/podman/netavark").exists() else "cni"
    (folder / "networks").mkdir(parents=True)
    (folder / "containers.conf").write_text(CONFIGURATION.format(folder=folder, backend=backend))
    found = Engine(folder)
    log = (folder / "podman.log").open("wb")
    service = subprocess.Popen(
        _command(folder, "system", "service", "--time=0", found.address),
        env=_environment(folder),
        stdout=log,
        stderr=log,
    )
    try:
        ends = time.monotonic() + 60
        while not (folder / "podman.sock").exists():
            assert service.poll() is None and time.monotonic() < ends, (folder / "podman.log").read_text()
            time.sleep(0.1)
        yield found
    finally:
        found.run("rm", "--all", "--force", "--time=1", check=False)
        found.run("network", "prune", "--force", check=False)
        service.terminate()
        service.wait(30)
        log.close()
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """Once all have ended that clean up after the containers, and mount the store again for that."""
    ends = time.monotonic() + 60
    while left_behind(folder) and time.monotonic() < ends:
        time.sleep(0.5)
    subprocess.run(["umount", "--lazy", str(folder / "root" / "overlay")], capture_output=True)


def _command(folder: Path, *words: str) -> list[str]:
    return ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"), *words]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}


def _tree(files: dict[str, str]) -> bytes:
    """An archive of a system's folders: links into /usr, a home, and the files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("etc", "tmp", "usr", "proc", "sys", "dev", "home", HOME.lstrip("/"), "run", "var", "opt"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            if name == HOME.lstrip("/"):
                folder.uid, folder.gid = USER, GROUP
            archive.addfile(folder)
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
