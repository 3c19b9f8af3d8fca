"""A real Hub for tests: `assay serve` in a course of its own, on free ports, with all state in a folder of the test.

make_course(tmp_path / "course")
with running(tmp_path / "course", tmp_path / "home") as hub:
    student = hub.log_in("student1")
    student.start_server()
    student.get("/hub/api/user").json()
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from assay.hub.addresses import free_ports

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "gradient_descent"
_PATIENCE = 300.0  # seconds; the machine may be busy with other tests
_PASSWORD = re.compile(r"^(\S+) +(\S{4}-\S{4}-\S{4}) ", re.MULTILINE)


class HubDidNotStart(Exception):
    """With everything that it printed."""


@dataclass
class Person:
    """Somebody who is logged in, with the cookies of a browser. Paths begin with a slash after the server's address."""

    hub: Running
    name: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **how: object) -> requests.Response:
        return self.ask("GET", path, **how)

    def post(self, path: str, **how: object) -> requests.Response:
        return self.ask("POST", path, **how)

    def ask(self, method: str, path: str, **how: object) -> requests.Response:
        """With the header by which a page proves that it is the Hub's own."""
        headers = {"X-XSRFToken": self.xsrf(path), **how.pop("headers", {})}  # type: ignore[dict-item]
        return self.session.request(method, self.hub.url + path, headers=headers, timeout=60, **how)  # type: ignore[arg-type]

    def xsrf(self, path: str) -> str:
        """The one of the cookies that belongs to a path."""
        fitting = [one for one in self.session.cookies if one.name == "_xsrf" and path.startswith(one.path)]
        return max(fitting, key=lambda one: len(one.path)).value or "" if fitting else ""

    def token(self, **asked: object) -> requests.Response:
        """Ask the Hub for an API token, with scopes=[...] for one that can do less."""
        return self.post(f"/hub/api/users/{self.name}/tokens", json=asked)

    def start_server(self) -> None:
        """Returns when the own server answers."""
        answer = self.post(f"/hub/api/users/{self.name}/server")
        assert answer.status_code in (201, 202), answer.text
        wait_for(lambda: self.get(f"/hub/api/users/{self.name}").json()["servers"].get("", {}).get("ready"), "server")
        self.visit(f"/user/{self.name}/lab").raise_for_status()
        self.get(f"/user/{self.name}/api/status").raise_for_status()

    def visit(self, path: str) -> requests.Response:
        """As a browser opens a page: the Hub says who one is, to servers and services that have not asked yet."""
        return self.session.get(self.hub.url + path, timeout=60)

    def server_token(self) -> str:
        """The one that the own server has, as its environment holds it."""
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                words = environ.read_bytes().split(b"\0")
            except OSError:
                continue  # ended, or somebody else's
            named = dict(word.split(b"=", 1) for word in words if b"=" in word)
            if named.get(b"JUPYTERHUB_USER") == self.name.encode() and self.hub.runs(named):
                return named[b"JUPYTERHUB_API_TOKEN"].decode()
        raise AssertionError(f"no process of {self.name}'s server was found")

    def stop_server(self) -> None:
        """Returns when the own server has ended."""
        assert self.ask("DELETE", f"/hub/api/users/{self.name}/server").status_code in (202, 204)
        wait_for(lambda: not self.get(f"/hub/api/users/{self.name}").json()["servers"], "end of the server")


