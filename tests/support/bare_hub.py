"""A real Hub without a proxy and without students' servers: users, groups, services and tokens only."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

CONFIG = '''
import json, os
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    """What users see is not tried here."""
    should_start = False
    async def start(self): ...
    async def add_route(self, routespec, target, data): ...
    async def delete_route(self, routespec): ...
    async def get_all_routes(self): return {}

given = json.loads(os.environ["BARE_HUB"])
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = DummyAuthenticator
c.Authenticator.allow_all = True
c.JupyterHub.hub_bind_url = given["url"]
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.load_groups = {name: {"users": users} for name, users in given["groups"].items()}
c.JupyterHub.services = [
    {"name": "tester", "api_token": given["tester"]},
    {"name": "exchange", "api_token": given["exchange"], "url": "http://127.0.0.1:1", "command": ["sleep", "infinity"]},
    *({"name": name, "api_token": token} for name, token in given["services"].items()),
]
access = "access:services!service=exchange"
c.JupyterHub.load_roles = [
    {"name": "tester", "services": ["tester"], "scopes": ["tokens", "admin:users", "groups", access]},
    {"name": "exchange", "services": ["exchange"], "scopes": ["read:users:groups", "read:users:name"]},
    {"name": "user", "scopes": ["self", access]},
    {"name": "course", "services": list(given["services"]), "scopes": [access]},
]
'''


@dataclass(frozen=True)
class BareHub:
    """A running Hub."""

    url: str
    exchange: str  # the token of the service exchange
    services: dict[str, str]  # tokens of the courses' services
    tester: str

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> Any:
        """One request to the Hub's API."""
        answer = requests.request(
            method, f"{self.url}/hub/api{path}", headers={"Authorization": f"token {token or self.tester}"}, **more
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def token(self, user: str, scopes: list[str] | None = None) -> str:
        """A new token of a user."""
        return str(
            self.ask("POST", f"/users/{user}/tokens", json={} if scopes is None else {"scopes": scopes})["token"]
        )


@contextmanager
def bare_hub(folder: Path, groups: dict[str, list[str]], services: list[str]) -> Iterator[BareHub]:
    """A Hub with these groups, and a service for each of these courses; its state is in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    hub = BareHub(url, secrets.token_hex(16), {name: secrets.token_hex(16) for name in services}, secrets.token_hex(16))
    (folder / "bare_hub.py").write_text(CONFIG)
    given = {"url": url, "groups": groups, "tester": hub.tester, "exchange": hub.exchange, "services": hub.services}
    with (folder / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "bare_hub.py"],
            cwd=folder,
            env=os.environ | {"BARE_HUB": json.dumps(given)},
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(hub, process, folder / "hub.log")
            yield hub
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(hub: BareHub, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"The Hub ended: {log.read_text()[-3000:]}")
        try:
            hub.ask("GET", "/")
            return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError(f"The Hub does not answer: {log.read_text()[-3000:]}")
