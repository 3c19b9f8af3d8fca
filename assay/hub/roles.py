"""Who may do what on the Hub, as data: groups, roles and services, with no more rights than each needs.

Groups are nbgrader's: `nbgrader-<course>` for students, `formgrade-<course>` for instructors. Rights that students get
through a group are the least of all: whoever may list services is shown the formgrader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.settings import CourseSettings, Settings

EXCHANGE = "exchange"
CULLER = "culler"
USE_EXCHANGE = f"access:services!service={EXCHANGE}"
_CULLING = ["list:users", "read:users:activity", "read:servers", "delete:servers"]


def groups(settings: Settings) -> dict[str, dict[str, list[str]]]:
    """The Hub's load_groups: it adds these members, and leaves those who came otherwise."""
    found = {}
    for course in settings.courses:
        found[course.student_group] = {"users": sorted(set(course.students))}
        found[course.instructor_group] = {"users": sorted(set(course.instructors))}
    return found


def roles(settings: Settings) -> list[dict[str, Any]]:
    """The Hub's load_roles. A server's token can do what is named here and its owner may do too."""
    found = [_of_servers(), _of_the_exchange()]
    for course in settings.courses:
        found += [_of_students(course), _of_instructors(course), _of_the_course_itself(course)]
    return [*found, _of_the_culler()] if settings.culls else found


def services(
    settings: Settings,
    commands: Mapping[str, Sequence[str]],
    tokens: Mapping[str, str],
    urls: Mapping[str, str],
    environments: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """The Hub's services: for each name its token, where it answers requests its address, and where the Hub starts it
    its command and environment."""
    found: list[dict[str, Any]] = []
    courses = {course.name: course for course in settings.courses}
    for name in service_names(settings):
        one: dict[str, Any] = {"name": name, "api_token": tokens[name], "display": name in courses}
        if name in commands:
            one |= {
                "command": list(commands[name]),
                "environment": dict(environments.get(name, {})),
                "cwd": str(courses[name].root if name in courses else settings.home),
            }
        if name in urls:
            # Whoever may use it is not asked whether it may know who they are: it is a part of this server.
            one |= {"url": urls[name], "oauth_no_confirm": True}
        found.append(one)
    return found


def service_names(settings: Settings) -> list[str]:
    """All services of the Hub, in the order of their start."""
    courses = [course.name for course in settings.courses]
    grading = [course.grading for course in settings.courses]
    return [EXCHANGE, *courses, *grading, *([CULLER] if settings.culls else [])]


def _of_servers() -> dict[str, Any]:
    return {
        "name": "server",
        "description": "A user's own server: the user's name and groups, its activity, and the exchange",
        "scopes": [
            "users:activity!user",
            "access:servers!server",
            "read:users:groups!user",
            "read:users:name!user",
            "list:services",  # in effect for instructors alone, who hold it
            "read:services",
            USE_EXCHANGE,
        ],
    }


def _of_the_exchange() -> dict[str, Any]:
    return {
        "name": EXCHANGE,
        "description": "The exchange reads who is in which course",
        "scopes": ["read:users:groups", "read:users:name"],
        "services": [EXCHANGE],
    }


def _of_students(course: CourseSettings) -> dict[str, Any]:
    return {
        "name": course.student_group,
        "description": f"Students of {course.name} fetch and submit",
        "scopes": [USE_EXCHANGE],
        "groups": [course.student_group],
    }


def _of_instructors(course: CourseSettings) -> dict[str, Any]:
    return {
        "name": course.instructor_group,
        "description": f"Instructors of {course.name} open its formgrader",
        "scopes": [
            f"access:services!service={course.name}",
            f"list:services!service={course.name}",
            f"read:services!service={course.name}",
            USE_EXCHANGE,
        ],
        "groups": [course.instructor_group],
    }


def _of_the_course_itself(course: CourseSettings) -> dict[str, Any]:
    return {
        "name": f"course-{course.name}",
        "description": f"The formgrader of {course.name} enrols students and hands out assignments",
        "scopes": [f"list:groups!group={course.student_group}", f"groups!group={course.student_group}", USE_EXCHANGE],
        "services": [course.name],
    }


def _of_the_culler() -> dict[str, Any]:
    return {"name": CULLER, "description": "Stops idle servers", "scopes": _CULLING, "services": [CULLER]}
