"""JupyterHub, as the settings of a site want it. What is set here can be set otherwise after `configure`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from jupyterhub.services.service import Service

from assay import database
from assay.errors import CourseError
from assay.hub import addresses, authenticators, programs, roles, secrets, spawners, tls
from assay.hub.addresses import LOOPBACK, base_path, free_ports
from assay.hub.enrolment import enrol_everyone
from assay.settings import Settings

PATIENCE = 180  # seconds for a service to answer; the Hub gives up as a whole if one does not
ELSEWHERE = 5  # seconds for one that the Hub does not start; it only warns of one that does not answer
# What clients of an object store and of PostgreSQL read.
OF_STORES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "SSL_CERT_FILE"),
    *("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT"),
)
# Names become folders, addresses and rows: none that means something else there.
USERNAME = r"[a-z0-9][a-z0-9._@+-]{0,62}"


def configure(c: Any, settings: Settings) -> None:
    """Set everything that the server needs on JupyterHub's configuration.

    Parts of the server listen on free ports of the loopback interface; only `bind_url` is for others. Raises
    CourseError where the settings or the secrets cannot be used.
    """
    answering = [roles.EXCHANGE, *(course.name for course in settings.courses if not course.server)]
    hub_port, proxy_port, *service_ports = free_ports(2 + len(answering))
    ports = dict(zip(answering, service_ports, strict=True))
    _configure_hub(c, settings, hub_port)
    _configure_proxy(c, settings, proxy_port)
    c.JupyterHub.load_groups = roles.groups(settings)
    c.JupyterHub.load_roles = roles.roles(settings)
    commands = programs.commands(settings)
    c.JupyterHub.services = roles.services(
        settings,
        commands,
        {name: secrets.service_token(settings, name) for name in roles.service_names(settings)},
        {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        | {course.name: course.server for course in settings.courses if course.server},
        _environments(settings, os.environ),
    )
    if "timeout" in Service.class_traits():  # from JupyterHub 6 on; before that it is 30 s
        for one in c.JupyterHub.services:
            one |= {"timeout": PATIENCE if "command" in one else ELSEWHERE} if "url" in one else {}
    authenticators.configure(c, settings, os.environ)
    _configure_names(c, settings)
    _configure_servers(c, settings)


def _configure_hub(c: Any, settings: Settings, port: int) -> None:
    secrets.make_private(settings.hub)
    if settings.hub_host:
        name, port = addresses.hub_of_containers(settings)
        c.JupyterHub.bind_url = addresses.bind_everywhere(settings)
        c.JupyterHub.hub_connect_url = f"http://{name}:{port}{base_path(settings)}"
        c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{port}{base_path(settings)}"
    else:
        c.JupyterHub.bind_url = settings.bind_url
        c.JupyterHub.hub_bind_url = f"http://{LOOPBACK}:{port}{base_path(settings)}"
    if (secured := tls.files(settings)) is not None:
        c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = map(str, secured)
    c.JupyterHub.db_url = hub_database(settings)
    c.JupyterHub.upgrade_db = True  # of a newer JupyterHub; it keeps a copy of the old one
    c.JupyterHub.cookie_secret_file = str(settings.hub / "cookie_secret")
    c.JupyterHub.pid_file = str(settings.hub / "hub.pid")


def _configure_proxy(c: Any, settings: Settings, port: int) -> None:
    # The Hub hands down all of its environment to what everybody can talk to.
    kept_from_it = (name for name in os.environ if name.startswith("ASSAY_") or name in OF_STORES)
    proxy = programs.proxy_program(os.environ.get("PATH", ""))
    command = ["env", *(f"--unset={name}" for name in kept_from_it), proxy]
    c.ConfigurableHTTPProxy.command = programs.ended_with_the_hub(command)
    c.ConfigurableHTTPProxy.api_url = f"http://{LOOPBACK}:{port}"
    c.ConfigurableHTTPProxy.auth_token = secrets.proxy_token(settings)
    c.ConfigurableHTTPProxy.pid_file = str(settings.hub / "proxy.pid")


def _configure_names(c: Any, settings: Settings) -> None:
    c.Authenticator.username_pattern = rf"{USERNAME}\Z"  # the Hub itself only looks how a name begins
    c.Authenticator.admin_users = set(settings.admins)


def _configure_servers(c: Any, settings: Settings) -> None:
    spawners.configure(c, settings)
    c.Spawner.default_url = "/lab"
    c.Spawner.environment = programs.server_environment(settings, "student")
    c.Spawner.pre_spawn_hook = enrol_everyone(settings)


def hub_database(settings: Settings) -> str:
    """The address of the Hub's own tables: beside ours in PostgreSQL. Raises CourseError."""
    if settings.database:
        return database.address(settings.database, CourseError).render_as_string(hide_password=False)
    return f"sqlite:///{settings.hub / 'jupyterhub.sqlite'}"


def _environments(settings: Settings, environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The variables of each service. The operator's are for our own parts, not for a course's server."""
    # HOME, because the user of a container need not have an account to look it up in.
    own = {name: environ[name] for name in ("HOME", *_variables()) if name in environ}
    found = {name: own for name in roles.service_names(settings) if name != roles.CULLER}
    of_courses = programs.server_environment(settings, "staff")
    return found | {course.name: of_courses for course in settings.courses}


def _variables() -> list[str]:
    """Those that change settings, without the secrets of logging in, which only the Hub needs; and those of stores."""
    of_settings = [f"ASSAY_{one.name.upper()}" for one in fields(Settings) if not one.name.startswith("authenticator")]
    return [*of_settings, *OF_STORES]
