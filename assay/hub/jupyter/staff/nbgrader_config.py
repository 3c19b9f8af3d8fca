"""Assignments come and go through the server's exchange."""

from assay.exchange.nbgrader_plugins import configure

c = get_config()  # type: ignore[name-defined]  # noqa: F821
configure(c)
