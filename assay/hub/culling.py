"""The culler of JupyterHub, with an own limit for each profile: a GPU is given up sooner than a processor."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from jupyterhub_idle_culler import IdleCuller
from traitlets import Dict, Integer, Unicode, default

from assay.settings import Settings

_CHECKS = 2  # in the shortest time after which a server is idle


class ProfileCuller(IdleCuller):  # type: ignore[misc]
    """Stops each server when nobody has used it for as long as its profile says."""

    limits = Dict(Integer(), Unicode(), config=True, help="Seconds for each profile; 0: never.")

    @default("cull_arbiter_hook")
    def _cull_arbiter_hook(self) -> Any:
        return self.is_idle

    def is_idle(self, *, inactive: timedelta | None, inactive_limit: int, server: Mapping[str, Any]) -> bool:
        """Whether it is to be stopped. Which profile it has, the Hub knows since it was started."""
        profile = (server.get("user_options") or {}).get("profile")
        limit = self.limits.get(profile, inactive_limit) if isinstance(profile, str) else inactive_limit
        return inactive is not None and 0 < limit <= inactive.total_seconds()


def command(settings: Settings) -> list[str]:
    """The command that culls; to be run only where `settings.culls`."""
    minutes = {one.name: settings.idle_minutes_of(one) for one in settings.profiles}
    standard = next(iter(minutes.values()), settings.idle_minutes)  # of whoever chooses none
    shortest = min(one for one in (standard, *minutes.values()) if one)
    return [
        *(sys.executable, "-P", "-m", "assay.hub.culling"),
        f"--timeout={standard * 60}",
        f"--cull-every={shortest * 60 // _CHECKS}",
        *(f"--ProfileCuller.limits={name}={value * 60}" for name, value in minutes.items()),
    ]


if __name__ == "__main__":
    ProfileCuller.launch_instance()
