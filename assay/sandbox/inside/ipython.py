"""IPython's additions to Python, taken out of a cell without IPython."""

from __future__ import annotations

import ast
import re

_RUN_ANYWAY = {"time", "timeit", "capture", "prun"}  # cell magics whose body is plain code
# Commands that no one misses.
_FOR_THE_EYE = re.compile(r"%(matplotlib|config|load_ext|reload_ext|autoreload|precision|selfcheck)\b")
_CELL_MAGIC = re.compile(r"%%(\w+)")
_COMMAND = re.compile(
    r"""(?P<indent>[ \t]*)
    (?: [%!?]                                   # %magic, !command, ?name
      | [A-Za-z_][\w., \t]*=[ \t]*(?:%\w|![^=]) # files = !ls, t = %timeit -o f()
      | [%\w.*]+\?{1,2}[ \t]*(?:\#.*)?$         # name?
    )""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    | (?P<text>\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z) | '{3}(?:\\.|[^\\])*?(?:'{3}|\Z)
             | "(?:\\.|[^\\"\n])*(?:"|(?=\n)|\Z) | '(?:\\.|[^\\'\n])*(?:'|(?=\n)|\Z))
    | (?P<joined>\\\n)
    | (?P<open>[(\[{]) | (?P<close>[)\]}])
    | (?P<line>\n)""",
    re.VERBOSE | re.DOTALL,
)


def as_python(text: str) -> tuple[str, tuple[str, ...]]:
    """The cell as plain Python with the same line numbers, and the commands left out that may be missed."""
    left_out: list[str] = []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    while (magic := _CELL_MAGIC.match(text.lstrip("\n \t"))) is not None:
        blank = len(text) - len(text.lstrip("\n \t"))
        first, _, body = text[blank:].partition("\n")
        if magic[1] not in _RUN_ANYWAY:
            return "", (first.strip(),)
        text = "\n" * (text[:blank].count("\n") + 1) + body
    if _parses(text):
        return text, ()
    return _without_commands(text, left_out), tuple(left_out)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True


def _without_commands(text: str, left_out: list[str]) -> str:
    """Every command that stands where a statement could begin becomes `pass`."""
    done: list[str] = []
    position, depth, fresh = 0, 0, True
    while position < len(text):
        if fresh and depth == 0 and (command := _COMMAND.match(_line(text, position))) is not None:
            end = _end_of_command(text, position)
            said = text[position:end]
            if not _FOR_THE_EYE.match(said.strip()):
                left_out.append(said.strip().partition("\n")[0])
            done.append(command["indent"] + "pass" + "\n" * said.count("\n"))
            position, fresh = end, False
            continue
        fresh = False
        token = _TOKEN.search(text, position)
        if token is None:
            break
        done.append(text[position : token.end()])
        position = token.end()
        if token.lastgroup == "open":
            depth += 1
        elif token.lastgroup == "close":
            depth = max(depth - 1, 0)
        fresh = token.lastgroup == "line"
    return "".join(done) + text[position:]


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start:] if end < 0 else text[start:end]


def _end_of_command(text: str, start: int) -> int:
    """Where the command's line ends; a backslash continues it on the next."""
    end = start
    while True:
        found = text.find("\n", end)
        if found < 0:
            return len(text)
        if text[found - 1] != "\\":
            return found
        end = found + 1
