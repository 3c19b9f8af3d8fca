"""seccomp: which system calls a process and all its children can make, for good. Through libseccomp.

Two filters, the stricter answer wins: `KNOWN` lists what numerical Python needs, everything else does not exist
(ENOSYS, so that the C library falls back to older calls); `refusals` lists uses of known calls that are refused.
libseccomp resolves the names, so the policy is the same on every architecture.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .kernel import NO_NEW_PRIVS, prctl, syscall

Sockets = Literal["pair", "listen", "local", "gpu"]
Conditions = tuple[tuple[int, int, int, int], ...]  # (argument, operator, a, b), every one about another argument
Rule = tuple[str, int, Conditions]  # name of a call, what is done with it, where

ALLOW = 0x7FFF0000
GET_SECCOMP = 21
IGNORED = 0  # in place of an error: the call does nothing and says that it succeeded
OPTIMIZE = 8  # attribute of a filter
SET_FILTER, FOR_ALL_THREADS = 1, 1  # of seccomp(2)
INSTRUCTION = 8  # bytes of one in a filter
NOT_EQUAL, MASKED_EQUAL = 1, 7

MEMORY = """brk get_mempolicy madvise map_shadow_stack membarrier mincore mlock mlock2 mmap mmap2 mprotect mremap
    msync munlock munmap"""
FILES = """_llseek access chdir close close_range copy_file_range dup dup2 dup3 faccessat faccessat2 fadvise64
    fadvise64_64 arm_fadvise64_64 fallocate fchdir fcntl fcntl64 fdatasync fgetxattr flistxattr flock fstat fstat64
    fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 getcwd getdents getdents64 getxattr ioctl lgetxattr link
    linkat listxattr llistxattr lseek lstat lstat64 mkdir mkdirat newfstatat open openat pread64 preadv preadv2
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv rename renameat renameat2 rmdir sendfile
    sendfile64 stat stat64 statfs statfs64 statx symlink symlinkat truncate truncate64 umask unlink unlinkat
    write writev"""
ABOUT_FILES = """chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat lchown lchown32 utime
    utimensat utimensat_time64 utimes futimesat"""
PROCESSES = """arch_prctl capget clone execve execveat exit exit_group fork get_robust_list get_thread_area getcpu
    getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid
    getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid
    getuid32 prctl prlimit64 restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity
    sched_getparam sched_getscheduler sched_yield set_robust_list set_thread_area set_tid_address setpgid
    setpriority setrlimit setsid sysinfo times ugetrlimit uname vfork wait4 waitid waitpid sched_setaffinity
    sched_setscheduler"""
TIME = """alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
    clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64"""
SIGNALS = """kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 sigaction sigaltstack signalfd signalfd4 sigprocmask sigreturn tgkill tkill"""
WAITING = """_newselect epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2
    futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake pipe pipe2 poll ppoll ppoll_time64 pselect6
    pselect6_time64 select"""
SOCKETS = """getpeername getsockname getsockopt recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg
    sendto setsockopt shutdown socketpair socket"""
LISTENING = "accept accept4 bind listen"
FURTHER_CONFINEMENT = "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp"

KNOWN = " ".join(
    (MEMORY, FILES, ABOUT_FILES, PROCESSES, TIME, SIGNALS, WAITING, SOCKETS, LISTENING, "connect", FURTHER_CONFINEMENT)
)

NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW flag
TYPE_OF_SOCKET = 0xF
LOW_HALF = 0xFFFFFFFF  # what the kernel looks at of an int argument
FAKE_INPUT, CONSOLE_COMMAND = 0x5412, 0x541C  # TIOCSTI, TIOCLINUX


@dataclass(frozen=True)
class Refusal:
    """A system call that fails with `error` where every condition holds."""

    name: str
    error: int = errno.EPERM
    where: Conditions = ()


def refusals(sockets: Sockets, *, same_user: bool, sealed_memory: bool = False) -> tuple[Refusal, ...]:
    """What is refused of the known calls.

    sockets: "pair" allows socketpair alone; "listen" also to serve a local stream socket, so that nothing outside
        can be talked to; "local" also to connect to one; "gpu" is "listen" for what NVIDIA's library does as well.
    same_user: the process shares its uid with others, so the kernel lets it act on them.
    sealed_memory: it keeps data for others in memory files, whose rights it takes away first.
    """
    flags_at = 1 if os.uname().machine == "s390x" else 0
    single_flags = [1 << bit for bit in range(32) if NEW_NAMESPACES >> bit & 1]
    refused = [Refusal("clone", where=((flags_at, MASKED_EQUAL, flag, flag),)) for flag in single_flags]
    refused.append(Refusal("clone3", errno.ENOSYS))  # its flags are behind a pointer; the C library falls back
    refused += [
        Refusal("ioctl", where=((1, MASKED_EQUAL, LOW_HALF, number),)) for number in (FAKE_INPUT, CONSOLE_COMMAND)
    ]
    refused.append(Refusal("sched_setscheduler", where=((1, NOT_EQUAL, os.SCHED_OTHER, 0),)))
    refused += _of_sockets(sockets)
    if same_user:
        refused += [rule for rule in _of_others() if not (sealed_memory and rule.name == "fchmod")]
    return tuple(refused)


def _of_sockets(sockets: Sockets) -> list[Refusal]:
    shut = {"pair": ["socket", "connect", *LISTENING.split()], "listen": ["connect"], "gpu": ["connect"], "local": []}[
        sockets
    ]
    refused = [Refusal(name, errno.EACCES) for name in shut]
    for name in {"socket", "socketpair"} - set(shut):
        refused.append(Refusal(name, errno.EACCES, ((0, NOT_EQUAL, socket.AF_UNIX, 0),)))
        for other in range(TYPE_OF_SOCKET + 1):  # a datagram can be sent to any address without connect
            if other != socket.SOCK_STREAM and not (sockets == "gpu" and other == socket.SOCK_SEQPACKET):
                refused.append(Refusal(name, errno.EACCES, ((1, MASKED_EQUAL, TYPE_OF_SOCKET, other),)))
    return refused


def _of_others() -> list[Refusal]:
    """Calls by which a process can act on another one of the same user, or on that user's files."""
    refused = [Refusal(name) for name in ("setpriority", "truncate", "truncate64")]
    refused += [Refusal(name, IGNORED) for name in ABOUT_FILES.split()]  # shutil.copy cannot do without
    refused += [Refusal(name, where=((0, NOT_EQUAL, 0, 0),)) for name in ("prlimit64", "sched_setaffinity")]
    truncating = ((os.O_ACCMODE | os.O_TRUNC), (os.O_RDONLY | os.O_TRUNC))  # needs no right to write before ABI 3
    refused.append(Refusal("open", where=((1, MASKED_EQUAL, *truncating),)))
    refused.append(Refusal("openat", where=((2, MASKED_EQUAL, *truncating),)))
    return refused


