"""How the server of a person is shut in: what bubblewrap shows a student's, and what a course's.

The network is this machine's, because the Hub and the exchange are on its loopback interface.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import SandboxError
from assay.hub import idmapped, machine, people, refused_calls
from assay.hub.people import folder_name
from assay.sandbox.isolation import gpu
from assay.sandbox.isolation.bubblewrap import TO_GIVE_UP_ROOT, parents_of
from assay.settings import CourseSettings, Settings

SERVER = (sys.executable, "-P", "-m", "jupyterhub.singleuser")  # -P: nothing in a person's folder is imported by it
NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-uts")
STAFF = 1000  # uid of a course's server, as it sees itself
# What belongs to a course where its folder holds the installation too.
OF_A_COURSE = """source release graders submitted autograded feedback exchange set_aside .assay .ipynb_checkpoints
    nbgrader_config.py gradebook.db gradebook.db-journal gradebook.db-wal gradebook.db-shm"""
# For a course's server that is root outside, and must not close root's devices to this machine. bubblewrap can show a
# device or keep it from being changed, not both.
DEVICES_UNCHANGED = """
for name in null zero full random urandom tty; do mount --bind -o ro "/dev/$name" "/dev/$name" || exit 1; done
exec "$@"
"""
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "JUPYTER_CONFIG_PATH")
KEPT_BEGINNINGS = ("JUPYTERHUB_", "ASSAY_", "JUPYTER_TEST_")


@dataclass(frozen=True)
class Enclosure:
    """What bubblewrap is told, but for files that are made for it."""

    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...]  # place and text of files that are nowhere else
    refused: bytes  # filter of system calls
    before: tuple[str, ...] = ()  # a program that prepares the machine for bubblewrap, and becomes it
    becomes: tuple[str, ...] = ()  # a program that runs the server's with fewer rights

    def opened(self, undo: ExitStack) -> tuple[list[str], list[int]]:
        """The command to put before the server's, and the descriptors it must inherit. `undo` closes them."""
        words, descriptors = [*self.before, _bubblewrap(), *self.arguments], []
        for place, text in self.files:
            descriptors.append(_memory(place, text.encode(), undo))
            words += ["--ro-bind-data", str(descriptors[-1]), place]
        words += ["--remount-ro", "/"]
        if self.refused:
            descriptors.append(_memory("calls", self.refused, undo))
            words += ["--seccomp", str(descriptors[-1])]
        return [*words, "--", *self.becomes], descriptors


def student(settings: Settings, user: str, home: Path, uid: int | None, devices: Iterable[str] = ()) -> Enclosure:
    """The server of one user, who sees nothing of their own on this machine but their home.

    uid: theirs alone, where we are root; None: ours, in a user namespace. devices: further ones, such as a GPU's files.
    """
    devices = tuple(devices)
    seen_as = home_inside(user)
    arguments = (
        *NAMESPACES,
        *_rights(uid),
        *("--new-session", "--die-with-parent", "--hostname", "jupyter"),
        *machine.words(settings, devices, gpu.hardware() if devices else ()),
        *("--bind", str(home), seen_as),
        *(("--chdir", seen_as) if uid is None else ()),
    )
    own = os.geteuid() if uid is None else uid
    return Enclosure(
        arguments,
        files=tuple(_accounts(folder_name(user), own, seen_as)),
        refused=refused_calls.program(namespaces=False),
        becomes=_as(uid, seen_as),
    )


def course(settings: Settings, course: CourseSettings, *, network: bool = True) -> Enclosure:
    """The instructors' server of one course, or without a network its grader: it sees of all courses that one alone.

    Files in it go on belonging to us. As root it gets a uid of its own, to which they look like its own. Where the file
    system cannot do that it is root itself, without any right of root's and as an ordinary user in its own eyes; then
    the sandbox of grading within cannot count its processes, so formgrader grades nothing there.
    """
    root = course.root.resolve()
    home = home_inside(course.name, root)
    uid, before = _owner_of(settings, course) if os.geteuid() == 0 else (None, ())
    identity = uid if uid is not None else os.geteuid() or STAFF
    arguments = (
        *NAMESPACES,
        *(() if network else ("--unshare-net",)),
        *_rights(uid),
        *(("--uid", str(identity), "--gid", str(identity)) if uid is None else ()),
        *("--new-session", "--die-with-parent", "--hostname", course.name),
        *machine.words(settings, *(() if network else _devices(course.gpus))),
        *_course_folder(settings, root),
        *("--perms", "0777", "--tmpfs", home),
        *(("--chdir", str(root)) if uid is None else ()),
    )
    return Enclosure(
        arguments,
        files=tuple(_accounts("instructor", identity, home)),
        refused=refused_calls.program(namespaces=True),
        before=before,
        becomes=_as(uid, str(root)),
    )


