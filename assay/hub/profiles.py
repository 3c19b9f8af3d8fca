"""The kinds of server that people can choose: who may have which, and the one that a server is started with."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping
from typing import Any

from tornado.web import HTTPError
from traitlets import Any as AnyTrait
from traitlets import Unicode
from traitlets.config import Configurable

from assay.errors import CourseError
from assay.hub import gpus
from assay.settings import FILE, Profile, Settings

OPTION = "profile"  # in what people ask of the Hub when they start a server
STANDARD = Profile("standard")  # where the settings name none
ALL_TAKEN = "All GPUs are in use now. Start a server without one, or try again later."


def check(settings: Settings) -> None:
    """Raises CourseError where a profile asks for what servers cannot have, SandboxError where a GPU is not here."""
    if settings.gpus and settings.spawner == "kubernetes":
        raise CourseError(
            f"{settings.home / FILE} names gpus, but the cluster knows which GPUs are free. Remove gpus, or ASSAY_GPUS."
        )
    for profile in settings.profiles:
        if profile.gpu and not settings.gpus and settings.spawner != "kubernetes":
            raise CourseError(
                f'{settings.home / FILE}: the profile {profile.name} has a GPU, but gpus names none. Add: gpus = ["0"]'
            )
        if settings.spawner == "local" and (profile.image or profile.memory or profile.cpus):
            raise CourseError(
                f"{settings.home / FILE}: the profile {profile.name} sets image, memory or cpus, which only servers in "
                'containers have. Remove them, or write kind = "docker" into [spawner].'
            )
    if settings.spawner == "local" and settings.spawner_options:
        raise CourseError(
            f"{settings.home / FILE}: [spawner] sets {', '.join(settings.spawner_options)}, which only servers in "
            'containers have. Remove it, or write kind = "docker" beside it.'
        )
    if settings.spawner == "local" and any(profile.gpu for profile in settings.profiles):
        for device in settings.gpus:
            gpus.of_this_machine(device)


def check_options(settings: Settings, spawner: Any, decided: str) -> None:
    """Raises CourseError where [spawner] sets what this class of spawner does not have, or what we decide."""
    unknown = sorted(set(settings.spawner_options) - (set(spawner.class_traits(config=True)) - set(decided.split())))
    if unknown:
        raise CourseError(
            f"[spawner] sets {', '.join(unknown)}, which {spawner.__bases__[-1].__name__} does not have or this server "
            f"decides. Look for its options in its documentation, and correct {settings.home / FILE}."
        )


def offered(settings: Settings, groups: Collection[str]) -> list[Profile]:
    """Those that a member of the groups may choose, in the order of the settings."""
    return [one for one in settings.profiles if not one.groups or set(one.groups) & set(groups)]


def chosen(settings: Settings, groups: Collection[str], options: Mapping[str, Any]) -> Profile:
    """The profile that somebody asks for. Raises HTTPError where it is not for them, whatever the form showed."""
    profiles = offered(settings, groups) or [STANDARD]
    wanted = options.get(OPTION)
    if wanted is None or wanted == "":
        return profiles[0]
    for one in profiles:
        if one.name == wanted:
            return one
    names = ", ".join(one.name for one in profiles)
    raise refusal(403, f"This kind of server is not for you, or there is none of that name. Choose one of: {names}.")


def refusal(status: int, sentence: str) -> Exception:
    """What the Hub answers with, and shows on its page, when no server is started."""
    error: Any = HTTPError(status, sentence)
    error.jupyterhub_message = sentence
    return error


def from_form(data: Mapping[str, list[str]]) -> dict[str, str]:
    """What was chosen in the form; whether it may be is asked when the server starts."""
    return {OPTION: data[OPTION][0]} if data.get(OPTION) else {}


def form(spawner: Any) -> str:
    """The choice as HTML; nothing where there is none, so that the server starts at once.

    The Hub then starts it with what was asked for the last time, which may be no longer there or not theirs.
    """
    profiles = offered(spawner.settings, spawner.groups()) or [STANDARD]
    before = spawner.user_options.get(OPTION)
    if len(profiles) < 2 and before in (None, "", profiles[0].name):
        return ""
    any_free = spawner.settings.spawner == "kubernetes" or bool(gpus.TABLE.free(spawner.settings.gpus))
    return "\n".join(
        _row(one, checked=number == 0, full=one.gpu and not any_free) for number, one in enumerate(profiles)
    )


def _row(profile: Profile, *, checked: bool, full: bool) -> str:
    name, title = html.escape(profile.name), html.escape(profile.title or profile.name)
    said = html.escape(ALL_TAKEN if full else profile.description)
    state = " disabled" if full else " checked" if checked else ""
    return (
        f'<div class="form-check mb-3"><input class="form-check-input" type="radio" name="{OPTION}" '
        f'id="{OPTION}-{name}" value="{name}"{state}><label class="form-check-label" for="{OPTION}-{name}">'
        f'<strong>{title}</strong><br><span class="text-muted">{said}</span></label></div>'
    )


class ProfiledSpawner(Configurable):
    """What a spawner needs to start servers of profiles. Its GPU is a server's own until that has stopped."""

    user: Any
    name: str
    user_options: dict[str, Any]
    settings = AnyTrait(config=True, help="Settings of the site.")
    gpu = Unicode(help="The device that this server has.")

    def groups(self) -> set[str]:
        """The Hub's groups of the user."""
        return {group.name for group in self.user.orm_user.groups}

    async def prepared(self) -> Profile:
        """The profile that this start is for, with its device taken. To be called before anything is started.

        Raises HTTPError where the profile is not for this user, or no GPU is left.
        """
        profile = chosen(self.settings, self.groups(), self.user_options)
        if profile.gpu:
            in_use = await self.gpus_in_use()
            device = gpus.TABLE.take(self.holder, self.settings.gpus, in_use)
            if device is None:
                raise refusal(503, ALL_TAKEN)
            self.gpu = device
        return profile

    async def gpus_in_use(self) -> Collection[str]:
        """Devices of servers that run though this Hub may not know them."""
        return ()

    @property
    def holder(self) -> tuple[int, str]:
        """By the number of the user, who can be given another name while the server runs."""
        return self.user.id, self.name

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()  # type: ignore[misc]
        return {**state, "gpu": self.gpu} if self.gpu else state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)  # type: ignore[misc]
        self.gpu = state.get("gpu", "")
        if self.gpu:
            gpus.TABLE.hold(self.holder, self.gpu)

    def clear_state(self) -> None:
        """The server has stopped, or none was started."""
        super().clear_state()  # type: ignore[misc]
        self.gpu = ""
        gpus.TABLE.give_back(self.holder)


def configure(c: Any, settings: Settings) -> None:
    """Let people choose, on JupyterHub's configuration."""
    c.ProfiledSpawner.settings = settings
    c.ProfiledSpawner.options_form = form
    c.ProfiledSpawner.options_from_form = from_form
