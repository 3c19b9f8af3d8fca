"""The grader of one course: python -m assay.serving.grader --course-root DIR --name NAME

The part that runs what a course wrote and follows what lies in its folder. It is shut in with that folder, and knows of
the server only what the worker tells it over the socket that is its standard input. The worker starts it; or, in a
container of its own, with `--listen SOCKET`, it waits there for its worker. `--check SOCKET` says whether it does.
Everything is imported late: the processes among which grading is spread import this module, and nothing more of it.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from contextlib import closing
from pathlib import Path


def main() -> int:
    """Answer until the worker has gone."""
    parser = argparse.ArgumentParser(description="Grade for the worker of a course.")
    parser.add_argument("--course-root", type=Path, help="the course folder")
    parser.add_argument("--name", help="of the course")
    elsewhere = parser.add_mutually_exclusive_group()
    elsewhere.add_argument("--listen", type=Path, metavar="SOCKET", help="wait for the worker at this Unix socket")
    elsewhere.add_argument("--check", metavar="SOCKET", help="only say whether a grader listens there")
    options = parser.parse_args()
    if options.check is None and (options.course_root is None or options.name is None):
        parser.error("--course-root and --name are needed")

    from assay.errors import SandboxError

    try:
        if options.check is not None:
            return _check(options.check)
        if options.listen is not None:
            return _listen(options.listen, options.course_root, options.name)
    except (SandboxError, OSError) as error:
        print(f"assay: {error}", file=sys.stderr)
        return 2
    return _work(options.course_root, options.name)


def _check(place: str) -> int:
    from assay.serving.peers import check

    print(check(place))
    return 0


def _listen(place: Path, root: Path, name: str) -> int:
    from assay.serving.listening import listen
    from assay.serving.processes import log_to_stderr

    log_to_stderr()
    program = (sys.executable, "-P", "-m", "assay.serving.grader", "--course-root", str(root), "--name", name)
    listen(place, program)
    return 0


def _work(root: Path, name: str) -> int:
    from assay.errors import SandboxError

    line = _line()
    try:
        from assay.course import Course
        from assay.serving.processes import begin

        begin()
        _answer(line, Course(root.resolve(), name))
    except KeyboardInterrupt:
        sys.stderr.flush()
        os._exit(0)  # all is closed; what is still being warmed up ends with this process
    except (SandboxError, OSError) as error:  # the worker has gone in the middle of a message
        print(f"assay: {error}", file=sys.stderr)
        return 2
    sys.stderr.flush()
    os._exit(0)


def _answer(line: socket.socket, course) -> None:  # type: ignore[no-untyped-def]  # Course, imported late
    from assay.errors import AssayError
    from assay.notebook.nbgrader_services import Services
    from assay.serving import frames
    from assay.serving.grader_protocol import Done, Failed, encoded, request_of
    from assay.serving.grader_work import Grader
    from assay.serving.older import clear_away

    try:
        services = Services.of(course)
        clear_away(course)
    except AssayError as error:
        frames.send(line, encoded(Failed(str(error))))
        return
    with closing(services), closing(Grader(course, services)) as grader:
        frames.send(line, encoded(Done()))
        while (frame := frames.receive(line)) is not None:
            grader.answer(
                request_of(frame), frame.files, lambda answer, files=(): frames.send(line, encoded(answer, files))
            )


def _line() -> socket.socket:
    """The socket that is standard input, where no program that is started here finds it."""
    line = socket.socket(fileno=os.dup(0))  # which is closed in programs, unlike 0
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return line


if __name__ == "__main__":
    sys.exit(main())
