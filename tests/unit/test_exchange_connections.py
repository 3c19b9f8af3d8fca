"""A proxy sends requests of many people over one connection: nobody's refusal may cost others theirs."""

import http.client
from collections.abc import Iterator

import pytest

from tests.support.exchange_server import PREFIX, Running, exchange_server, token_of

KNOWN = {"Authorization": f"token {token_of('student1')}"}
PATH = f"{PREFIX}api/v1/courses/deep-learning/assignments"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with exchange_server(tmp_path_factory.mktemp("exchange")) as server:
        yield server


@pytest.fixture
def proxy(server: Running) -> Iterator[http.client.HTTPConnection]:
    """It connects anew only where it was told that a connection ends."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://").split("/")[0], timeout=30)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", PATH, {}, None, 401),
        ("GET", PATH.replace("deep-learning", "unknown"), KNOWN, None, 404),
        ("DELETE", f"{PATH}/homework", KNOWN, None, 403),
        ("PUT", f"{PATH}/homework", KNOWN, b"x" * 1000, 403),
        ("PATCH", PATH, KNOWN, None, 405),
        ("POST", f"{PREFIX}nowhere", KNOWN, b"{}", 404),
    ],
)
def test_a_connection_is_kept_after_a_refusal(
    proxy: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    for _ in range(3):
        proxy.request(method, path, body, headers)
        used = proxy.sock
        answer = proxy.getresponse()
        answer.read()
        assert (answer.status, answer.getheader("Connection")) == (status, None)
        assert proxy.sock is used is not None
    proxy.request("GET", PATH, headers=KNOWN)
    assert proxy.getresponse().status == 200 and proxy.sock is used


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PROPFIND", {}),
        ("PUT", {"Content-Length": str(2**40)}),
        ("PUT", {"Content-Length": "1000", "Expect": "100-continue"}),
    ],
)
def test_one_that_ends_is_told_to_end(proxy: http.client.HTTPConnection, method: str, headers: dict[str, str]) -> None:
    proxy.putrequest(method, f"{PATH}/homework")
    for name, value in {**KNOWN, **headers}.items():
        proxy.putheader(name, value)
    proxy.endheaders()
    answer = proxy.getresponse()
    answer.read()
    assert answer.status >= 400 and answer.getheader("Connection") == "close"
    proxy.request("GET", PATH, headers=KNOWN)
    assert proxy.getresponse().status == 200
