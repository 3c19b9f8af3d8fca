"""Run many commands, each in a process of its own, without importing nbgrader every time, which takes seconds.

One process imports it once, and is forked for each command.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class WarmPython:
    """The process that is forked."""

    process: subprocess.Popen[str]
    output: Path

    def run(self, command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
        """Exit status and output of `python -m <command>`."""
        assert self.process.stdin and self.process.stdout
        given = {"command": command, "folder": str(folder), "environment": dict(environment)}
        print(json.dumps(given), file=self.process.stdin, flush=True)
        status = self.process.stdout.readline()
        text = self.output.read_text()
        assert status, text
        return int(status), text


@contextmanager
def warm_python(folder: Path) -> Iterator[WarmPython]:
    """Kept as long as the context; writes into `folder`."""
    command = [sys.executable, "-m", "tests.support.warm_python", str(folder / "output")]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ) as process:
        yield WarmPython(process, folder / "output")
        assert process.stdin
        process.stdin.close()


def _serve(output: str) -> None:
    import nbgrader.apps  # noqa: F401  (for those that are forked)

    import assay.cli  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(output, **json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(output: str, command: list[str], folder: str, environment: Mapping[str, str]) -> None:
    """Run a command as if Python had been started for it. Never returns."""
    status = 1
    try:
        target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, descriptor in ((nothing, 0), (target, 1), (target, 2)):
            os.dup2(source, descriptor)
        os.chdir(folder)
        sys.path[0] = folder
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = command
        try:
            runpy.run_module(command[0], run_name="__main__", alter_sys=True)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1])
