"""Addresses of the server: the public one from the settings, and free ports of this machine for its parts."""

from __future__ import annotations

import random
import re
import socket
from urllib.parse import SplitResult, urlsplit

from assay.errors import CourseError
from assay.settings import FILE, Settings

LOOPBACK = "127.0.0.1"
# Below the ports that Linux gives to outgoing connections, one of which could take a port between choice and use.
_PORTS = range(20_000, 32_768)
HUB_PORT = 8081  # JupyterHub's own custom
HUB_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::([1-9][0-9]{0,4}))?")
_EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})


def public_url(settings: Settings) -> str:
    """Where programs of this machine reach the Hub's proxy, without a slash at its end.

    Raises CourseError where bind_url is no address.
    """
    parts = _parsed(settings)
    host, port = _host_and_port(parts)
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}:{port}{parts.path.rstrip('/')}"


def exchange_url(settings: Settings) -> str:
    """The exchange, as clients know it in ASSAY_EXCHANGE_URL. Raises CourseError where bind_url is no address."""
    return f"{public_url(settings)}/services/exchange"


def exchange_url_of_containers(settings: Settings) -> str:
    """The same, as servers in containers know it. Raises CourseError where bind_url is no address."""
    return f"{url_of_containers(settings)}/services/exchange"


def url_of_containers(settings: Settings) -> str:
    """Where servers in containers reach the Hub's proxy, without a slash at its end; without hub_host as all others.

    Raises CourseError where bind_url or hub_host is none.
    """
    if not settings.hub_host:
        return public_url(settings)
    parts = _parsed(settings)
    return f"{parts.scheme}://{hub_of_containers(settings)[0]}:{_host_and_port(parts)[1]}{parts.path.rstrip('/')}"


def hub_of_containers(settings: Settings) -> tuple[str, int]:
    """The name and the port by which containers reach the Hub itself. Raises CourseError where hub_host is none."""
    found = HUB_HOST.fullmatch(settings.hub_host)
    if found is None or int(found[2] or HUB_PORT) > 65535:
        raise CourseError(
            f"hub_host is {settings.hub_host!r}, which is no name of a host. Write the one that containers know, such "
            f"as hub or hub:{HUB_PORT}, into {settings.home / FILE} or ASSAY_HUB_HOST."
        )
    return found[1], int(found[2] or HUB_PORT)


def bind_everywhere(settings: Settings) -> str:
    """bind_url on all addresses of this container. Raises CourseError where it is no address."""
    parts = _parsed(settings)
    return f"{parts.scheme}://0.0.0.0:{_host_and_port(parts)[1]}{parts.path}"


def base_path(settings: Settings) -> str:
    """The path before all others, such as `/` or `/hub-of-physics/`. Raises CourseError where bind_url is none."""
    return f"{_parsed(settings).path.rstrip('/')}/"


def is_free(settings: Settings) -> bool:
    """Whether nobody listens at the public address yet. Raises CourseError where bind_url is no address."""
    return _can_listen(*_host_and_port(_parsed(settings)))


def is_loopback(settings: Settings) -> bool:
    """Whether only this machine reaches the server. Raises CourseError where bind_url is no address."""
    host = _parsed(settings).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody uses now. Raises CourseError where there are none left."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            return found
        if _can_listen(LOOPBACK, port):
            found.append(port)
    raise CourseError("This machine has no free port left. End some of the programs that listen on it.")


def _parsed(settings: Settings) -> SplitResult:
    try:
        parts = urlsplit(settings.bind_url)
        if parts.scheme in ("http", "https") and not (parts.query or parts.fragment or parts.username):
            parts.port  # noqa: B018  (raises ValueError for what is no port)
            return parts
    except ValueError:
        pass
    raise CourseError(
        f"bind_url is {settings.bind_url!r}, which is no address. "
        f"Write one like http://127.0.0.1:8000 in {settings.home / FILE}."
    )


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    host = "" if parts.hostname is None else parts.hostname
    return LOOPBACK if host in _EVERYWHERE else host, parts.port or {"http": 80, "https": 443}[parts.scheme]


def _can_listen(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True
