"""The choices of a site: one file, settings.toml in the server's folder, and environment variables over it.

bind_url = "http://127.0.0.1:8000"

[courses.deep-learning]        # the name in addresses and groups
root = "/srv/courses/deep-learning"
instructors = ["instructor1"]

[authenticator]                # whatever its documentation names
kind = "oauth"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from assay.errors import CourseError

FILE = "settings.toml"
COURSE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")  # fits addresses, groups, folders and kinds of job
SERVICES = frozenset({"exchange", "culler"})  # of the Hub: no course can be called so
Authenticator = Literal["native", "oauth", "lti13", "ldap"]
Feedback = Literal["at once", "when released"]


@dataclass(frozen=True)
class CourseSettings:
    """One course on this site."""

    name: str
    root: Path
    instructors: tuple[str, ...] = ()
    students: tuple[str, ...] = ()  # enrolled by name; others are enrolled later, or by `everyone`
    everyone: bool = False  # whoever logs in is a student
    feedback: Feedback = "at once"  # when students get what grading found

    @property
    def student_group(self) -> str:
        """The Hub's group of its students, as nbgrader names it."""
        return f"nbgrader-{self.name}"

    @property
    def instructor_group(self) -> str:
        """The Hub's group of its instructors, as nbgrader names it."""
        return f"formgrade-{self.name}"

    @property
    def grading(self) -> str:
        """The kind of its grading jobs, and the name of the Hub's service that does them."""
        return f"grading-{self.name}"


@dataclass(frozen=True)
class Settings:
    """Everything that a site can choose, and where its state lies."""

    home: Path  # databases, secrets, students' homes
    courses: tuple[CourseSettings, ...] = ()
    bind_url: str = "http://127.0.0.1:8000"
    admins: tuple[str, ...] = ()
    demo: bool = False  # makes users with passwords on first start, and prints them
    database: str = ""  # address of the exchange's and the jobs' database; empty: SQLite in `home`
    jobs: int = 0  # processes that grade in each course; 0: one a core
    upload_bytes: int = 100 * 2**20  # of one submission
    idle_minutes: int = 60  # after which a student's server is stopped; 0: never
    authenticator: Authenticator = "native"
    authenticator_options: Mapping[str, Any] = field(default_factory=dict)  # as its own documentation names them

    def course(self, name: str) -> CourseSettings:
        """Raises CourseError where there is none of that name."""
        for one in self.courses:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.courses) or "none"
        raise CourseError(f"There is no course {name} on this site (known: {known}). Add it to {self.home / FILE}.")

    @property
    def hub(self) -> Path:
        """What JupyterHub and its proxy keep."""
        return self.home / "hub"

    @property
    def secrets(self) -> Path:
        """Keys and tokens; for the server's own user alone."""
        return self.home / "secrets"

    @property
    def receipt_key(self) -> Path:
        return self.secrets / "receipts.pem"

    @property
    def homes(self) -> Path:
        """The home of each user."""
        return self.home / "homes"

    @property
    def blobs(self) -> Path:
        """What was submitted."""
        return self.home / "exchange" / "blobs"

    @property
    def exchange_database(self) -> str:
        return self.database or f"sqlite:///{self.home / 'exchange' / 'exchange.sqlite'}"

    @property
    def jobs_database(self) -> str:
        return self.database or f"sqlite:///{self.home / 'jobs.sqlite'}"


def load(home: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in a server's folder; `ASSAY_<NAME>` in the environment counts more than the file.

    Raises CourseError where the file is not TOML, a key is unknown, or a value is of another kind.
    """
    path = home / FILE
    data = _read(path)
    courses = tuple(_course(name, one, path) for name, one in _table(data.pop("courses", {}), "courses", path).items())
    chosen = dict(_table(data.pop("authenticator", {}), "authenticator", path))
    kind = environ.get("ASSAY_AUTHENTICATOR", chosen.pop("kind", "native"))
    values = _checked(Settings, {"authenticator": kind, **data}, path, left_out={"home", "courses"})
    for one in fields(Settings):
        text = environ.get(f"ASSAY_{one.name.upper()}")
        if text is not None and one.name not in ("home", "courses", "authenticator", "authenticator_options"):
            values |= _checked(Settings, {one.name: _from_text(one.name, text)}, f"ASSAY_{one.name.upper()}")
    return Settings(home=home, courses=courses, authenticator_options=chosen, **values)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} is not TOML: {error}. See docs/operators.md.") from error


def _course(name: str, data: Any, path: Path) -> CourseSettings:
    if not COURSE_NAME.fullmatch(name) or name in SERVICES or name.startswith("grading-"):
        raise CourseError(
            f"{path}: a course cannot be called {name!r}. Use up to 30 small letters, digits and hyphens."
        )
    values = _checked(CourseSettings, _table(data, f"courses.{name}", path), path, left_out={"name"})
    if "root" not in values:
        raise CourseError(f'{path}: the course {name} has no root. Add: root = "/path/of/its/folder"')
    values["root"] = (path.parent / values["root"]).resolve()
    return CourseSettings(name=name, **values)


def _table(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CourseError(f"{path}: {name} is a table. Write [{name}], and its keys below.")
    return value


def _checked(
    kind: type, data: Mapping[str, Any], where: Path | str, left_out: Set[str] = frozenset()
) -> dict[str, Any]:
    """The values as the fields of a dataclass have them."""
    hints = get_type_hints(kind)
    unknown = sorted(set(data) - (set(hints) - left_out - {"authenticator_options"}))
    if unknown:
        raise CourseError(
            f"{where} sets {', '.join(unknown)}, which nothing reads. See docs/operators.md for the keys."
        )
    return {name: _as(hints[name], value, f"{where}: {name}") for name, value in data.items()}


def _as(hint: Any, value: Any, what: str) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise CourseError(f"{what} is {value!r}. Choose one of: {', '.join(get_args(hint))}.")
    elif get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise CourseError(f'{what} is {value!r}, which is no list of names, such as ["instructor1"].')
        return tuple(value)
    elif hint is Path:
        if not isinstance(value, str):
            raise CourseError(f"{what} is {value!r}, which is no path in quotes.")
        return Path(value)
    elif type(value) is not hint or (hint is int and value < 0):
        raise CourseError(f"{what} is {value!r}, which is no {_KINDS[hint]}.")
    return value


_KINDS = {int: "number from 0", bool: "true or false", str: "text in quotes"}


def _from_text(name: str, text: str) -> Any:
    """What a variable of the environment says; a list is separated by commas."""
    hint = get_type_hints(Settings)[name]
    if get_origin(hint) is tuple:
        return [word.strip() for word in text.split(",") if word.strip()]
    if hint is bool:
        return {"true": True, "1": True, "false": False, "0": False, "": False}.get(text.lower(), text)
    return int(text) if hint is int and text.isdigit() else text