def _devices(numbers: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Files of these GPUs, and where their driver's library looks for them."""
    if not numbers:
        return (), ()
    names = dict.fromkeys(name for number in numbers for name in gpu.Gpu(number).names)
    return tuple(str(gpu.DEVICES / name) for name in names), gpu.hardware()


def _owner_of(settings: Settings, course: CourseSettings) -> tuple[int | None, tuple[str, ...]]:
    """For root: the uid of a course's server, and what has to be done before so that the course is its own."""
    root = course.root.resolve()
    uid = people.own_user(settings, f"/courses/{course.name}")  # no user's name holds a slash
    if idmapped.works(root, uid):
        return uid, idmapped.words(root, uid)
    unshare = shutil.which("unshare")
    if unshare is None:
        raise SandboxError("unshare is not installed. Install it: apt-get install util-linux")
    return None, (unshare, "--mount", "--propagation", "slave", "--", "sh", "-c", DEVICES_UNCHANGED, "sh")


def home_inside(user: str, *besides: Path) -> str:
    """Where a server finds its home: where nothing else that it sees lies. `besides`: further folders that it sees."""
    name = folder_name(user)
    seen = (*machine.trees(), *machine.other_places(), machine.data_folder(), *besides)
    taken = any(one is not None and one.is_relative_to(Path("/home", name)) for one in seen)
    return f"/homes/{name}" if taken else f"/home/{name}"


def course_command(settings: Settings, course: CourseSettings, port: int = 0) -> list[str]:
    """The command of the instructors' server of one course, for the Hub to start.

    The Hub tells it the port, so `port` is not needed. Where it cannot be shut in, it runs as the Hub does; `choose` of
    the spawners says what that means.
    """
    program = [sys.executable, "-P", "-m", "assay.hub.course_server"]
    freely = ["--not-shut-in"] if course_broken(settings, course) else []
    return [*program, "--home", str(settings.home), "--course", course.name, *freely]


def environment(variables: dict[str, str], user: str, home: str) -> dict[str, str]:
    """The variables that a server finds: those of the Hub that are meant for it, and where its own things are."""
    kept = {
        name: value
        for name, value in variables.items()
        if name in KEPT or name.startswith(KEPT_BEGINNINGS) and not name.startswith("JUPYTERHUB_CRYPT")
    }
    data = machine.data_folder()
    return {
        "LANG": "C.UTF-8",
        **kept,
        **({"ASSAY_DATA": str(data)} if data else {}),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": sys.prefix,
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "JUPYTER_RUNTIME_DIR": "/tmp/.jupyter-runtime",  # short enough for the names of sockets, and gone with it
    }


def student_broken(settings: Settings) -> str:
    """Why no student's server can be shut in here; empty where it works. Tries the very arguments of one."""
    return _tried(lambda: _trial(settings), "import jupyterhub")


def course_broken(settings: Settings, one: CourseSettings) -> str:
    """Why the course's server cannot be shut in here; empty where it works."""
    return _tried(lambda: course(settings, one), "import jupyterhub")


def grading_broken(settings: Settings, one: CourseSettings) -> str:
    """Why the grader of a course cannot be shut in here; empty where it works.

    A sandbox for submissions has to hold within. Nothing that lies in the course folder is looked at: whoever can write
    there must not be able to have it run outside.
    """
    root = one.root.resolve()
    if os.geteuid() == 0:
        if root.stat().st_uid != 0:  # it could be shown, but not written
            return f"{root} does not belong to root (chown -R root: {root})"
        if not idmapped.works(root, people.own_user(settings, f"/courses/{one.name}")):
            return f"the file system of {root} cannot show it as another user's"

    def within() -> Enclosure:
        return replace(_trial(settings, "--unshare-net"), refused=refused_calls.program(namespaces=True))

    return _tried(within, "from assay.sandbox.isolation import choose; choose()")


def _trial(settings: Settings, *further: str) -> Enclosure:
    found = student(settings, "trial", Path("/usr/share"), None if os.geteuid() else STAFF)
    return replace(found, arguments=(*further, *found.arguments))


def _tried(enclosure: Callable[[], Enclosure], program: str) -> str:
    try:
        with ExitStack() as undo:
            command, descriptors = enclosure().opened(undo)
            done = subprocess.run(
                [*command, sys.executable, "-I", "-c", program],
                pass_fds=descriptors, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, env={},
            )  # fmt: skip
    except (SandboxError, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.decode(errors="replace").strip()[-500:]
    return "" if done.returncode == 0 else said or f"bubblewrap ended with status {done.returncode}"


def _course_folder(settings: Settings, root: Path) -> Iterator[str]:
    """The course, writable; over it what is not its own: the installation, the server's state, other courses."""
    yield from (*parents_of((root,)), "--bind", str(root), str(root))
    inside = [tree for tree in machine.trees() if tree.is_relative_to(root)]
    if inside:
        for child in sorted(root.iterdir()):
            if child.name not in OF_A_COURSE.split() and not child.is_symlink():
                yield from ("--ro-bind", str(child), str(child))
    others = [place for place in machine.hidden(settings) if place != root]
    yield from machine.out_of_sight(others, (root,))


def _rights(uid: int | None) -> Sequence[str]:
    if uid is None:
        return ("--unshare-user", "--cap-drop", "ALL")
    added = (word for capability in TO_GIVE_UP_ROOT for word in ("--cap-add", capability))
    return ("--cap-drop", "ALL", *added)


def _as(uid: int | None, folder: str) -> tuple[str, ...]:
    """The program that becomes an ordinary user for good, in a folder of theirs; nothing where we are one already."""
    if uid is None:
        return ()
    owner = (f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    return ("setpriv", *owner, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "env", f"--chdir={folder}")


def _accounts(name: str, uid: int, home: str) -> Iterator[tuple[str, str]]:
    yield "/etc/passwd", f"{name}:x:{uid}:{uid}::{home}:/bin/bash\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
    yield "/etc/group", f"{name}:x:{uid}:\nnogroup:x:65534:\n"


def _bubblewrap() -> str:
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bubblewrap is not installed. Install it: apt-get install bubblewrap")
    return program


def _memory(name: str, data: bytes, undo: ExitStack) -> int:
    """A descriptor from which the data can be read."""
    descriptor = os.memfd_create(Path(name).name)
    undo.callback(os.close, descriptor)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
