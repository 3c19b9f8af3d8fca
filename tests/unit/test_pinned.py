"""A client that knows the server's certificate takes no other, whatever the machine trusts."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from assay.errors import ExchangeError
from assay.exchange.client import Client
from tests.support.certificates import Files, make_certificate

NAME = "hub.example.org"


class Answers(BaseHTTPRequestHandler):
    """Anything, to anybody."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"key")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def served(files: Files) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}/services/exchange"
        finally:
            server.shutdown()
            thread.join()


def told(files: Files) -> str:
    """As the Hub tells it."""
    first = files.certificate.read_text().partition(ssl.PEM_FOOTER)[0] + ssl.PEM_FOOTER
    return b64encode(ssl.PEM_cert_to_DER_cert(first)).decode()


@pytest.mark.parametrize("trusted", [False, True])
def test_no_authority_of_the_machine_counts_beside_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    its, other = make_certificate(tmp_path / "its", NAME), make_certificate(tmp_path / "other", NAME)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.authority))
    with served(its) as url:
        assert Client(url, "", told(its)).key() == "key"
    with served(other) as url, pytest.raises(ExchangeError):
        Client(url, "secret", told(its)).key()


def test_a_server_with_another_certificate_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    its, other = make_certificate(tmp_path / "its", NAME), make_certificate(tmp_path / "other", NAME)
    with served(other) as url:
        with pytest.raises(ExchangeError, match="its certificate is not the one.*restart your server"):
            Client(url, "", told(its)).key()
        with pytest.raises(ExchangeError, match="Nothing was done.*restart your server"):
            Client(url, "", told(its)).withdraw("course", "homework")
    with pytest.raises(ExchangeError, match=r"cannot be reached\. Nothing"):
        Client(url, "", told(its)).key()


def test_a_token_is_in_no_message_about_a_client() -> None:
    assert "secret" not in repr(Client("https://127.0.0.1:1", "secret"))
