"""Uploads from a stranger: too large, broken, cut off, too many at once. Nothing is left of what was not taken."""

import http.client
import io
import os
import socket
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import requests

from assay.exchange import store
from assay.exchange.tar import Caps
from tests.support.exchange_server import PREFIX, Running, archive_of, exchange_server, tar, token_of

MOST = 3 * 2**20  # bytes of one upload, here
PATH = "/courses/deep-learning/assignments/homework"
ATTEMPTS = f"{PATH}/attempts"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with exchange_server(tmp_path, caps=Caps(files=3), upload_bytes=MOST) as server:
        assert server.call("PUT", PATH, "instructor1", data=tar({"homework.ipynb": "{}"})).status_code == 200
        yield server


def kept(server: Running) -> set[Path]:
    return {path for path in server.exchange.blobs.folder.rglob("*") if path.is_file()}


def open_here(server: Running) -> list[str]:
    """Files without a name that this process still holds in the folder of the store."""
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    paths = [os.readlink(link) for link in links if os.path.islink(link)]
    return [path for path in paths if path.startswith(str(server.exchange.blobs.new)) and "deleted" in path]


def soon(condition: Callable[[], object]) -> None:
    """The server learns of a cut connection a moment later."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("It did not happen.")


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, link
    return member.tobuf(tarfile.PAX_FORMAT)


class Raw:
    """A connection on which a request is sent in pieces."""

    def __init__(self, server: Running, who: str = "student1", *headers: str) -> None:
        address = server.url.removeprefix("http://").split("/")[0].split(":")
        self.socket = socket.create_connection((address[0], int(address[1])))
        first = f"POST {PREFIX}api/v1{ATTEMPTS} HTTP/1.1"
        lines = [first, "Host: localhost", f"Authorization: token {token_of(who)}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> int:
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        response.read()
        return response.status

    def close(self) -> None:
        self.socket.close()


BROKEN = {
    "no archive": (b"this is no archive" * 100, "damaged_upload"),
    "nothing": (b"", "damaged_upload"),
    "an empty archive": (tar({}), "empty_upload"),
    "half an archive": (tar({"a": b"x" * 5000})[:3000], "damaged_upload"),
    "something after the end": (tar({"a": "1"}) + b"x", "damaged_upload"),
    "a link": (header("a", tarfile.SYMTYPE, link="/etc/passwd") + bytes(1024), "not_a_file"),
    "a hard link": (header("a", tarfile.LNKTYPE, link="b") + bytes(1024), "not_a_file"),
    "a device": (header("a", tarfile.CHRTYPE) + bytes(1024), "not_a_file"),
    "a way out": (header("../a") + bytes(1024), "bad_path"),
    "an absolute path": (header("/a") + bytes(1024), "bad_path"),
    "a lie about the size": (header("a", size=2**32) + bytes(1024), "too_large"),
    "too many files": (tar({str(number): "" for number in range(4)}), "too_many_files"),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize(("method", "path", "who"), [("POST", ATTEMPTS, "student1"), ("PUT", PATH, "instructor1")])
def test_what_is_no_plain_archive_is_refused_whole(
    server: Running, what: str, method: str, path: str, who: str
) -> None:
    data, code = BROKEN[what]
    before = kept(server)
    answer = server.call(method, path, who, data=data)
    assert answer.json()["code"] == code
    assert answer.status_code == (413 if code.startswith("too_") else 422)
    assert kept(server) == before and server.submitted == []
    assert store.attempts(server.exchange.engine, "deep-learning", "homework") == ()
    assert not server.exchange.uploading and not open_here(server)


def test_an_archive_of_the_largest_size_is_taken_and_given_back(server: Running) -> None:
    content = os.urandom(MOST - 4 * tarfile.BLOCKSIZE)
    data = tar({"homework.ipynb": content})
    assert len(data) <= MOST
    answer = server.call("POST", ATTEMPTS, data=data)
    assert answer.status_code == 201
    back = server.call("GET", f"/attempts/{answer.json()['attempt']['id']}/files")
    assert archive_of(back.content) == {"homework.ipynb": content} and back.content == data
    assert not server.exchange.uploading and not open_here(server)


@pytest.mark.parametrize("said", [True, False], ids=["with its length", "in chunks"])
@pytest.mark.parametrize("size", [MOST + 1, 2 * MOST])
def test_one_that_is_too_large_is_refused_with_a_sentence(server: Running, said: bool, size: int) -> None:
    data = bytes(size)
    before = kept(server)
    answer = server.call("POST", ATTEMPTS, data=data if said else iter([data[:1000], data[1000:]]))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert f"{MOST:,}" in answer.json()["error"]
    assert kept(server) == before and not server.exchange.uploading and not open_here(server)


@pytest.mark.parametrize("length", ["1" + "0" * 12, "9" * 5000], ids=["a terabyte", "5000 digits"])
def test_a_huge_length_is_refused_before_anything_is_sent(server: Running, length: str) -> None:
    raw = Raw(server, "student1", f"Content-Length: {length}")
    assert raw.answer() == 413
    raw.close()


def test_more_than_can_be_thrown_away_ends_the_connection(server: Running) -> None:
    raw = Raw(server, "student1", "Transfer-Encoding: chunked")
    with pytest.raises(OSError):
        for _ in range(20):
            raw.send(b"100000\r\n" + bytes(2**20) + b"\r\n")
        raw.answer()
    raw.close()
    soon(lambda: not server.exchange.uploading and not open_here(server))


def test_who_waits_to_be_asked_for_the_body_is_refused_without_it(server: Running) -> None:
    raw = Raw(server, "student3", "Content-Length: 1000", "Expect: 100-continue")
    assert raw.answer() == 404
    raw.close()


@pytest.mark.parametrize("sent", [0, 1000, MOST - 1], ids=["before the body", "in memory", "on the disk"])
def test_a_cut_connection_leaves_nothing(server: Running, sent: int) -> None:
    before = kept(server)
    raw = Raw(server, "student1", f"Content-Length: {MOST}")
    raw.send(bytes(sent))
    soon(lambda: server.exchange.uploading)
    if sent > 2**20:
        soon(lambda: open_here(server))
    assert kept(server) == before  # what is under way has no name yet
    raw.close()
    soon(lambda: not server.exchange.uploading and not open_here(server))
    assert kept(server) == before and server.submitted == []
    assert store.attempts(server.exchange.engine, "deep-learning", "homework") == ()


def test_a_body_that_does_not_come_is_not_waited_for_without_end(tmp_path: Path) -> None:
    with exchange_server(tmp_path, body_timeout=0.05) as server:
        server.call("PUT", PATH, "instructor1", data=tar({"a": "1"}))
        raw = Raw(server, "student1", "Content-Length: 1000")
        assert raw.socket.recv(1) == b""
        soon(lambda: not server.exchange.uploading)
        raw.close()


def test_one_person_uploads_only_so_much_at_once(server: Running) -> None:
    under_way = [Raw(server, "student1", "Content-Length: 1000") for _ in range(2)]
    soon(lambda: sum(server.exchange.uploading.values()) == 2)
    answer = server.call("POST", ATTEMPTS, data=tar({"a": "1"}))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_uploads")
    assert server.call("POST", ATTEMPTS, "student2", data=tar({"a": "1"})).status_code == 201
    under_way.pop().close()
    soon(lambda: sum(server.exchange.uploading.values()) == 1)
    assert server.call("POST", ATTEMPTS, data=tar({"a": "1"})).status_code == 201
    under_way.pop().close()


def test_who_is_refused_gets_to_read_why_after_a_large_body(server: Running) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = "token token-student3"
        for _ in range(20):
            answer = session.post(server.api + ATTEMPTS, data=bytes(MOST))
            assert answer.status_code == 404


def test_the_disk_says_no(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    """The folder is gone: our own fault, said as such, without a path in the answer."""
    server.exchange.blobs.new.rmdir()
    small, large = server.call("POST", ATTEMPTS, data=tar({"a": "1"})), server.call("POST", ATTEMPTS, data=bytes(MOST))
    for answer in (small, large):
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert str(server.exchange.blobs.folder) not in answer.text and "not your fault" in answer.text
    assert str(server.exchange.blobs.new) in caplog.text
    server.exchange.blobs.new.mkdir()
    assert server.call("POST", ATTEMPTS, data=tar({"a": "1"})).status_code == 201


def full(*_args: Any, **_more: Any) -> IO[bytes]:
    """A file on a disk without room."""
    return open("/dev/full", "r+b")


@pytest.mark.parametrize("size", [1000, MOST])  # noticed as the last bytes are written, or the first
def test_a_full_disk_is_explained_and_holds_no_later_upload_up(
    server: Running, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("assay.exchange.uploads.SpooledTemporaryFile", full)
        for _ in range(server.exchange.uploads_each + 1):
            answer = server.call("POST", ATTEMPTS, data=bytes(size))
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert "not your fault" in answer.text
    assert not server.exchange.uploading
    assert server.call("POST", ATTEMPTS, data=tar({"a": "1"})).status_code == 201


def test_files_that_are_damaged_on_the_disk_are_never_given_as_whole(server: Running, caplog: Any) -> None:
    large = {"a": b"1", "b": os.urandom(2**20), "c": b"3"}
    attempt = server.call("POST", ATTEMPTS, data=tar(large)).json()["attempt"]
    path = f"/attempts/{attempt['id']}/files"
    damaged = {
        file["path"]: server.exchange.blobs.folder / file["sha256"][:2] / file["sha256"] for file in attempt["files"]
    }
    damaged["c"].write_bytes(b"4")
    with pytest.raises(OSError):  # cut off in the middle: a part was sent before
        server.call("GET", path)
    assert "is damaged" in caplog.text
    damaged["a"].unlink()
    assert server.call("GET", path).status_code == 503  # before anything was sent


def test_other_programs_write_and_read_the_archives(server: Running) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in ("homework.ipynb", "folder/ä long name " + "x" * 120):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    answer = server.call("POST", ATTEMPTS, data=written.getvalue())
    assert answer.status_code == 201
    back = server.call("GET", f"/attempts/{answer.json()['attempt']['id']}/files")
    assert set(archive_of(back.content)) == {"homework.ipynb", "folder/ä long name " + "x" * 120}
