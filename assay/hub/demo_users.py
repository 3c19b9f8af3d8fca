"""The demo course: its settings and its people, made at the first start and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

from assay.errors import CourseError
from assay.hub import accounts
from assay.settings import COURSE_NAME, FILE, SERVICES, Settings

INSTRUCTORS, STUDENTS = ("instructor1",), ("student1", "student2")
_TEXT = """\
# The choices of this site; docs/operators.md explains every key. This is the demo: for a real course write
# demo = false, name your instructors, and give yourself an account with: assay user NAME
demo = true
bind_url = "http://127.0.0.1:8000"

[courses.{name}]
root = {root}
instructors = ["{instructors}"]
students = ["{students}"]
"""


def write_settings(home: Path, root: Path, name: str) -> None:
    """The settings of the demo of one course. Raises CourseError where its name cannot be one."""
    if not COURSE_NAME.fullmatch(name) or name in SERVICES:
        raise CourseError(
            f"{root / 'nbgrader_config.py'} calls the course {name!r}. On a server it needs a course_id of up to 30 "
            "small letters, digits and hyphens, which is not exchange or culler."
        )
    quoted = json.dumps(str(root), ensure_ascii=False)  # TOML's strings are written alike
    people = {"instructors": '", "'.join(INSTRUCTORS), "students": '", "'.join(STUDENTS)}
    path = home / FILE
    path.touch(mode=0o600)  # an authenticator's secret may be written into it later
    path.write_text(_TEXT.format(name=name, root=quoted, **people), encoding="utf-8")


def make_users(settings: Settings) -> dict[str, str]:
    """The new passwords of those who are named in the settings and had none. Raises CourseError."""
    named = dict.fromkeys(settings.admins)
    for course in settings.courses:
        named |= dict.fromkeys((*course.instructors, *course.students))
    return accounts.make_missing(settings, list(named))
