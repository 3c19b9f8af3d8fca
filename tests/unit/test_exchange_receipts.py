"""Receipts: nobody else can write one, and no byte of one can change."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.errors import ExchangeError, ReceiptError
from assay.exchange import receipts
from assay.exchange.manifest import File
from assay.exchange.receipts import Receipt, compare, open_key, public_text, read_public_key, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key()
FILES = {"homework.ipynb": b"{}", "data/größe.csv": b"1,2\n"}
RECEIPT = Receipt(
    course="deep-learning",
    assignment="homework",
    student="student1",
    attempt="0" * 32,
    number=2,
    submitted=datetime(2026, 11, 30, 12, 0, 0, 1, tzinfo=UTC),
    files=tuple(File(path, sha256(content).hexdigest(), len(content)) for path, content in FILES.items()),
)
TEXT = sign(KEY, RECEIPT)


def folder_with(parent: Path, files: dict[str, bytes] = FILES) -> Path:
    for path, content in files.items():
        (parent / path).parent.mkdir(parents=True, exist_ok=True)
        (parent / path).write_bytes(content)
    return parent


def test_a_receipt_is_readable_and_verified() -> None:
    assert verify(PUBLIC, TEXT) == verify(PUBLIC, TEXT.encode()) == RECEIPT
    for words in ('"student": "student1"', '"submitted": "2026-11-30T12:00:00.000001Z"', "größe", RECEIPT.digest):
        assert words in TEXT
    assert sign(KEY, RECEIPT) == TEXT


def test_no_byte_can_change() -> None:
    whole = TEXT.encode()
    for place, byte in enumerate(whole):
        for other in (byte ^ 1, byte ^ 0x20, byte ^ 0x80):
            with pytest.raises(ReceiptError):
                verify(PUBLIC, whole[:place] + bytes([other]) + whole[place + 1 :])


@settings(deadline=None)
@given(st.integers(0, len(TEXT)), st.integers(0, 3), st.text(max_size=3))
@example(len(TEXT), 0, "\n")
@example(0, 0, " ")
@example(1, 1, "\r\n")
def test_no_other_text_is_a_receipt(place: int, cut: int, text: str) -> None:
    changed = TEXT[:place] + text + TEXT[place + cut :]
    if changed != TEXT:
        with pytest.raises(ReceiptError):
            verify(PUBLIC, changed)


@pytest.mark.parametrize(
    "text", ["", "null", "[" * 100_000, '{"number": ' + "9" * 5000 + "}", b"\xff\xfe", "x" * 2**23, '{"format": 1}']
)
def test_what_is_no_receipt_is_explained(text: str | bytes) -> None:
    with pytest.raises(ReceiptError, match="no receipt of an exercise server"):
        verify(PUBLIC, text)


@pytest.mark.parametrize(
    "old, new",
    [
        ('"number": 2', '"number": 1'),
        ('"number": 2', '"number": "2"'),
        ('"number": 2,\n', ""),
        ('"files": [', '"files": [3, '),
        ('"signature": "', '"signature": "AAAA'),
        ("student1", "\\ud800"),
        ("2026-11-30T12", "2026-11-29T12"),
    ],
)
def test_a_receipt_with_other_words_is_explained(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(ReceiptError, match="changed after the server signed it"):
        verify(PUBLIC, TEXT.replace(old, new))


def test_another_servers_receipt_names_both_keys() -> None:
    other = Ed25519PrivateKey.generate()
    with pytest.raises(ReceiptError, match="The receipt names the key [0-9a-f]{16}, this server has [0-9a-f]{16}"):
        verify(other.public_key(), TEXT)
    with pytest.raises(ReceiptError, match="signature"):  # claims our key
        ours = TEXT.split('"key": "')[1][:16]
        verify(PUBLIC, sign(other, RECEIPT).replace(receipts._name_of(other.public_key()), ours))


def test_files_in_another_order_are_the_same_receipt() -> None:
    assert sign(KEY, replace(RECEIPT, files=RECEIPT.files[::-1])) == TEXT


def test_a_folder_is_compared(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "receipt.json").write_text(TEXT)
    assert compare(RECEIPT, folder).same
    (folder / "homework.ipynb").write_bytes(b"[]")
    (folder / "data" / "größe.csv").unlink()
    (folder / "more").mkdir()
    (folder / "more" / "notes.txt").write_text("")
    compared = compare(RECEIPT, folder)
    assert (compared.differ, compared.missing) == (("homework.ipynb",), ("data/größe.csv",))
    assert compared.extra == ("more/notes.txt",) and not compared.same


def test_a_link_to_the_same_contents_is_not_the_same_file(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "folder")
    (tmp_path / "elsewhere").write_bytes(b"{}")
    (folder / "homework.ipynb").unlink()
    (folder / "homework.ipynb").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "pipe")
    compared = compare(RECEIPT, folder)
    assert compared.differ == ("homework.ipynb",) and compared.extra == ("pipe",)


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ReceiptError, match="Name the folder"):
        compare(RECEIPT, tmp_path / "nowhere")


def test_the_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    place = tmp_path / "secrets" / "receipts.pem"
    first = open_key(place)
    assert public_text(open_key(place)) == public_text(first)
    assert place.stat().st_mode & 0o777 == 0o600 and place.parent.stat().st_mode & 0o777 == 0o700
    assert [*place.parent.iterdir()] == [place]
    assert verify(read_public_key(public_text(first)), sign(first, RECEIPT)) == RECEIPT


def test_of_two_that_make_a_key_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "receipts.pem"
    first = open_key(place)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert public_text(open_key(place)) == public_text(first)
    assert [*tmp_path.iterdir()] == [place]


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    place = tmp_path / "receipts.pem"
    open_key(place)
    place.chmod(0o640)
    with pytest.raises(ExchangeError, match="chmod 600"):
        open_key(place)


def test_a_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "receipts.pem"
    other = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"", b"nonsense", other):
        place.write_bytes(content)
        place.chmod(0o600)
        with pytest.raises(ExchangeError, match="no Ed25519 key"):
            open_key(place)
        assert place.read_bytes() == content


@pytest.mark.parametrize("text", ["", "nonsense", "ß", TEXT])
def test_what_is_no_public_key_is_explained(text: str) -> None:
    with pytest.raises(ReceiptError, match="no public key"):
        read_public_key(text)
