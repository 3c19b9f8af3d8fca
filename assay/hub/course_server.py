"""Start the instructors' server of one course, shut in. The Hub runs it as a service; it becomes that server.

python -m assay.hub.course_server --home HOME --course NAME [OPTIONS OF JUPYTERHUB-SINGLEUSER...]
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from assay.errors import AssayError
from assay.hub import shut_in
from assay.sandbox.inside.kernel import prctl
from assay.settings import Settings, load

END_WITH_PARENT, TERMINATE = 1, 15  # PR_SET_PDEATHSIG, SIGTERM


def main() -> None:
    """Never returns."""
    parser = argparse.ArgumentParser(prog="assay.hub.course_server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--course", required=True)
    parser.add_argument("--not-shut-in", action="store_true", help="where namespaces are forbidden")
    options, further = parser.parse_known_args()
    prctl(END_WITH_PARENT, TERMINATE)  # of the Hub
    try:
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


def _own_home(settings: Settings, name: str) -> Path:
    home = settings.hub / "courses" / name
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


if __name__ == "__main__":
    main()
