"""What the engine is told of the Hub's container."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.certificates import make_certificate

PROGRAM = Path(__file__).parents[2] / "docker" / "health.py"


class Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/physics/hub/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(params=["http", "https"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a Hub that answers, with a certificate for another name where it has one."""
    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        if request.param == "https":
            files = make_certificate(tmp_path / "certificate", "hub.example.org")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files.certificate, files.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"{request.param}://0.0.0.0:{server.server_port}"
        server.shutdown()
        thread.join()


def said(home: Path, bind_url: str) -> tuple[int, str]:
    environ = {**os.environ, "ASSAY_HOME": str(home), "ASSAY_BIND_URL": bind_url}
    done = subprocess.run([sys.executable, "-P", str(PROGRAM)], env=environ, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_a_hub_that_answers_is_well(tmp_path: Path, address: str) -> None:
    assert said(tmp_path, f"{address}/physics") == (0, "")


def test_one_that_does_not_is_not(tmp_path: Path, address: str) -> None:
    status, sentence = said(tmp_path, f"{address}/chemistry")
    assert status == 1 and sentence == "The Hub does not answer: HTTP Error 404: Not Found\n"
