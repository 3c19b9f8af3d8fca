"""The parts of a server, killed at every step and whenever it happens.

    python -m tests.support.serving_killed HOME FOLDER

Every part is forked from this one process, which has loaded all modules and started no thread. What each client was
told goes to FOLDER/receipts, a line an attempt.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import requests

from assay.exchange.api import Caller, Role
from assay.exchange.identity import Identity
from assay.jobs import table
from assay.serving import exchange_service, grader_work, grading, worker
from assay.serving.exchange_service import Address, serve
from assay.serving.processes import the_only
from assay.settings import load
from tests.support import class_runs
from tests.support.job_workers import ended, forked
from tests.support.serving import COURSE, archive, open_site

VICTIM = class_runs.VICTIM
STEPS = (*class_runs.STEPS, "laid out", "feedback", "done", "finished")
CLASS = [f"student{number}" for number in range(12)]


def drain(home: Path, step: str = "") -> None:
    """A worker that grades all there is, or is killed when the submission of VICTIM comes to a step."""
    if step in class_runs.STEPS:
        class_runs._die_at(step)
    elif step:
        _die_at(step)
    with the_only(home / "wake" / "lock"), open_site(home) as site:
        table.take_over(site.materials.jobs, site.of.grading)
        one = site.worker()
        one.recover(everything=True)
        while one.work():
            pass


def _die_at(step: str) -> None:
    def dying(action: Callable[..., object], before: bool) -> Callable[..., object]:
        def wrapped(*arguments: object, **named: object) -> object:
            meant = VICTIM in repr(arguments)
            if meant and before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = action(*arguments, **named)
            if meant:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapped

    if step == "laid out":
        grader_work.lay_out = dying(grader_work.lay_out, False)  # type: ignore[assignment]
    elif step == "feedback":
        grading.give_feedback = dying(grading.give_feedback, False)  # type: ignore[assignment]
    elif step == "done":
        grading._keep = dying(grading._keep, True)  # type: ignore[assignment]
    else:
        worker.regrade_reports.write_finished = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]


def exchange(home: Path, port: int, *, dies: bool = False) -> None:
    """The service, for whoever names itself; one that dies does so after a commit, before it enqueues."""

    async def identify(token: str) -> Caller | None:
        return Caller(token, "user")

    async def roles(caller: Caller) -> Mapping[str, Role]:
        return {COURSE: "student"}

    if dies:
        exchange_service.submitted = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
    with exchange_service.opened(load(home, {}), Identity(identify, roles)) as app:
        asyncio.run(serve(app, Address("127.0.0.1", port)))


class Story:
    """What happens, in order."""

    def __init__(self, home: Path, folder: Path, upload: bytes) -> None:
        self.home, self.folder, self.upload = home, folder, upload
        self.codes: list[int] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{exchange_service.PREFIX}api/v1"

    def started(self, **how: bool) -> int:
        process = forked(lambda: exchange(self.home, self.port, **how))
        while True:
            with suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/health", timeout=60).ok:
                    return process
            time.sleep(0.02)

    def killed(self, process: int) -> None:
        os.kill(process, signal.SIGKILL)
        self.codes.append(ended(process))

    def submit(self, student: str) -> bool:
        """Whether a receipt came back."""
        place = f"{self.url}/courses/{COURSE}/assignments/scale/attempts"
        try:
            answer = requests.post(place, data=self.upload, headers={"Authorization": f"token {student}"}, timeout=60)
        except requests.ConnectionError:
            return False
        answer.raise_for_status()
        with open(self.folder / "receipts", "a") as file:
            file.write(f"{answer.json()['attempt']['id']} {student}\n")
        return True

    def half_an_upload(self, student: str, *, then: int) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            head = f"POST {exchange_service.PREFIX}api/v1/courses/{COURSE}/assignments/scale/attempts HTTP/1.1\r\n"
            head += f"Host: x\r\nAuthorization: token {student}\r\nContent-Length: {len(self.upload)}\r\n\r\n"
            client.sendall(head.encode() + self.upload[: len(self.upload) // 2])
            time.sleep(0.1)
            self.killed(then)

    def exchanges(self) -> None:
        """Killed in the middle of uploads, after a commit, and after answers."""
        for number in range(3):
            self.half_an_upload(f"half{number}", then=self.started())
            dying = self.started(dies=True)
            assert not self.submit(f"unheard{number}")
            self.codes.append(ended(dying))
            running = self.started()
            assert self.submit(f"heard{number}") and self.submit(VICTIM)
            self.killed(running)

    def workers(self) -> None:
        """Killed at each step, and whenever it happens."""
        running = self.started()
        for step in STEPS:
            assert self.submit(VICTIM)
            self.codes.append(ended(forked(lambda step=step: drain(self.home, step))))
            assert ended(forked(lambda: drain(self.home))) == 0
        chance = random.Random(5)
        for student in CLASS:
            assert self.submit(student)
        for _ in range(8):
            process = forked(lambda: drain(self.home))
            time.sleep(chance.uniform(0.1, 1.0))
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            self.codes.append(ended(process))
            if self.codes[-1] == 0:
                assert self.submit(chance.choice(CLASS))
        assert ended(forked(lambda: drain(self.home))) == 0
        self.killed(running)

    def staff(self) -> None:
        """Have those tried again that were lost too often."""
        with open_site(self.home) as site:
            for job in table.in_state(site.materials.jobs, "failed"):
                table.retry(site.materials.jobs, job.id, who="instructor1")
        assert ended(forked(lambda: drain(self.home))) == 0


def main(home: Path, folder: Path) -> None:
    with open_site(home) as site:
        upload = archive(site.course)
    story = Story(home, folder, upload)
    story.exchanges()
    story.workers()
    story.staff()
    print(*story.codes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
