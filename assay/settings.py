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
Spawner = Literal["local", "docker", "kubernetes"]
MEMORY = re.compile(r"[1-9][0-9]*[KMGT]?")
GPU_IDLE_MINUTES = 20  # of a profile that says nothing: others may wait for its GPU
_OPTIONS = frozenset({"authenticator_options", "spawner_options"})  # tables that hold whatever their package names


@dataclass(frozen=True)
class CourseSettings:
    """One course on this site."""

    name: str
    root: Path
    instructors: tuple[str, ...] = ()
    students: tuple[str, ...] = ()  # enrolled by name; others are enrolled later, or by `everyone`
    everyone: bool = False  # whoever logs in is a student
    feedback: Feedback = "at once"  # when students get what grading found
    grader: str = ""  # Unix socket where its grader listens, in a container of its own; empty: it is started here
    gpus: tuple[str, ...] = ()  # devices that its grader may use, one submission each: N of /dev/nvidiaN
    server: str = ""  # address of the instructors' server where it runs elsewhere; empty: the Hub starts it here

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
class Profile:
    """A kind of server that people can choose."""

    name: str
    title: str = ""
    description: str = ""
    image: str = ""  # of its containers; empty: that of [spawner]
    gpu: bool = False  # has one of `Settings.gpus` for itself
    groups: tuple[str, ...] = ()  # the Hub's groups whose members may choose it; none: everybody may
    idle_minutes: int = 0  # after which it stops itself; 0: when all others are stopped, with a GPU sooner
    memory: str = ""  # such as 8G; empty: that of [spawner]
    cpus: float = 0.0  # 0: those of [spawner]


@dataclass(frozen=True)
class Settings:
    """Everything that a site can choose, and where its state lies."""

    home: Path  # databases, secrets, students' homes
    courses: tuple[CourseSettings, ...] = ()
    bind_url: str = "http://127.0.0.1:8000"
    admins: tuple[str, ...] = ()
    demo: bool = False  # makes users with passwords on first start, and prints them
    database: str = ""  # address of the exchange's and the jobs' database; empty: SQLite in `home`
    blob_store: str = ""  # s3://bucket/prefix for what is submitted; empty: a folder in `home`
    tls_certificate: str = ""  # file with the certificate for bind_url, and those between it and its authority
    tls_key: str = ""  # file with its key
    jobs: int = 0  # processes that grade in each course; 0: one a core
    upload_bytes: int = 100 * 2**20  # of one submission
    idle_minutes: int = 60  # after which a student's server is stopped; 0: never
    authenticator: Authenticator = "native"
    authenticator_options: Mapping[str, Any] = field(default_factory=dict)  # as its own documentation names them
    spawner: Spawner = "local"
    spawner_options: Mapping[str, Any] = field(default_factory=dict)  # as its own documentation names them
    profiles: tuple[Profile, ...] = ()  # the first is for whoever chooses none
    gpus: tuple[str, ...] = ()  # devices of this machine for users' servers, one each
    hub_host: str = ""  # by which servers in containers reach the Hub; empty: they are on this machine

    def course(self, name: str) -> CourseSettings:
        """Raises CourseError where there is none of that name."""
        for one in self.courses:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.courses) or "none"
        raise CourseError(f"There is no course {name} on this site (known: {known}). Add it to {self.home / FILE}.")

    @property
    def culls(self) -> bool:
        """Whether any server is stopped because nobody uses it."""
        return bool(self.idle_minutes) or any(map(self.idle_minutes_of, self.profiles))

    def idle_minutes_of(self, profile: Profile) -> int:
        """Minutes after which a server of that profile is stopped; 0: never. Nobody else can use its GPU meanwhile."""
        with_gpu = min(GPU_IDLE_MINUTES, self.idle_minutes or GPU_IDLE_MINUTES)
        return profile.idle_minutes or (with_gpu if profile.gpu else self.idle_minutes)

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
    profiles = tuple(
        _profile(name, one, path) for name, one in _table(data.pop("profiles", {}), "profiles", path).items()
    )
    _check_first(profiles, path)
    options = {name: dict(_table(data.pop(name, {}), name, path)) for name in ("authenticator", "spawner")}
    kinds = {name: chosen.pop("kind") for name, chosen in options.items() if "kind" in chosen}
    own = _OPTIONS | {"home", "courses", "profiles"}
    values = _checked(Settings, {**data, **kinds}, path, left_out=own)
    for one in fields(Settings):
        text = environ.get(f"ASSAY_{one.name.upper()}")
        if text is not None and one.name not in own:
            values |= _checked(Settings, {one.name: _from_text(one.name, text)}, f"ASSAY_{one.name.upper()}")
    values |= {f"{name}_options": chosen for name, chosen in options.items()}
    _check_gpus({"users' servers": values.get("gpus", ()), **{f"the course {c.name}": c.gpus for c in courses}}, path)
    return Settings(home=home, courses=courses, profiles=profiles, **values)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}). Make it readable for this user.") from error
    except ValueError as error:
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


