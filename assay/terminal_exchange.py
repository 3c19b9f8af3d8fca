"""Which exercise server a command in a terminal speaks to, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assay.errors import CourseError
from assay.exchange.client import URL, Client
from assay.hub import tls
from assay.hub.addresses import exchange_url
from assay.hub.secrets import operator_environment
from assay.hub.serve import home_of
from assay.settings import FILE, Settings, load


def client(root: Path, environ: Mapping[str, str], course: str | None) -> Client:
    """As the Hub says in what it has started; else as the service of a course, for who can read the server's secrets.

    Raises CourseError and ExchangeError where neither is there.
    """
    settings = _settings(root, environ)
    if settings is None:
        return Client.from_environment(environ)
    names = [one.name for one in settings.courses]
    if course is None and len(names) != 1:
        raise CourseError(f"Which course is meant is not clear. Choose one of {', '.join(names)} with --course-name.")
    return Client.from_environment(operator_environment(settings.home, course or names[0]))


def without_token(root: Path, environ: Mapping[str, str]) -> Client:
    """For what anybody may ask. Raises as `client`."""
    settings = _settings(root, environ)
    return Client.from_environment(
        environ if settings is None else {URL: exchange_url(settings), **tls.environment(settings)}
    )


def _settings(root: Path, environ: Mapping[str, str]) -> Settings | None:
    """Those of the server in this folder, where the Hub has not said which server there is."""
    home = home_of(root, environ)
    return None if URL in environ or not (home / FILE).is_file() else load(home, environ)
