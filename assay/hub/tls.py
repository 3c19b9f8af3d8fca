"""The certificate of the server's public name: checked before the Hub starts, and told to programs that reach the
server by another name.

Programs on this machine or in its containers reach the server as 127.0.0.1 or as the Hub's host, for which no
authority signs a certificate. They are told which one the server has, and take no other.
"""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from assay.errors import CourseError
from assay.settings import FILE, Settings

CERTIFICATE = "ASSAY_EXCHANGE_CERTIFICATE"


def files(settings: Settings) -> tuple[Path, Path] | None:
    """Certificate and key; None where the server speaks plain HTTP."""
    if not settings.tls_certificate or not settings.tls_key:
        return None
    return settings.home / settings.tls_certificate, settings.home / settings.tls_key


def environment(settings: Settings) -> dict[str, str]:
    """What a program has to know beside the server's address. Raises CourseError."""
    found = files(settings)
    return {} if found is None else {CERTIFICATE: told(found[0])}


def told(path: Path) -> str:
    """The first certificate of a PEM file, as CERTIFICATE has it. Raises CourseError where there is none."""
    try:
        # Some authorities write names in other letters above each certificate.
        text = path.read_text(encoding="ascii", errors="replace")
        first, end, _ = text.partition(ssl.PEM_FOOTER)
        der = ssl.PEM_cert_to_DER_cert(first[first.index(ssl.PEM_HEADER) :] + end)
    except (OSError, ValueError) as error:
        raise CourseError(f"No certificate can be read in {path} ({error}). It has to be a PEM file.") from error
    return base64.b64encode(der).decode()


def check(settings: Settings) -> None:
    """Raises CourseError where bind_url, certificate and key do not belong together, or others can read the key."""
    where = settings.home / FILE
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise CourseError(f"Of tls_certificate and tls_key only one is set. Set both in {where}, or neither.")
    secure, found = urlsplit(settings.bind_url).scheme == "https", files(settings)
    if secure and found is None:
        raise CourseError(
            f"bind_url is {settings.bind_url}, but there is no certificate. Set tls_certificate and tls_key in {where}."
        )
    if found is None:
        return
    if not secure:
        raise CourseError(
            f"There is a certificate, but bind_url is {settings.bind_url}. Let it begin with https:// in {where}."
        )
    for name, path in zip(("tls_certificate", "tls_key"), found, strict=True):
        try:
            path.open("rb").close()
        except OSError as error:
            raise CourseError(f"{name}: {path} cannot be read ({error.strerror}). Correct it in {where}.") from error
    certificate, key = found
    if key.stat().st_mode & 0o077:
        raise CourseError(f"{key} can be read by other users of this machine. Close it: chmod 600 '{key}'")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise CourseError(
            f"{key} is not the key of {certificate}, or one of them is no PEM file without a password "
            f"({getattr(error, 'reason', None) or error}). Give the two that belong together."
        ) from error


def unverified() -> ssl.SSLContext:
    """For asking whether the server answers, which tells it nothing and trusts nothing that it says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
