"""Programs in the place of a grader, which answer what a test wants."""

from __future__ import annotations

import sys

# A program that says it is ready, and answers all the questions there are until it is to grade; then what a test wants.
ANSWERING = """
import json, os, struct, sys, time
def send(text, *files):
    sizes = b"".join(struct.pack("!Q", len(one)) for one in files)
    os.write(0, struct.pack("!II", len(text), len(files)) + sizes + text + b"".join(files))
def read(count):
    found = b""
    while len(found) < count:
        block = os.read(0, count - len(found))
        if not block:
            sys.exit()
        found += block
    return found
done = json.dumps(["Done", {"text": ""}]).encode()
send(done)
while True:
    length, files = struct.unpack("!II", read(8))
    sizes = struct.unpack(f"!{files}Q", read(8 * files))
    name = json.loads(read(length))[0]
    read(sum(sizes))
    if name == "Grade":
        answer()
    send(done)
"""
RESULT = """
def result(**other):
    task = {"notebook": "scale", "name": "scale", "points": 4, "maximum": 4, "automatic": True}
    graded = {"student": "student1", "error": "", "suite": "0" * 32, "tasks": [task], "late_penalty": 0, "broken": [],
        "warnings": [], "report": "0" * 64, "seconds": 1.0, "pages": ["scale.html"]}
    return json.dumps(["Graded", {**graded, **other}]).encode()
def answer():
"""


def answering(body: str) -> list[str]:
    """A program that answers `Grade` as that line of Python does, and then that it is done."""
    return [sys.executable, "-I", "-c", f"import json, os, struct, sys, time\n{RESULT}    {body}\n{ANSWERING}"]
