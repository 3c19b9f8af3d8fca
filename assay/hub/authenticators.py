"""How people log in: `[authenticator]` of the settings, as JupyterHub's authenticators name their own options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from traitlets import Bool, Float, Int, List, Set, TraitType, Tuple, import_item

from assay.errors import CourseError
from assay.settings import FILE, Settings

_CLASSES = {
    "native": "assay.hub.native.SignUpWithApproval",
    "oauth": "oauthenticator.generic.GenericOAuthenticator",
    "lti13": "ltiauthenticator.lti13.auth.LTI13Authenticator",
    "ldap": "ldapauthenticator.LDAPAuthenticator",
}
_EXTRAS = {"native": "hub", "oauth": "oauth", "lti13": "lti", "ldap": "ldap"}
_VARIABLE = "ASSAY_AUTHENTICATOR_"  # and the name of an option in capitals
_FILE = "_file"
# The groups of courses are the Hub's own, so that an instructor can enrol somebody; `admins` and names are of the site.
# An address of e-mail says nothing about whose a name is.
_NOT_OURS = {"manage_groups", "manage_roles", "admin_users", "username_pattern", "allow_self_approval_for"}
_NATIVE = {
    "allow_all": True,  # whom an admin has approved
    "enable_signup": True,
    "open_signup": False,
    "check_common_password": True,
    "minimum_password_length": 10,
    "allowed_failed_logins": 10,
    "seconds_before_next_try": 300,
}
_LTI = {
    "allow_all": True,  # whom the platform lets into its course
    "username_key": "sub",  # the only claim that a person cannot change and never shares with another
}
_LTI_NEEDS = ("issuer", "client_id", "authorize_url", "jwks_endpoint")


def configure(c: Any, settings: Settings, environ: Mapping[str, str]) -> None:
    """Set the authenticator and its options on JupyterHub's configuration.

    Raises CourseError where its package is missing, an option is unknown, or nobody could log in.
    """
    found, options = _chosen(settings, environ)
    c.JupyterHub.authenticator_class = found
    c.JupyterHub.template_paths = [*getattr(import_module(found.__module__), "TEMPLATES", ())]
    for name, value in options.items():
        c[found.__name__][name] = value


def check(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises CourseError where `configure` would."""
    _chosen(settings, environ)


def _chosen(settings: Settings, environ: Mapping[str, str]) -> tuple[Any, dict[str, Any]]:
    """The authenticator's class, and its options. The environment counts more than the settings."""
    texts = _in_the_environment(environ)
    options = _in_the_settings(settings) | texts
    found = _class(settings, str(options.pop("class", _CLASSES[settings.authenticator])))
    _check_names(settings, found, options)
    traits = found.class_traits()
    options |= {name: _from_text(name, text, traits[name]) for name, text in texts.items() if name != "class"}
    return found, _with_defaults(settings, options)


def _in_the_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(_VARIABLE).lower(): text
        for name, text in environ.items()
        if name.startswith(_VARIABLE) and name != f"{_VARIABLE}OPTIONS"
    }


def _in_the_settings(settings: Settings) -> dict[str, Any]:
    """A file can hold a secret in an option's place."""
    options: dict[str, Any] = {}
    for name, value in settings.authenticator_options.items():
        if name.endswith(_FILE):
            options[name.removesuffix(_FILE)] = _secret_in(settings.home / str(value))
        else:
            options[name] = value
    return options


def _from_text(name: str, text: str, trait: TraitType[Any, Any]) -> Any:
    """What a variable of the environment says, as the option has it; a list is separated by commas."""
    if isinstance(trait, (List, Set, Tuple)):
        return [word.strip() for word in text.split(",") if word.strip()]
    if not isinstance(trait, (Bool, Int, Float)):
        return text
    try:
        return trait.from_string(text)
    except ValueError as error:
        kind = "true or false" if isinstance(trait, Bool) else "number"
        raise CourseError(f"{_VARIABLE}{name.upper()} is {text!r}, which is no {kind}.") from error


def _secret_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise CourseError(
            f"{path}, named in [authenticator], cannot be read ({error}). Write the secret there."
        ) from error


def _class(settings: Settings, name: str) -> Any:
    """By its path, or by the short name that its package registers with JupyterHub, such as `github`."""
    if settings.authenticator != "oauth" and name != _CLASSES[settings.authenticator]:
        raise CourseError(
            f"{settings.home / FILE}: [authenticator] has a class only where its kind is oauth. Remove `class`."
        )
    registered = {one.name: one.value.replace(":", ".") for one in entry_points(group="jupyterhub.authenticators")}
    try:
        found: Any = import_item(registered.get(name, name))
    except ModuleNotFoundError as error:
        raise CourseError(
            f"{error.name} is not installed, which {name} needs. "
            f"Install it: pip install 'assay[{_EXTRAS[settings.authenticator]}]'"
        ) from error
    except (ImportError, ValueError) as error:
        raise CourseError(f"There is no authenticator {name} ({error}). Check `class` in [authenticator].") from error
    if settings.authenticator == "oauth" and not _is_oauth(found):
        raise CourseError(f"{name} is no authenticator of oauthenticator. Choose one of its classes, such as github.")
    return found


def _is_oauth(found: Any) -> bool:
    from oauthenticator.oauth2 import OAuthenticator

    return isinstance(found, type) and issubclass(found, OAuthenticator)


def _check_names(settings: Settings, found: Any, options: Mapping[str, Any]) -> None:
    known = set(found.class_traits(config=True)) - _NOT_OURS
    unknown = sorted(set(options) - known)
    if unknown:
        raise CourseError(
            f"[authenticator] sets {', '.join(unknown)}, which {found.__name__} does not have or this server decides. "
            f"Look for its options in its documentation, and correct {settings.home / FILE} or the environment."
        )


def _with_defaults(settings: Settings, options: Mapping[str, Any]) -> dict[str, Any]:
    """Native and LTI let in whom an admin or the platform vouches for; the others at least whom the settings name."""
    if settings.authenticator == "native":
        return {**_NATIVE, **options}
    if settings.authenticator == "lti13":
        _check_launches_are_verified(settings, options)
        return {**_LTI, **options}
    if options.get("allow_all"):
        return dict(options)
    allowed = options.get("allowed_users", ())
    if not isinstance(allowed, Collection) or isinstance(allowed, str):
        raise CourseError(f"[authenticator] has allowed_users = {allowed!r}, which is no list of names.")
    named = {name for course in settings.courses for name in (*course.instructors, *course.students)}
    named |= {*settings.admins, *allowed}
    more = any(name.startswith("allow") and value for name, value in options.items() if name != "allowed_scopes")
    if not named and not more:
        raise CourseError(
            f"Nobody could log in. Name instructors, students or admins in {settings.home / FILE}, "
            "or set in [authenticator] who may, for example: allow_all = true"
        )
    # Where something else decides who comes in, such as a group, who has left that would be known to the Hub still.
    return {"allow_existing_users": not more or bool(allowed), **options, "allowed_users": named}


def _check_launches_are_verified(settings: Settings, options: Mapping[str, Any]) -> None:
    """Without the platform's keys, LTI13Authenticator would believe any launch, whoever sent it."""
    missing = [name for name in _LTI_NEEDS if not options.get(name)]
    if missing:
        raise CourseError(
            f"[authenticator] lacks {', '.join(missing)}. The learning platform tells them where it registers a tool; "
            f"write them into {settings.home / FILE}."
        )
