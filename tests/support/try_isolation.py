"""Say as JSON how the best tier of this machine fares. Run by tests in surroundings of their choice.

python tests/support/try_isolation.py [GUARD]
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.errors import SandboxError, StudentError, StudentLost
from assay.sandbox.isolation import Warm, choose
from assay.sandbox.limits import Limits
from assay.sandbox.visible import run_notebook
from tests.support.untrusted import LIMITS, untrusted

CODE = """
import os
import numpy as np

def double(x):
    return 2 * np.asarray(x)

def readable(paths):
    found = []
    for path in paths:
        try:
            open(path, "rb").close()
            found.append(path)
        except OSError:
            pass
    return found

def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            pass

def hog(size):
    return len(bytearray(size))
"""


def main() -> None:
    guard = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    try:
        tier = choose(guard)
    except SandboxError as error:
        print(json.dumps({"refused": str(error)}))
        return
    with Warm(tier) as isolation:
        print(json.dumps({"tier": tier.name, "warm": tier.warm, **tried(isolation, guard)}))


def tried(isolation: Warm, guard: Path | None) -> dict[str, Any]:
    """What came of a few submissions."""
    found: dict[str, Any] = {}
    with untrusted(isolation, CODE, limits=replace(LIMITS, call_seconds=5)) as program:
        student = program.student
        found["double"] = student.double([1.0, 2.0]).tolist()
        found["readable"] = student.readable([__file__, "/etc/passwd", *(str(guard / "kept") for _ in [0] if guard)])
        try:
            found["hog"] = student.hog(2 * LIMITS.memory)
        except StudentError as error:
            found["hog"] = error.message
    # Copies without number are to be bounded before the memory that they take together is.
    with untrusted(isolation, CODE, limits=replace(LIMITS, call_seconds=5, memory=8 * LIMITS.memory)) as program:
        try:
            program.student.bomb()
        except StudentLost as lost:
            found["bomb"] = lost.kind
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "print(6 * 7)", "outputs": []}
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    ran = run_notebook(isolation, notebook, libraries=("numpy",), files={}, limits=Limits())
    found["notebook"] = json.loads(ran)["cells"][0]["outputs"]
    return found


if __name__ == "__main__":
    main()
