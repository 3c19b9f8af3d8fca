"""A JupyterHub with our spawner and nothing else of the server: people are logged in as whoever they say they are."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import websocket

from assay.hub.programs import ended_with_the_hub
from assay.hub.shut_in import course_command
from assay.settings import load

CONTROL = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")  # of a terminal
REPOSITORY = Path(__file__).parents[2]
CONFIG = """
import os, sys
from pathlib import Path
from assay.hub import spawners
from assay.hub.programs import ended_with_the_hub
from assay.settings import load

c = get_config()
small = {small!r}
settings = load(Path(small["home"]), {{}})
c.JupyterHub.bind_url = small["url"]
c.JupyterHub.hub_bind_url = small["hub"]
c.ConfigurableHTTPProxy.api_url = small["proxy"]
c.ConfigurableHTTPProxy.command = ended_with_the_hub([str(Path(sys.executable).parent / "configurable-http-proxy")])
c.ConfigurableHTTPProxy.pid_file = str(settings.hub / "proxy.pid")
c.JupyterHub.db_url = f"sqlite:///{{settings.hub / 'jupyterhub.sqlite'}}"
c.JupyterHub.cookie_secret_file = str(settings.hub / "cookie_secret")
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Spawner.environment = small["environment"]
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = c.Spawner.start_timeout = 120
c.JupyterHub.services = [{{"name": "tester", "api_token": small["token"]}}, *small["services"]]
c.JupyterHub.load_roles = [{{
    "name": "tester",
    "scopes": ["admin:users", "admin:servers", "admin:server_state", "tokens", "access:servers", "access:services"],
    "services": ["tester"],
}}]
if small["spawner"]:
    c.JupyterHub.spawner_class = small["spawner"]
    c.Spawner.args = ["--allow-root"]
    c.SimpleLocalProcessSpawner.home_dir_template = str(settings.homes) + "/{{username}}"
else:
    print(spawners.configure(c, settings), flush=True)
"""
EXCHANGE = """
import http.server, os
from urllib.parse import urlsplit
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"exchange " + self.path.encode())
    def log_message(self, *_): pass
place = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
http.server.ThreadingHTTPServer((place.hostname, place.port), Answer).serve_forever()
"""


@dataclass(frozen=True)
class SmallHub:
    """One that runs."""

    url: str
    token: str  # may start servers, and enter them
    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def api(self, method: str, path: str, **more: Any) -> requests.Response:
        """A request to the Hub's API."""
        return self.ask(method, f"/hub/api{path}", **more)

    def ask(self, method: str, path: str, *, token: str = "", **more: Any) -> requests.Response:
        """A request through the proxy."""
        headers = {"Authorization": f"token {token or self.token}"}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **more)

    def start(self, user: str) -> str:
        """Start the user's server, and give the address of it below the Hub's, once it answers."""
        self.api("POST", f"/users/{user}")
        answer = self.api("POST", f"/users/{user}/server")
        assert answer.status_code in (201, 202), answer.text
        address = f"/user/{quote(user, safe='@')}/"
        self.until(lambda: self.model(user)["servers"].get("", {}).get("ready"), f"the server of {user}")
        return address

    def stop(self, user: str) -> None:
        self.api("DELETE", f"/users/{user}/server")
        self.until(lambda: self.model(user)["servers"].get("", {}).get("stopped", True), f"the end of {user}'s server")

    def model(self, user: str) -> dict[str, Any]:
        return dict(self.api("GET", f"/users/{user}?include_stopped_servers").json())

    def until(self, done: Any, what: str, seconds: float = 150.0) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline and self.process.poll() is None, f"{what}:\n{self.said()}"
            time.sleep(0.2)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]

    def put(self, address: str, name: str, text: str) -> None:
        """Write a file in the folder of a server, through its own interface."""
        content = {"type": "file", "format": "text", "content": text}
        answer = self.ask("PUT", f"{address}api/contents/{name}", json=content)
        assert answer.status_code in (200, 201), answer.text

    def get(self, address: str, name: str) -> str | None:
        answer = self.ask("GET", f"{address}api/contents/{name}?type=file&format=text")
        return answer.json()["content"] if answer.status_code == 200 else None

    def in_terminal(self, address: str, command: str, seconds: float = 120.0) -> str:
        """What a command prints in a new terminal of a server."""
        name = self.ask("POST", f"{address}api/terminals").json()["name"]
        with closing(self._socket(f"{address}terminals/websocket/{name}")) as terminal:
            terminal.send(json.dumps(["stdin", f"stty -echo; PS1=; echo BE''GINS; {command}\necho E''NDS\n"]))
            said, deadline = "", time.monotonic() + seconds
            while "ENDS" not in said:
                assert time.monotonic() < deadline, said
                kind, *words = json.loads(terminal.recv())
                said += words[0] if kind == "stdout" else ""
        self.ask("DELETE", f"{address}api/terminals/{name}")
        plain = CONTROL.sub("", said).replace("\r\n", "\n")
        return plain.partition("BEGINS")[2].partition("ENDS")[0].strip()

    @contextmanager
    def kernel(self, address: str) -> Iterator[Kernel]:
        """A new kernel of a server."""
        number = self.ask("POST", f"{address}api/kernels", json={"name": "python3"}).json()["id"]
        with closing(self._socket(f"{address}api/kernels/{number}/channels")) as channels:
            yield Kernel(channels)
        self.ask("DELETE", f"{address}api/kernels/{number}")

    def _socket(self, path: str) -> websocket.WebSocket:
        url = self.url.replace("http", "ws", 1) + path
        return websocket.create_connection(url, header=[f"Authorization: token {self.token}"], timeout=150)


