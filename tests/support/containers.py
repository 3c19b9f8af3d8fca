"""Podman for the tests of the images: a store of its own, a base made by debootstrap, images built on it, and a site.

The store stays between runs, so that only what has changed is built again; ASSAY_IMAGES says where it lies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.support.hub import wait_for

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "containers"
BASE = "localhost/assay-base:bookworm"
NEEDED = ("podman", "buildah", "runc", "debootstrap", "netavark", "aardvark-dns")
IMAGES = {  # name of the Dockerfile: what is built of it, and on its own machinery or a stand-in of the tests
    "student": ("assay-student:cpu-test", ROOT / "docker"),
    "grader": ("assay-grader:cpu-test", ROOT / "docker"),
    "hub": ("assay-hub:test", ROOT / "docker"),
    "postgres": ("assay-test-postgres:15", HERE),
    "objects": ("assay-test-objects:1", HERE),
}
CONFIGURATION = """\
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
"""
# Where pip is told how to get packages here. A build sees these, and no image keeps them.
SETUPS = ("/etc/ssl/certs", "/etc/pip.conf", "~/.config/pip", "~/.pip")


def missing() -> list[str]:
    """What would have to be installed."""
    return [one for one in NEEDED if not shutil.which(one) and not Path("/usr/lib/podman", one).exists()]


@dataclass(frozen=True)
class Engine:
    """Podman with images, containers, volumes and networks that nothing else uses."""

    folder: Path

    def run(self, *words: str, **how: object) -> subprocess.CompletedProcess[str]:
        """podman, with whatever status it ends."""
        return _run([str(self.program), *words], **how)

    def said(self, *words: str, **how: object) -> str:
        """What podman prints. Raises AssertionError where it fails."""
        done = self.run(*words, **how)
        assert done.returncode == 0, f"podman {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def program(self) -> Path:
        """podman as a program for others, such as podman-compose."""
        return self.folder / "bin" / "podman"

    def inside(self, container: str, *words: str, user: str = "", **how: object) -> subprocess.CompletedProcess[str]:
        """A command in a container that runs."""
        return self.run("exec", *(["--user", user] if user else []), container, *words, **how)

    @contextmanager
    def answering(self, socket: Path, group: int) -> Iterator[None]:
        """Docker's API at a socket."""
        service = subprocess.Popen([str(self.program), "system", "service", "--time=0", f"unix://{socket}"])
        try:
            wait_for(lambda: socket.exists() or service.poll() is not None, "podman's socket")
            assert socket.exists(), "podman system service has ended"
            os.chown(socket, 0, group)
            socket.chmod(0o660)
            yield
        finally:
            service.terminate()
            service.wait(60)


def engine(folder: Path) -> Engine:
    """Raises AssertionError where Podman does not work here."""
    made = Engine(folder)
    made.program.parent.mkdir(parents=True, exist_ok=True)
    (folder / "containers.conf").write_text(CONFIGURATION.format(folder=folder))
    store = f"--root {folder}/root --runroot {folder}/run"
    script = f'#!/bin/sh\nCONTAINERS_CONF={folder}/containers.conf exec {shutil.which("podman")} {store} "$@"\n'
    made.program.write_text(script)
    made.program.chmod(0o755)
    made.said("info")
    return made


def make_base(made: Engine) -> None:
    """Debian, as debootstrap makes it, once."""
    if made.run("image", "exists", BASE).returncode == 0:
        return
    with tempfile.TemporaryDirectory(dir=made.folder) as folder:
        done = _run(["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", f"{folder}/base"])
        assert done.returncode == 0, done.stdout[-4000:]
        packed = f"tar -C {folder}/base -c . | {made.program} import - {BASE}"
        done = _run(["bash", "-o", "pipefail", "-c", packed])
        assert done.returncode == 0, done.stderr


def build(made: Engine, name: str) -> str:
    """An image of IMAGES on that base. Returns what it is called."""
    tag, folder = IMAGES[name]
    context = ROOT if folder != HERE else HERE
    arguments = [
        f"--build-arg=BASE={BASE}",
        "--build-arg=REVISION=test",
        *(["--build-arg=TORCH_INDEX="] if _has_torch() else []),
    ]
    made.said(
        "build", "--quiet", "--layers", "--format=docker", "--isolation=chroot", "--network=host",
        *mounts(made), *arguments, f"--file={folder / name}.Dockerfile", f"--tag={tag}", str(context),
    )  # fmt: skip
    return tag


def mounts(made: Engine) -> list[str]:
    """How a build is shown what pip and npm need here: files of this machine that no layer keeps."""
    own, npmrc = Path("~/.npmrc").expanduser(), made.folder / "npmrc"
    npmrc.write_text((own.read_text() if own.exists() else "") + "cafile=/etc/ssl/certs/ca-certificates.crt\n")
    found = {Path(one).expanduser(): one.replace("~", "/root") for one in SETUPS if Path(one).expanduser().exists()}
    found |= {folder: str(folder) for folder in folders_of_packages()} | {npmrc: "/root/.npmrc"}
    return [f"--volume={here}:{there}:{_how(here)}" for here, there in found.items()]


def _how(path: Path) -> str:
    """Packages may put certificates of their own beside those of this machine, which stays as it is."""
    return "O" if path.name == "certs" else "ro"


def folders_of_packages() -> list[Path]:
    """Folders of this machine from which pip takes packages."""
    words: list[str] = []
    for place in ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf"):
        parser = ConfigParser()
        parser.read(Path(place).expanduser())
        for key in ("find-links", "extra-index-url", "index-url"):
            words += parser.get("global", key, fallback="").split()
    paths = [Path(unquote(urlsplit(word).path)) for word in words if urlsplit(word).scheme in ("", "file")]
    return sorted({path.parent if path.name == "simple" else path for path in paths if path.is_dir()})


def _has_torch() -> bool:
    """Whether pip finds a torch here that needs no index of its own."""
    return any(list(folder.glob("torch-*.whl")) for folder in folders_of_packages())


@dataclass(frozen=True)
class Site:
    """What compose.yaml starts, in a folder of its own."""

    engine: Engine
    folder: Path
    program: str  # podman-compose

    def compose(self, *words: str, files: Sequence[str] = ("compose.yaml",)) -> str:
        """Raises AssertionError where it fails."""
        chosen = [word for name in files for word in ("--file", name)]
        path = f"{self.engine.program.parent}:{os.environ['PATH']}"
        done = _run(
            [self.program, "--in-pod", "false", *chosen, *words], cwd=self.folder, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, f"compose {' '.join(words)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def container(self, service: str) -> str:
        return f"assay_{service}_1"

    def log(self, service: str) -> str:
        done = self.engine.run("logs", self.container(service))
        return done.stdout + done.stderr


def make_site(made: Engine, folder: Path, environ: Mapping[str, str], program: str) -> Site:
    """The files that an operator copies and fills in, and the secrets. `environ` is .env."""
    for name in ("compose.yaml", "compose.tls.yaml", "secrets.sh"):
        shutil.copy2(ROOT / "docker" / name, folder / name)
    settings = (ROOT / "docker" / "settings.toml.example").read_text()
    (folder / "settings.toml").write_text(settings.replace("cpu-TAG", f"cpu-{environ['TAG']}"))
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in environ.items()))
    done = _run(["sh", str(folder / "secrets.sh")])
    assert done.returncode == 0, done.stderr
    return Site(made, folder, program)


def _run(words: Sequence[str], **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, text=True, capture_output=True, **how)  # type: ignore[call-overload,no-any-return]
