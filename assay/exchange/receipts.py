"""Receipts: what a student submitted and when, signed by the server, readable by anybody.

A receipt has one text only. `verify` writes what it read once more and compares, so that not even a space can differ.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from assay.errors import ExchangeError, ReceiptError, Refusal
from assay.exchange.disk import sync_folder
from assay.exchange.manifest import File, Manifest, digest_of, in_folder, printable
from assay.exchange.moments import in_utc, read_moment, written

_FORMAT = "assay receipt 1"
_LONGEST = 4 * 2**20  # characters: some thousand files
_NAME = "receipt.json"


@dataclass(frozen=True)
class Receipt:
    """What the server says it got from a student."""

    course: str
    assignment: str
    student: str
    attempt: str
    number: int
    submitted: datetime
    files: Manifest

    def __post_init__(self) -> None:
        object.__setattr__(self, "submitted", in_utc(self.submitted))
        object.__setattr__(self, "files", tuple(sorted(self.files)))

    @property
    def digest(self) -> str:
        """sha256 over all files and their paths."""
        return digest_of(self.files)


@dataclass(frozen=True)
class Comparison:
    """A receipt beside a folder, by relative paths."""

    differ: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not (self.differ or self.missing or self.extra)


def open_key(path: Path) -> Ed25519PrivateKey:
    """The server's key; made where there is none. Raises ExchangeError where it is damaged or others can read it."""
    try:
        if not path.exists():
            _make_key(path)
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LONGEST)
    except OSError as error:
        raise ExchangeError(f"{path} cannot be used as the key of receipts ({error.strerror}).") from error
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise ExchangeError(f"Others than its owner may read {path}, the key of receipts. Run: chmod 600 {path}")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ExchangeError(
            f"{path} is no Ed25519 key. Restore it from a backup: without it old receipts prove nothing."
        )
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half of a key as PEM text, to be given to anybody."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_key(text: str) -> Ed25519PublicKey:
    """The inverse of `public_text`. Raises ReceiptError."""
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ReceiptError("This is no public key of an exercise server. Get it from the server that gave the receipt.")
    return key


def sign(key: Ed25519PrivateKey, receipt: Receipt) -> str:
    """The text of a receipt, for `receipt.json`."""
    public = key.public_key()
    return _text(public, receipt, key.sign(_signed(public, receipt)))


def verify(public_key: Ed25519PublicKey, text: str | bytes) -> Receipt:
    """The receipt in a text that this server signed. Raises ReceiptError where one byte differs."""
    text, content = _parsed(text)
    if content.get("key") != _name_of(public_key):
        raise ReceiptError(
            f"The receipt names the key {printable(str(content.get('key')))}, this server has {_name_of(public_key)}. "
            "Verify it with the server that gave it."
        )
    try:
        receipt = _receipt(content)
        signature = base64.b64decode(str(content["signature"]), validate=True)
        public_key.verify(signature, _signed(public_key, receipt))
        intact = _text(public_key, receipt, signature) == text
    except (KeyError, TypeError, ValueError, AttributeError, InvalidSignature, Refusal):
        raise ReceiptError("The receipt was changed after the server signed it: its signature does not fit.") from None
    if not intact:
        raise ReceiptError("The receipt was changed after the server signed it. Use the file as you got it, unedited.")
    return receipt


def compare(receipt: Receipt, folder: Path) -> Comparison:
    """Which files of a folder are not those of a receipt. A receipt that lies in the folder is no extra file.

    Raises ReceiptError where the folder cannot be read.
    """
    try:
        found = dict(in_folder(folder))
    except OSError as error:
        raise ReceiptError(
            f"{folder} cannot be read ({error.strerror}). Name the folder that was submitted."
        ) from error
    told = {file.path: file for file in receipt.files}
    return Comparison(
        differ=tuple(path for path in told if path in found and found[path] != told[path]),
        missing=tuple(path for path in told if path not in found),
        extra=tuple(path for path in found if path not in told and path != _NAME),
    )


def _make_key(path: Path) -> None:
    """Of two that make one at once, the first wins: a name is given only to a whole file, and only once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    sync_folder(path.parent)


def _name_of(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _content(key: Ed25519PublicKey, receipt: Receipt) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "course": receipt.course,
        "assignment": receipt.assignment,
        "student": receipt.student,
        "attempt": receipt.attempt,
        "number": receipt.number,
        "submitted": written(receipt.submitted),
        "digest": receipt.digest,
        "files": [{"path": file.path, "sha256": file.sha256, "bytes": file.size} for file in receipt.files],
        "key": _name_of(key),
    }


def _signed(key: Ed25519PublicKey, receipt: Receipt) -> bytes:
    return json.dumps(_content(key, receipt), separators=(",", ":")).encode()


def _text(key: Ed25519PublicKey, receipt: Receipt, signature: bytes) -> str:
    content = _content(key, receipt) | {"signature": base64.b64encode(signature).decode()}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _parsed(text: str | bytes) -> tuple[str, dict[str, object]]:
    try:
        text = text if isinstance(text, str) else text.decode()
        content = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ReceiptError("This is no receipt of an exercise server. Use receipt.json as the server gave it.")
    return str(text), content


def _receipt(content: dict[str, object]) -> Receipt:
    """Raises KeyError, TypeError, ValueError, AttributeError or Refusal where it is none."""
    texts = [content[name] for name in ("course", "assignment", "student", "attempt", "submitted")]
    number, files = content["number"], content["files"]
    if not all(isinstance(text, str) for text in texts) or not isinstance(number, int) or not isinstance(files, list):
        raise TypeError
    course, assignment, student, attempt, submitted = map(str, texts)
    manifest = tuple(File(file["path"], file["sha256"], file["bytes"]) for file in files)
    return Receipt(course, assignment, student, attempt, number, read_moment(submitted), manifest)