@dataclass
class Running:
    """A Hub that answers."""

    root: Path
    home: Path
    url: str
    process: subprocess.Popen[str]
    output: Path

    @property
    def printed(self) -> str:
        return self.output.read_text()

    @property
    def passwords(self) -> dict[str, str]:
        """Those that this home's first start printed."""
        return dict(_PASSWORD.findall(self.printed))

    @property
    def pid(self) -> int:
        """Of JupyterHub itself."""
        return int((self.home / "hub" / "hub.pid").read_text())

    def log_in(self, name: str, password: str = "", session: requests.Session | None = None) -> Person:
        """Through the login page. Raises AssertionError where the password is refused."""
        person = self.try_log_in(name, password or self.passwords[name], session)
        assert person.get("/hub/api/user").status_code == 200, f"{name} was not let in"
        return person

    def try_log_in(self, name: str, password: str, session: requests.Session | None = None) -> Person:
        """Whether it worked shows in what the person may do then. A session knows whom else to trust."""
        person = Person(self, name, session or requests.Session())
        page = person.session.get(f"{self.url}/hub/login", timeout=60)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert found, page.text
        form = {"username": name, "password": password, "_xsrf": found[1]}
        person.session.post(f"{self.url}/hub/login", data=form, timeout=60, allow_redirects=False)
        person.session.get(f"{self.url}/hub/home", timeout=60)  # gives the cookie that pages prove themselves by
        return person

    def ask(self, method: str, path: str, token: str, **how: object) -> requests.Response:
        """A request of a program with an API token."""
        headers = {"Authorization": f"token {token}"}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **how)  # type: ignore[arg-type]

    def runs(self, environ: Mapping[bytes, bytes]) -> bool:
        """Whether a process with these variables is a server of this Hub."""
        return environ.get(b"ASSAY_EXCHANGE_URL") == f"{self.url}/services/exchange".encode()

    def service_token(self, name: str) -> str:
        return (self.home / "secrets" / f"{name}.token").read_text()


def make_course(root: Path, name: str = "course", assignments: Sequence[str] = (ASSIGNMENT,)) -> Path:
    """A course with some of this repository's assignments."""
    for folder in ("source", "graders", "release"):
        for assignment in assignments:
            shutil.copytree(ROOT / folder / assignment, root / folder / assignment)
    config = (ROOT / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(config.replace('course_id = "course"', f'course_id = "{name}"'))
    return root


def write_settings(home: Path, text: str) -> None:
    """settings.toml, instead of those of the demo that the first start writes."""
    home.mkdir(mode=0o711, parents=True, exist_ok=True)
    (home / "settings.toml").write_text(text)
    (home / "settings.toml").chmod(0o600)


@contextmanager
def running(root: Path, home: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Running]:
    """`assay serve` in a course folder until the test is over. Raises HubDidNotStart with what it printed."""
    hub = start(root, home, environ=environ)
    try:
        yield hub
    finally:
        end(hub.process)


def start(root: Path, home: Path, *, environ: Mapping[str, str] | None = None) -> Running:
    """For tests that end it in another way: `end(hub.process)` at last."""
    url = (environ or {}).get("ASSAY_BIND_URL") or f"http://127.0.0.1:{free_ports(1)[0]}"
    output = home.with_name(f"{home.name}.{time.monotonic_ns()}.out")
    process = serve(root, home, output, environ={**(environ or {}), "ASSAY_BIND_URL": url})
    ends = time.monotonic() + _PATIENCE
    while f"Open {url}" not in output.read_text():
        if process.poll() is not None or time.monotonic() > ends:
            end(process)
            log = home / "hub" / "hub.log"
            raise HubDidNotStart(output.read_text() + (log.read_text()[-4000:] if log.is_file() else ""))
        time.sleep(0.1)
    return Running(root, home, url, process, output)


def serve(root: Path, home: Path, output: Path, *, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    """The command itself, whatever becomes of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "JUPYTER"))}
    environment = {**kept, "COLUMNS": "200", "OMP_NUM_THREADS": "1", "ASSAY_HOME": str(home), **environ}
    command = [str(Path(sys.executable).with_name("assay")), "--course", str(root), "serve"]
    with output.open("w") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT, text=True)


def end(process: subprocess.Popen[str]) -> None:
    """As an operator does; with everything that it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(180)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def left_behind(home: Path) -> dict[int, str]:
    """Processes of a server, by its folder in their command line or environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            mentions = str(home).encode() in words + (folder / "environ").read_bytes()
        except OSError:
            continue  # ended, or somebody else's
        if mentions and int(folder.name) != os.getpid():
            found[int(folder.name)] = words.replace(b"\0", b" ").decode(errors="replace")
    return found


def wait_for(happened: Callable[[], object], what: str, patience: float = _PATIENCE) -> None:
    """Raises AssertionError where it does not happen."""
    ends = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < ends, f"waited {patience:.0f} s in vain for: {what}"
        time.sleep(0.2)
