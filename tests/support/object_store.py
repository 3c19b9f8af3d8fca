"""An object store of the tests' own: rclone's S3 server, which checks signatures and keeps real files in a folder."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assay.hub.addresses import free_ports

BUCKET = "submissions"


@dataclass
class ObjectStore:
    """One that runs, until it is stopped."""

    folder: Path
    port: int
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    process: subprocess.Popen[bytes] | None = None

    def new_place(self) -> str:
        """The address of one where nothing is."""
        return f"s3://{BUCKET}/of/{uuid.uuid4().hex}"

    def files(self, address: str) -> Path:
        """The folder in which the objects of a place are files."""
        return self.folder / address.removeprefix("s3://")

    @property
    def environ(self) -> Mapping[str, str]:
        """What its clients have to know."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "assay",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        (self.folder / BUCKET).mkdir(parents=True, exist_ok=True)
        program = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", str(self.folder)]
        flags = ["--addr", f"127.0.0.1:{self.port}", "--dir-cache-time", "5ms"]  # a file that a test changes is changed
        # The keys are not in its command line, where others would see them.
        environ = {**os.environ, "RCLONE_CONFIG": "", "RCLONE_AUTH_KEY": f'"assay,{self.secret}"'}
        with (self.folder.parent / "object-store.log").open("ab") as log:
            self.process = subprocess.Popen([*program, *flags], env=environ, stdout=log, stderr=log)
        ends = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < ends, "the object store did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """With a bucket that is empty."""
    store = ObjectStore(folder, free_ports(1)[0])
    store.start()
    try:
        yield store
    finally:
        store.stop()