@dataclass(frozen=True)
class Kernel:
    """A kernel, through the channels of its server."""

    channels: websocket.WebSocket

    def run(self, code: str) -> str:
        """What it prints, and its errors."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "username": "", "session": number, "version": "5.3"}
        content = {"code": code, "silent": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.channels.send(json.dumps(message))
        said = ""
        while True:
            heard = json.loads(self.channels.recv())
            if heard.get("parent_header", {}).get("msg_id") != number:
                continue
            match heard["msg_type"], heard["content"]:
                case "stream", content:
                    said += content["text"]
                case "error", content:
                    said += "\n".join(content["traceback"])
                case "display_data" | "execute_result", content:
                    said += str(content["data"])
                case "status", {"execution_state": "idle"}:
                    return said


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def small_hub(
    home: Path, *, begin: Sequence[str] = (), spawner: str = "", courses: Sequence[str] = ()
) -> Iterator[SmallHub]:
    """A Hub for the settings in `home`, with the servers of some courses as services, until the end of the block.

    begin: words before the Hub's command. spawner: another one than ours.
    """
    (home / "hub").mkdir(exist_ok=True, parents=True)
    url, token = f"http://127.0.0.1:{free_port()}", secrets.token_hex(16)
    environment = {
        "ASSAY_EXCHANGE_URL": f"{url}/services/exchange",
        "JUPYTER_CONFIG_PATH": str(REPOSITORY / "assay" / "hub" / "jupyter" / "student"),
    }
    small = {
        "home": str(home),
        "url": url,
        "token": token,
        "hub": f"http://127.0.0.1:{free_port()}",
        "proxy": f"http://127.0.0.1:{free_port()}",
        "environment": environment,
        "spawner": spawner,
        "services": [_exchange(), *(_course(home, name, environment) for name in courses)],
    }
    config, log = home / "hub" / "jupyterhub_config.py", home / "hub.log"
    config.write_text(CONFIG.format(small=small))
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [*begin, sys.executable, "-m", "jupyterhub", "--config", str(config)],
            cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=_environment(),
        )  # fmt: skip
    hub = SmallHub(url, token, home, process, log)
    try:
        hub.until(lambda: _answers(hub), "the Hub")
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> Mapping[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "LANG": "C.UTF-8", "PLANTED_SECRET": "of the Hub", "OMP_NUM_THREADS": "1"}


def _exchange() -> dict[str, Any]:
    url = f"http://127.0.0.1:{free_port()}"
    return {
        "name": "exchange",
        "timeout": 120,
        "url": url,
        "command": ended_with_the_hub([sys.executable, "-c", EXCHANGE]),
    }


def _course(home: Path, name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    settings = load(home, {})
    staff = {**environment, "JUPYTER_CONFIG_PATH": environment["JUPYTER_CONFIG_PATH"].replace("student", "staff")}
    return {
        "name": name,
        "timeout": 120,
        "url": f"http://127.0.0.1:{free_port()}",
        "command": course_command(settings, settings.course(name)),
        "environment": staff,
    }


def _answers(hub: SmallHub) -> bool:
    try:
        return hub.api("GET", "/").status_code == 200
    except requests.ConnectionError:
        return False
