"""What a course's server is told where the Hub does not start it: in a container of its own, as an external service.

These are the variables that the Hub sets for services that it starts; all but the token, two addresses and the Hub's
certificate follow from the course's name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from assay.errors import CourseError
from assay.hub import tls

TOKEN, TOKEN_FILE = "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_TOKEN_FILE"
API, EXCHANGE = "JUPYTERHUB_API_URL", "ASSAY_EXCHANGE_URL"
CERTIFICATE_FILE = "ASSAY_EXCHANGE_CERTIFICATE_FILE"  # of the Hub, where it speaks TLS
_END = "/hub/api"
_CONFIGURATION = Path(__file__).parent / "jupyter" / "staff"


def environment(course: str, port: int, environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the server of a course. Raises CourseError where something is missing."""
    api = _address(environ, API, "http://hub:8081/hub/api")
    _address(environ, EXCHANGE, "http://hub:8000/services/exchange")
    path = urlsplit(api).path.rstrip("/")
    if not path.endswith(_END):
        raise CourseError(f"{API} is {api!r}, which does not end with {_END}. Write one like http://hub:8081{_END}")
    base = f"{path.removesuffix(_END)}/"
    prefix = f"{base}services/{course}/"
    scopes = json.dumps(["access:services", f"access:services!service={course}"])
    own = {name: value for name, value in environ.items() if name not in (TOKEN_FILE, CERTIFICATE_FILE)}
    return {
        "LANG": "C.UTF-8",
        "USER": "instructor",  # the user of a container need not have an account to look it up in
        "LOGNAME": "instructor",
        "SHELL": "/bin/bash",
        "JUPYTER_RUNTIME_DIR": "/tmp/.jupyter-runtime",  # short enough for the names of sockets, and gone with it
        **own,
        "JUPYTER_CONFIG_PATH": str(_CONFIGURATION),
        TOKEN: _token(environ),
        **({tls.CERTIFICATE: tls.told(Path(environ[CERTIFICATE_FILE]))} if environ.get(CERTIFICATE_FILE) else {}),
        "JUPYTERHUB_BASE_URL": base,
        "JUPYTERHUB_CLIENT_ID": f"service-{course}",
        "JUPYTERHUB_HOST": "",  # the browser's: the proxy shows all under one address
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": scopes,
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{prefix}oauth_callback",
        "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
        "JUPYTERHUB_OAUTH_SCOPES": scopes,
        "JUPYTERHUB_SERVER_NAME": "",
        "JUPYTERHUB_SERVICE_NAME": course,
        "JUPYTERHUB_SERVICE_PREFIX": prefix,
        "JUPYTERHUB_SERVICE_URL": f"http://0.0.0.0:{port}{prefix}",
        "JUPYTERHUB_USER": "",
    }


def check_user() -> None:
    """Raises CourseError for root, whose programs a container holds less well."""
    if os.geteuid() == 0:
        raise CourseError(
            "A course's server is not for root. Run its container as another user, to whom the course folder belongs."
        )


def _address(environ: Mapping[str, str], name: str, example: str) -> str:
    found = environ.get(name, "")
    if urlsplit(found).scheme not in ("http", "https"):
        raise CourseError(f"{name} is {found!r}, which is no address. Write one like {example}")
    return found


def _token(environ: Mapping[str, str]) -> str:
    place = environ.get(TOKEN_FILE, "")
    try:
        text = Path(place).read_text(encoding="ascii").strip() if place else environ.get(TOKEN, "")
    except (OSError, ValueError) as error:
        raise CourseError(f"{place} in {TOKEN_FILE} cannot be read ({error}). Let this user read it.") from error
    if not text:
        raise CourseError(
            f"There is no token. Name in {TOKEN_FILE} the file that the Hub has as secrets/NAME.token in its folder."
        )
    return text
