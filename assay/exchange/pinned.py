"""Connections to a server of which exactly the certificate is known: no other counts, whatever name it has."""

from __future__ import annotations

import base64
import binascii
import ssl
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

from assay.errors import ExchangeError

CERTIFICATE = "ASSAY_EXCHANGE_CERTIFICATE"  # DER in base64, as the Hub tells its own programs


class PinnedAdapter(HTTPAdapter):
    """Of a session of requests. Raises ExchangeError where the certificate is none."""

    def __init__(self, certificate: str, **more: Any) -> None:
        self._context = _only(certificate)
        super().__init__(**more)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """With the context in which nothing else is trusted."""
        super().init_poolmanager(*args, **more, ssl_context=self._context, assert_hostname=False)  # type: ignore[no-untyped-call]

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        """Without the bundle of authorities that REQUESTS_CA_BUNDLE may name: they would be added to ours."""
        return super().send(request, *args, **{**more, "verify": True})

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """As it is: requests would add all authorities of the machine."""


def is_of_another(error: Exception) -> bool:
    """Whether a request ended because the server's certificate is not one that counts; then nothing was sent."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    why = reason.args[0] if isinstance(reason, urllib3.exceptions.SSLError) and reason.args else None
    return isinstance(why, ssl.SSLCertVerificationError)


def _only(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # this one, without the authority that signed it
    try:
        context.load_verify_locations(cadata=base64.b64decode(certificate, validate=True))
    except (ssl.SSLError, binascii.Error, ValueError) as error:
        raise ExchangeError(f"{CERTIFICATE} holds no certificate ({error}). Restart your server in the Hub.") from error
    return context
