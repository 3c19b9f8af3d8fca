"""What has to be so before the server starts, each said in a sentence where it is not."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from assay.course import open_course
from assay.errors import CourseError
from assay.hub import authenticators, programs, secrets, tls
from assay.hub.addresses import is_free, is_loopback, public_url
from assay.hub.configure import USERNAME
from assay.hub.course_id import FILE as NBGRADER_CONFIG
from assay.hub.course_id import course_id
from assay.settings import FILE, CourseSettings, Settings

_ADDRESS = re.compile(r"https?://[^\s/?#@]+")
_WAIT = 5.0  # seconds for what a killed server left to end


def check(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises CourseError for the first thing that would keep the server from working."""
    if not settings.courses:
        raise CourseError(f"{settings.home / FILE} names no course. Add [courses.NAME] and its root.")
    _check_names(settings)
    for course in settings.courses:
        _check_elsewhere(course, settings)
        if course.grader and course.server:
            continue  # nothing here needs its folder
        open_course(course.root)
        found = course_id(course.root)
        if found != course.name:
            raise CourseError(
                f"The course {course.name} of {settings.home / FILE} calls itself {found!r} in "
                f"{course.root / NBGRADER_CONFIG}. Give it one name in both."
            )
    public_url(settings)
    tls.check(settings)
    _check_demo(settings)
    _check_secrets(settings)
    programs.proxy_program(environ.get("PATH", ""))
    authenticators.check(settings, environ)


def check_address(settings: Settings) -> None:
    """Raises CourseError where another program listens at the public address."""
    ends = time.monotonic() + _WAIT
    while not is_free(settings):
        if time.monotonic() > ends:
            raise CourseError(
                f"{settings.bind_url} is taken by another program, or not an address of this machine. "
                f"Choose another bind_url in {settings.home / FILE}, or in ASSAY_BIND_URL."
            )
        time.sleep(0.1)


def _check_names(settings: Settings) -> None:
    named = {"admins": settings.admins}
    for course in settings.courses:
        named |= {f"instructors of {course.name}": course.instructors, f"students of {course.name}": course.students}
    for where, names in named.items():
        for name in names:
            if not re.fullmatch(USERNAME, name):
                raise CourseError(
                    f"{settings.home / FILE}: {name!r} among the {where} can be nobody's name here. Use up to 63 small "
                    "letters, digits and ._@+- that begin with a letter or digit."
                )


def _check_elsewhere(course: CourseSettings, settings: Settings) -> None:
    if course.grader and not Path(course.grader).is_absolute():
        raise CourseError(
            f"grader of {course.name} in {settings.home / FILE} is {course.grader!r}, which is no path from / on. "
            "Write that of the socket where its grader listens."
        )
    if course.server and not _ADDRESS.fullmatch(course.server):
        raise CourseError(
            f"server of {course.name} in {settings.home / FILE} is {course.server!r}, which is no address. Write one "
            f"like http://course-{course.name}:8888"
        )


def _check_demo(settings: Settings) -> None:
    if settings.demo and settings.authenticator != "native":
        raise CourseError(
            f"The demo makes its own passwords, so it cannot use {settings.authenticator}. "
            f"Write demo = false into {settings.home / FILE}."
        )
    if settings.demo and not is_loopback(settings):
        raise CourseError(
            f"The demo is for this machine alone, but bind_url is {settings.bind_url}. For others write demo = false "
            f"into {settings.home / FILE}, or keep bind_url on 127.0.0.1."
        )
    if settings.demo and settings.hub_host:
        raise CourseError(
            "The demo is for this machine alone, but with hub_host the server listens on every address. Write "
            f"demo = false into {settings.home / FILE}, or remove hub_host."
        )


def _check_secrets(settings: Settings) -> None:
    secrets.make_private(settings.secrets)
    secrets.make_private(settings.hub)
    for path in sorted(settings.secrets.iterdir()):
        if path.stat().st_mode & 0o077:
            raise CourseError(f"{path} can be read by other users of this machine. Close it: chmod 600 '{path}'")
    config = settings.home / FILE
    if config.is_file() and config.stat().st_mode & 0o022:
        raise CourseError(f"{config} can be changed by other users of this machine. Close it: chmod 600 '{config}'")
    if config.is_file() and config.stat().st_uid not in (os.geteuid(), 0):
        raise CourseError(f"{config} belongs to another user. Start the server as the user who owns it.")
