"""Start the instructors' server of one course. The Hub runs it as a service, shut in; it becomes that server.

python -m assay.hub.course_server --home HOME --course NAME [OPTIONS OF JUPYTERHUB-SINGLEUSER...]

In a container of its own, which shuts it in, as an external service of the Hub (see `elsewhere` for the variables):

python -m assay.hub.course_server --elsewhere --course NAME --root DIR [--port 8888] [OPTIONS...]
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from assay.course import open_course
from assay.errors import AssayError
from assay.hub import elsewhere, shut_in
from assay.sandbox.inside.kernel import prctl
from assay.settings import Settings, load

END_WITH_PARENT, TERMINATE = 1, 15  # PR_SET_PDEATHSIG, SIGTERM


def main() -> None:
    """Never returns."""
    parser = argparse.ArgumentParser(prog="assay.hub.course_server")
    parser.add_argument("--course", required=True)
    parser.add_argument("--home", type=Path, help="the server's folder")
    parser.add_argument("--not-shut-in", action="store_true", help="where namespaces are forbidden")
    parser.add_argument("--elsewhere", action="store_true", help="in a container, not started by the Hub")
    parser.add_argument("--root", type=Path, help="elsewhere: the course folder")
    parser.add_argument("--port", type=int, default=8888, help="elsewhere: where to listen")
    options, further = parser.parse_known_args()
    if (options.root if options.elsewhere else options.home) is None:
        parser.error("--elsewhere needs --root" if options.elsewhere else "--home is needed")
    try:
        if options.elsewhere:
            become_server_elsewhere(options.course, options.root, options.port, further)
        prctl(END_WITH_PARENT, TERMINATE)  # of the Hub
        become_server(load(options.home, os.environ), options.course, further, shut=not options.not_shut_in)
    except AssayError as error:
        sys.exit(str(error))


def become_server(settings: Settings, name: str, further: list[str], *, shut: bool = True) -> None:
    """Raises CourseError where there is no such course, SandboxError where it cannot be shut in."""
    course = settings.course(name)
    server = [*shut_in.SERVER, f"--ServerApp.root_dir={course.root}", *further]
    with ExitStack() as undo:
        if shut:
            home = shut_in.home_inside(name, course.root.resolve())
            command, descriptors = shut_in.course(settings, course).opened(undo)
            for descriptor in descriptors:
                os.set_inheritable(descriptor, True)
        else:
            home, command = str(_own_home(settings, name)), []
            server += ["--allow-root"] if os.geteuid() == 0 else []
            os.chdir(course.root)
        words = [*command, *server]
        os.execve(words[0], words, shut_in.environment(dict(os.environ), "instructor", home))


def become_server_elsewhere(name: str, root: Path, port: int, further: list[str]) -> None:
    """Raises CourseError where there is no such folder, or something is missing."""
    elsewhere.check_user()
    environment = elsewhere.environment(name, port, os.environ)
    root = open_course(root).root
    os.chdir(root)
    words = [*shut_in.SERVER, f"--ServerApp.root_dir={root}", *further]
    os.execve(words[0], words, environment)


def _own_home(settings: Settings, name: str) -> Path:
    home = settings.hub / "courses" / name
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


if __name__ == "__main__":
    main()
