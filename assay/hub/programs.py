"""The programs that the server starts: where they are, and how none of them outlives the Hub."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from assay.errors import CourseError
from assay.hub import culling, roles, shut_in, tls
from assay.hub.addresses import exchange_url, exchange_url_of_containers
from assay.settings import Settings

PROXY = "configurable-http-proxy"


def environment_bin() -> Path:
    """The folder of programs of this Python environment."""
    return Path(sys.executable).parent


def search_path(path: str) -> str:
    """PATH with this environment's programs first, for whoever starts the server without activating it."""
    own = str(environment_bin())
    return ":".join([own, *(folder for folder in path.split(":") if folder and folder != own)])


def proxy_program(path: str) -> str:
    """The Hub's proxy, beside this Python or in PATH. Raises CourseError where there is none."""
    found = shutil.which(PROXY, path=search_path(path))
    if found is None:
        raise CourseError(
            f"JupyterHub's proxy is not installed. Install it beside this Python: "
            f"npm install --global --prefix {environment_bin().parent} {PROXY}  (or run: make serve)"
        )
    return found


def ended_with_the_hub(command: Sequence[str]) -> list[str]:
    """The command, told by the kernel to end when the Hub is gone, even by kill -9."""
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "SIGTERM", "--"] if setpriv else []), *command]


def commands(settings: Settings) -> dict[str, list[str]]:
    """The command of each service that the Hub starts, by its name."""
    python, home = sys.executable, str(settings.home)
    found = {roles.EXCHANGE: [python, "-P", "-m", "assay.serving.exchange_service", "--home", home]}
    for course in settings.courses:
        if course.server:
            continue
        found[course.name] = shut_in.course_command(settings, course)
    for course in settings.courses:
        worker = [python, "-P", "-m", "assay.serving.grading_worker", "--home", home, "--course", course.name]
        found[course.grading] = worker
    if settings.culls:
        found[roles.CULLER] = culling.command(settings)
    return {name: ended_with_the_hub(command) for name, command in found.items()}


def server_environment(settings: Settings, kind: str) -> dict[str, str]:
    """What a person's server (`student`) or a course's (`staff`) needs to know."""
    return {
        "ASSAY_EXCHANGE_URL": exchange_url_of_containers(settings) if kind == "student" else exchange_url(settings),
        "JUPYTER_CONFIG_PATH": str(Path(__file__).parent / "jupyter" / kind),
        **tls.environment(settings),
    }
