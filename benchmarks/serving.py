"""How long a student waits: from sending a submission until the result of the checks, and its feedback, are there.

    python -m benchmarks.serving [--submissions N] [--exercise NAME ...]

Exchange and grading worker run as processes, as the Hub starts them; who calls is looked up in a table. Submissions
are sent one after another, each when the one before has its feedback, and then all at once. Every second one has
small mistakes, for which likely ones are looked for. The load of the machine is told before, when it is what others
cause, and beside the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO

import requests

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from assay.exchange import folders  # noqa: E402
from assay.exchange.answers import AttemptNow  # noqa: E402
from assay.exchange.api import Caller, Role  # noqa: E402
from assay.exchange.client import Client  # noqa: E402
from assay.exchange.identity import Identity  # noqa: E402

COURSE = "course"
KINDS = ("honest", "small_mistakes")  # of examples/, in turn
EACH = 0.05  # seconds between two looks, which take of the processors that grading needs


def main() -> int:
    options = _parser().parse_args()
    if options.exchange is not None:
        _exchange(options.exchange, options.port)
        return 0
    for exercise in options.exercise:
        with tempfile.TemporaryDirectory(prefix="assay-serving-") as folder, open(options.log, "a") as log:
            _serve(_lay_out(Path(folder), exercise), exercise, options.submissions, log)
    return 0


def _serve(home: Path, exercise: str, submissions: int, log: IO[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    exchange = [sys.executable, "-m", "benchmarks.serving", "--exchange", str(home), "--port", str(port)]
    worker = [sys.executable, "-m", "assay.serving.grading_worker", "--home", str(home), "--course", COURSE]
    parts = [subprocess.Popen(command, cwd=ROOT, stderr=log) for command in (exchange, worker)]
    try:
        _measure(f"http://127.0.0.1:{port}/services/exchange", exercise, submissions)
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait()


def _measure(url: str, exercise: str, number: int) -> None:
    _until_it_answers(url)
    print(f"{exercise}: load before {os.getloadavg()[0]:.2f}", flush=True)
    uploads = [_archive(ROOT / "examples" / kind / exercise) for kind in KINDS]
    instructor = Client(url, "instructor")
    with folders.packed(ROOT / "release" / exercise, [f"{exercise}.ipynb"]) as parcel:
        instructor.release(COURSE, exercise, parcel.archive, {})
    for warming in range(4):
        _graded(url, f"warm{warming}", exercise, uploads[warming % 2])
    waited = [_graded(url, f"one{each}", exercise, uploads[each % 2]) for each in range(number)]
    print(f"{exercise}: load while one after another {os.getloadavg()[0]:.2f}")
    for what, times in zip(("result", "feedback"), map(sorted, zip(*waited, strict=True)), strict=True):
        print(
            f"{exercise}, {number} one after another: {what} after {statistics.median(times):.2f} s (median), ", end=""
        )
        print(f"95 % {times[-(-95 * number // 100) - 1]:.2f} s, most {times[-1]:.2f} s")
    started = time.monotonic()
    names = [f"many{each}" for each in range(number)]
    left = {_send(url, name, exercise, uploads[each % 2]): name for each, name in enumerate(names)}
    sent, waits = time.monotonic() - started, []
    while left:
        for attempt in [one for one, name in left.items() if _is_whole(Client(url, name).attempt(one), name)]:
            del left[attempt]
            waits.append(time.monotonic() - started)
        time.sleep(10 * EACH)
    print(
        f"{number} at once: sent in {sent:.2f} s, half of them graded after {statistics.median(waits):.1f} s, ", end=""
    )
    print(f"all after {waits[-1]:.1f} s: {number / waits[-1]:.2f} a second; load {os.getloadavg()[0]:.2f}")


def _graded(url: str, student: str, exercise: str, upload: bytes) -> tuple[float, float]:
    """Seconds until what the checks found is shown, and until the feedback is there."""
    started, checked = time.monotonic(), 0.0
    attempt = _send(url, student, exercise, upload)
    asking = Client(url, student)
    while not _is_whole(now := asking.attempt(attempt), student):
        if not checked and now.state.name in ("checked", "graded"):
            checked = time.monotonic() - started
        time.sleep(EACH)
    ended = time.monotonic() - started
    return checked or ended, ended


def _send(url: str, student: str, exercise: str, upload: bytes) -> str:
    return Client(url, student).submit(COURSE, exercise, BytesIO(upload))[0].attempt.id


def _is_whole(now: AttemptNow, student: str) -> bool:
    if now.state.name == "failed":
        raise SystemExit(f"{student} was not graded; see --log")
    return now.state.name == "graded" and now.feedback is not None


def _until_it_answers(url: str) -> None:
    while True:
        with suppress(requests.ConnectionError):
            if requests.get(f"{url}/api/v1/health", timeout=10).ok:
                return
        time.sleep(0.05)


def _archive(folder: Path) -> bytes:
    with folders.packed(folder, sorted(path.name for path in folder.iterdir() if path.is_file())) as parcel:
        return parcel.archive.read()


def _lay_out(folder: Path, exercise: str) -> Path:
    root, home = folder / "course", folder / "home"
    for name in ("source", "graders", "release"):
        shutil.copytree(ROOT / name / exercise, root / name / exercise)
    shutil.copy2(ROOT / "nbgrader_config.py", root)
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text(f"[courses.{COURSE}]\nroot = {json.dumps(str(root))}\n", encoding="utf-8")
    return home


def _exchange(home: Path, port: int) -> None:
    from assay.serving import exchange_service
    from assay.serving.processes import begin
    from assay.settings import load

    async def identify(token: str) -> Caller | None:
        return Caller(token, "user")

    async def roles(caller: Caller) -> Mapping[str, Role]:
        return {COURSE: "instructor" if caller.name == "instructor" else "student"}

    begin()
    with exchange_service.opened(load(home, os.environ), Identity(identify, roles)) as app:
        asyncio.run(exchange_service.serve(app, exchange_service.Address("127.0.0.1", port)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How long a student waits for feedback.")
    parser.add_argument("--submissions", type=int, default=30)
    parser.add_argument("--exercise", nargs="+", default=["gradient_descent"])
    parser.add_argument("--log", default=os.devnull, help="a file for what the server's processes write")
    parser.add_argument("--exchange", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
