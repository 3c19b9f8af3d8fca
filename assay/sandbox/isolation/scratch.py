"""The folder of one program in the confined tier: its view of the libraries, and the one place it can write to."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assay.sandbox.isolation.launch import INSIDE
from assay.sandbox.libraries import View

PREFIX = "assay-scratch-"


@dataclass(frozen=True)
class Scratch:
    """Made for one program and removed with it."""

    folder: Path

    @property
    def view(self) -> Path:
        """Symbolic links to the libraries; not writable for the program."""
        return self.folder / "libraries"

    @property
    def home(self) -> Path:
        """The program's own."""
        return self.folder / "home"

    def in_use(self) -> int:
        """Bytes of all files in `home`, as far as they can be seen while it changes."""
        total, ahead = 0, [self.home]
        while ahead:
            try:
                with os.scandir(ahead.pop()) as entries:
                    for entry in entries:
                        status = entry.stat(follow_symlinks=False)
                        total += status.st_blocks * 512 + 512  # an empty file takes room too
                        if stat.S_ISDIR(status.st_mode):
                            ahead.append(Path(entry.path))
            except OSError:
                continue
        return total

    def remove(self) -> None:
        """Remove all of it, whatever the program has made of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():  # folders without permissions, or nested deeper than Python can go
            subprocess.run(["chmod", "-R", "u+rwX", "--", str(self.folder)], capture_output=True)
            subprocess.run(["rm", "-rf", "--", str(self.folder)], capture_output=True)


def make_scratch(view: View | None, user: int | None) -> Scratch:
    """A new scratch folder whose `home` belongs to this uid, or to us. Without a view, another folder has that."""
    scratch = Scratch(Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")))
    scratch.folder.chmod(0o711)
    for place, lies in (*view.entries, (INSIDE.name, INSIDE)) if view is not None else ():
        link = scratch.view / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(lies)
    scratch.home.mkdir(mode=0o700)
    if user is not None:
        os.chown(scratch.home, user, user)
    return scratch


def sweep() -> None:
    """Remove what graders that crashed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        grader = folder.name.removeprefix(PREFIX).split("-")[0]
        with suppress(FileNotFoundError):  # another grader was first
            if folder.lstat().st_uid == os.geteuid() and not Path("/proc", grader).exists():
                Scratch(folder).remove()