def _profile(name: str, data: Any, path: Path) -> Profile:
    if not COURSE_NAME.fullmatch(name):
        raise CourseError(f"{path}: no profile is called {name!r}. Use up to 30 small letters, digits and hyphens.")
    found = Profile(name, **_checked(Profile, _table(data, f"profiles.{name}", path), path, left_out={"name"}))
    if found.memory and not MEMORY.fullmatch(found.memory):
        raise CourseError(f"{path}: the memory of the profile {name} is {found.memory!r}. Write it like 8G or 512M.")
    if found.gpu and not found.groups:
        raise CourseError(
            f"{path}: the profile {name} gives a GPU to everybody. Name the groups that may have one, such as those of "
            'a course: groups = ["nbgrader-NAME", "formgrade-NAME"]'
        )
    return found


def _check_gpus(given: Mapping[str, tuple[str, ...]], path: Path) -> None:
    """Nothing keeps two programs on one device apart, so each device is given once."""
    owners: dict[str, str] = {}
    for owner, numbers in given.items():
        for number in numbers:
            if number in owners:
                raise CourseError(f"{path}: the GPU {number} is given to {owners[number]} and to {owner}. Choose one.")
            owners[number] = owner
    if len({name.isdecimal() for name in owners}) > 1:
        raise CourseError(
            f"{path}: some gpus are numbers and some are not ({', '.join(owners)}), so one could be given twice. Write "
            "the numbers of /dev/nvidia* for all of them."
        )


def _check_first(profiles: tuple[Profile, ...], path: Path) -> None:
    if profiles and (profiles[0].gpu or profiles[0].groups):
        raise CourseError(
            f"{path}: the first profile is for whoever chooses none, so it has no groups and no GPU, but "
            f"{profiles[0].name} does. Put another before it."
        )


def _table(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CourseError(f"{path}: {name} is a table. Write [{name}], and its keys below.")
    return value


def _checked(
    kind: type, data: Mapping[str, Any], where: Path | str, left_out: Set[str] = frozenset()
) -> dict[str, Any]:
    """The values as the fields of a dataclass have them."""
    hints = get_type_hints(kind)
    unknown = sorted(set(data) - (set(hints) - left_out))
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
    elif hint is float and type(value) is int and value >= 0:
        return float(value)
    elif type(value) is not hint or (hint in (int, float) and not 0 <= value < float("inf")):
        raise CourseError(f"{what} is {value!r}, which is no {_KINDS[hint]}.")
    return value


_KINDS = {int: "number from 0", float: "number from 0", bool: "true or false", str: "text in quotes"}


def _from_text(name: str, text: str) -> Any:
    """What a variable of the environment says; a list is separated by commas."""
    hint = get_type_hints(Settings)[name]
    if get_origin(hint) is tuple:
        return [word.strip() for word in text.split(",") if word.strip()]
    if hint is bool:
        return {"true": True, "1": True, "false": False, "0": False, "": False}.get(text.lower(), text)
    return int(text) if hint is int and text.isascii() and text.isdecimal() else text
