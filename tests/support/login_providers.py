"""Those who vouch for users outside of the Hub, as real servers on loopback: OAuth 2 provider and LTI 1.3 platform.

They follow RFC 6749 (authorization code), RFC 7636 (PKCE) and LTI 1.3 with its OpenID Connect launch, as far as a login
goes, and refuse what those refuse.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "assay-on-this-test", "a secret between the two"
LTI = "https://purl.imsglobal.org/spec/lti/claim/"


@dataclass
class Provider:
    """Both providers on one port. The one user who is logged in there is `user`."""

    url: str
    user: str = "student1"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # of OAuth, each good for one exchange
    tokens: dict[str, str] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    claims: dict[str, Any] = field(default_factory=dict)  # put over those of a launch, to spoil it
    signed_with: rsa.RSAPrivateKey | None = None  # another key than the published one

    @property
    def keys(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}

    def launch(self, asked: dict[str, str]) -> str:
        """The signed id_token of a launch."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": asked["client_id"],
            "sub": f"id-of-{asked['login_hint']}",
            "email": f"{asked['login_hint']}@example.org",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            LTI + "version": "1.3.0",
            LTI + "message_type": "LtiResourceLinkRequest",
            LTI + "deployment_id": "1",
            LTI + "target_link_uri": asked["redirect_uri"],
            LTI + "resource_link": {"id": "course page"},
            LTI + "context": {"id": "1", "label": "Deep learning"},
            LTI + "roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
            LTI + "custom": {"uname": asked["login_hint"]},
        }
        return jwt.encode(claims | self.claims, self.signed_with or self.key, algorithm="RS256", headers={"kid": "one"})


@contextmanager
def running() -> Iterator[Provider]:
    """Both providers, on a free port of loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_port}")
        server.provider = provider  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One request to a provider."""

    @property
    def provider(self) -> Provider:
        return self.server.provider  # type: ignore[attr-defined, no-any-return]

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(place.query).items()}
        match place.path:
            case "/oauth/authorize":
                self._authorize(asked)
            case "/oauth/userinfo":
                self._userinfo()
            case "/lti/authorize":
                self._launch(asked)
            case "/lti/keys":
                self._json(200, self.provider.keys)
            case _:
                self._json(404, {"error": "not_found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        if urlsplit(self.path).path == "/oauth/token":
            self._token(asked)
        else:
            self._json(404, {"error": "not_found"})

    def _authorize(self, asked: dict[str, str]) -> None:
        if asked.get("client_id") != CLIENT or asked.get("response_type") != "code":
            return self._json(400, {"error": "unauthorized_client"})
        code = secrets.token_urlsafe()
        self.provider.codes[code] = asked | {"user": self.provider.user}
        self.send_response(302)
        back = urlencode({"code": code, "state": asked["state"]})
        self.send_header("Location", f"{asked['redirect_uri']}?{back}")
        self.end_headers()

    def _token(self, asked: dict[str, str]) -> None:
        if (asked.get("client_id"), asked.get("client_secret")) != self._basic((CLIENT, SECRET)):
            return self._json(401, {"error": "invalid_client"})
        given = self.provider.codes.pop(asked.get("code", ""), None)
        if given is None or given["redirect_uri"] != asked.get("redirect_uri"):
            return self._json(400, {"error": "invalid_grant"})
        if challenge := given.get("code_challenge"):
            digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
                return self._json(400, {"error": "invalid_grant"})
        token = secrets.token_urlsafe()
        self.provider.tokens[token] = given["user"]
        return self._json(200, {"access_token": token, "token_type": "Bearer", "expires_in": 300})

    def _basic(self, expected: tuple[str, str]) -> tuple[str | None, str | None]:
        """What the body has to hold: nothing where the client names itself in a header, as RFC 6749 2.3.1 prefers."""
        header = base64.b64encode(":".join(expected).encode()).decode()
        return (None, None) if self.headers.get("Authorization") == f"Basic {header}" else expected

    def _userinfo(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.provider.tokens:
            return self._json(401, {"error": "invalid_token"})
        return self._json(200, {"preferred_username": self.provider.tokens[token]})

    def _launch(self, asked: dict[str, str]) -> None:
        """The page with which a platform sends its user on: a form that posts itself."""
        fields = {"id_token": self.provider.launch(asked), "state": asked["state"]}
        inputs = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in fields.items())
        page = f'<form action="{escape(asked["redirect_uri"])}" method="post">{inputs}</form>'
        self._send(200, "text/html", page.encode())

    def _json(self, status: int, content: object) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
