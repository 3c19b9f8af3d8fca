"""Texts that are safe to show: one line, no control characters, of bounded length."""

from __future__ import annotations

LENGTH = 500  # characters
CELL = "<cell "  # file names of student code in tracebacks: "<cell conv2d_answer>"


def clean(text: str, length: int = LENGTH) -> str:
    """The text without control characters and at most `length` characters long."""
    start = text[: 4 * length]
    shown = "".join(character if character.isprintable() else " " for character in start).strip()
    return shown if len(shown) <= length and start == text else shown[: length - 4].rstrip() + " ..."


def told(error: BaseException) -> str:
    """`ZeroDivisionError: division by zero (cell loss_answer, line 3)`."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # the error is of a student's class, whose __str__ may do anything
        text = ""
    place = _place(error)
    said = clean(f"{name}: {text}" if text else name, LENGTH - len(place))
    return said + place


def _place(error: BaseException) -> str:
    """The innermost line of student code that the error passed through."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(CELL):
            place = f" (cell {clean(file[len(CELL) : -1], 80)}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place
