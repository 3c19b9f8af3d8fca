"""Who is in the Hub's groups: the settings add people, the formgrader adds people, and nobody is lost by a restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.settings import Settings


def enrol_everyone(settings: Settings) -> Callable[[Any], None]:
    """A hook of the Hub: whoever starts a server becomes a student of the courses that are open to everyone."""
    open_courses = [course for course in settings.courses if course.everyone]

    def enrol(spawner: Any) -> None:
        from jupyterhub import orm

        user = spawner.user.orm_user
        member_of = {group.name for group in user.groups}
        for course in open_courses:
            group = orm.Group.find(spawner.db, course.student_group)
            if group is not None and not member_of & {course.student_group, course.instructor_group}:
                user.groups.append(group)  # an admin can delete it; the next start makes it anew
        spawner.db.commit()

    return enrol
