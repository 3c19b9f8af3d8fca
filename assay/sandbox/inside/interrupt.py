"""A clock that interrupts this process as Ctrl-C does. It leaves `signal.alarm` and its like to the code that runs."""

from __future__ import annotations

import ctypes
import os
import signal

MONOTONIC = 1  # CLOCK_MONOTONIC
WITH_A_SIGNAL = 0  # SIGEV_SIGNAL


class _Event(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("kind", ctypes.c_int),
        ("unused", ctypes.c_char * 48),
    ]


class _Setting(ctypes.Structure):
    """struct itimerspec: how often after the first time, and when first."""

    _fields_ = [
        ("again_seconds", ctypes.c_long),
        ("again_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    ]


class Clock:
    """Sends SIGINT to the process that made it. A fork of that process has no part in it."""

    def __init__(self) -> None:
        """Raises OSError where the kernel gives no timer."""
        self._library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._library, "timer_create"):  # glibc before 2.34
            self._library = ctypes.CDLL("librt.so.1", use_errno=True)
        self._timer = ctypes.c_void_p()
        event = _Event(None, signal.SIGINT, WITH_A_SIGNAL)
        if self._library.timer_create(MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def ring_in(self, seconds: float) -> None:
        """Once, after so many seconds of wall time; 0: never."""
        whole = int(seconds)
        setting = _Setting(0, 0, whole, int((seconds - whole) * 1e9))
        if self._library.timer_settime(self._timer, 0, ctypes.byref(setting), None):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