def _own_signals() -> list[Rule]:
    """Signals to this process and its group alone, for kernels whose Landlock does not keep them in."""
    own = os.getpid()
    targets = (("kill", own), ("kill", 0), ("kill", -own & LOW_HALF), ("tgkill", own))
    return [(name, ALLOW, ((0, MASKED_EQUAL, LOW_HALF, target),)) for name, target in targets]


class _Comparison(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    ]


@dataclass(frozen=True)
class Filters:
    """Compiled filters, for any number of processes to load."""

    call: int  # number of seccomp(2) on this machine
    programs: tuple[bytes, ...]


def restrict(sockets: Sockets, *, same_user: bool, signals_kept_in: bool = True) -> None:
    """Load both filters for all threads of this process. Raises OSError where seccomp or libseccomp is missing.

    sockets, same_user: see `refusals`. signals_kept_in: something else keeps signals from reaching other processes.
    """
    load(compiled(sockets, same_user=same_user, signals_kept_in=signals_kept_in))


def compiled(
    sockets: Sockets, *, same_user: bool, signals_kept_in: bool = True, sealed_memory: bool = False
) -> Filters:
    """What `restrict` loads. With `same_user` and no `signals_kept_in` it is good for the calling process alone."""
    library = _library()
    signals = _own_signals() if same_user and not signals_kept_in else []
    known = set(KNOWN.split()) - ({"kill", "tgkill", "tkill"} if signals else set())
    # Others could hoard memory that no limit counts; CUDA does not start without.
    known |= {"memfd_create"} if sealed_memory or sockets == "gpu" else set()
    allowed = [(name, ALLOW, ()) for name in sorted(known)] + signals
    programs = (
        _program(library, ALLOW, _rules(refusals(sockets, same_user=same_user, sealed_memory=sealed_memory))),
        _program(library, _error(errno.ENOSYS), allowed),
    )
    return Filters(_number_of_seccomp(library), programs)


def refuse(refused: Iterable[Refusal]) -> None:
    """Load a filter that refuses this much and allows everything else. Raises OSError as `restrict` does."""
    load(Filters(_number_of_seccomp(_library()), (program_of(refused),)))


def program_of(refused: Iterable[Refusal]) -> bytes:
    """The filter of `refuse`, for another program to load. Raises OSError where libseccomp is missing."""
    return _program(_library(), ALLOW, _rules(refused))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def load(filters: Filters) -> None:
    """Load the filters for all threads of this process, which can then gain no privileges. Raises OSError."""
    prctl(NO_NEW_PRIVS, 1)
    for program in filters.programs:
        argument = _Program(len(program) // INSTRUCTION, program)
        syscall(filters.call, SET_FILTER, FOR_ALL_THREADS, ctypes.byref(argument))


def available() -> bool:
    """Whether libseccomp is installed and the kernel has seccomp filters."""
    try:
        _library()
        prctl(GET_SECCOMP)
    except OSError:
        return False
    return True


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Comparison),
    ]  # fmt: skip
    return library


def _rules(refused: Iterable[Refusal]) -> list[Rule]:
    return [(rule.name, _error(rule.error), rule.where) for rule in refused]


def _program(library: ctypes.CDLL, default: int, rules: Iterable[Rule]) -> bytes:
    context = library.seccomp_init(default)
    if not context:
        raise OSError(errno.ENOMEM, "seccomp_init failed")
    try:
        library.seccomp_attr_set(context, OPTIMIZE, 2)  # since libseccomp 2.5; only speed
        for name, action, conditions in rules:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number < 0:  # this architecture or this libseccomp does not know it, so the default holds
                continue
            array = (_Comparison * max(len(conditions), 1))(*(_Comparison(*condition) for condition in conditions))
            _checked(library.seccomp_rule_add_array(context, action, number, len(conditions), array))
        reading, writing = os.pipe()  # holds the largest filter, of 4,096 instructions
        with open(reading, "rb") as file:
            try:
                _checked(library.seccomp_export_bpf(context, writing))
            finally:
                os.close(writing)
            return file.read()
    finally:
        library.seccomp_release(context)


def _number_of_seccomp(library: ctypes.CDLL) -> int:
    return int(library.seccomp_syscall_resolve_name(b"seccomp"))


def _error(number: int) -> int:
    return 0x00050000 | number


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
