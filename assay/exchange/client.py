"""The exercise server as a program of its users sees it: one method a request of openapi.yaml.

Refusals of the server arrive as Refusal, with its own word and sentence; all else that goes wrong is an ExchangeError.
A request that only reads is tried again; one that changes something only where it never reached the server.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from assay.errors import ExchangeError, Refusal
from assay.exchange import answers
from assay.exchange.answers import AssignmentForCaller, AttemptNow, Membership
from assay.exchange.manifest import File, Manifest, printable
from assay.exchange.moments import written
from assay.exchange.pinned import CERTIFICATE, PinnedAdapter, is_of_another
from assay.exchange.policy import Extension

URL = "ASSAY_EXCHANGE_URL"
TOKEN = "JUPYTERHUB_API_TOKEN"
Files = Iterator[tuple[File, Iterator[bytes]]]

_BLOCK = 2**20
_CONNECT = 5.0  # seconds
_ANSWER = 60.0  # seconds of silence
_ANSWER_TO_FILES = 300.0  # the server looks at all of them before it answers
_AGAIN = urllib3.Retry(
    total=3,
    connect=3,
    read=2,
    status=3,
    other=0,
    redirect=0,
    allowed_methods={"GET"},
    status_forcelist={502, 503, 504},
    backoff_factor=0.2,
    raise_on_status=False,
    respect_retry_after_header=False,
)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # the last of several tries is explained


@dataclass(frozen=True)
class Client:
    """Speaks to one server for one user."""

    url: str  # such as http://127.0.0.1:8000/services/exchange
    token: str = field(repr=False)
    certificate: str = ""  # the only one that is trusted; empty: what the machine trusts for that name

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Client:
        """The server and the user that the Hub names to each program it starts. Raises ExchangeError."""
        url, token = environ.get(URL, ""), environ.get(TOKEN, "")
        if urlsplit(url).scheme not in ("http", "https"):
            raise ExchangeError(
                f"{URL} names no exercise server. Log in to the Hub, and start this from a terminal in JupyterLab."
            )
        return cls(url.rstrip("/"), token, environ.get(CERTIFICATE, ""))

    def courses(self) -> tuple[Membership, ...]:
        """The courses of the caller."""
        return self._all(answers.membership, "courses")

    def assignments(self, course: str) -> tuple[AssignmentForCaller, ...]:
        return self._all(answers.assignment, "courses", course, "assignments")

    def assignment(self, course: str, name: str) -> AssignmentForCaller:
        return self._one(answers.assignment, "GET", "courses", course, "assignments", name)

    def release(self, course: str, name: str, archive: IO[bytes], policy: Mapping[str, str]) -> AssignmentForCaller:
        """Hand an assignment out; a rule that is not in `policy` stays as it was."""
        where = ("courses", course, "assignments", name)
        return answers.read(answers.assignment, self.ask("PUT", *where, params=policy, archive=archive))

    def change_policy(self, course: str, name: str, changes: Mapping[str, Any]) -> AssignmentForCaller:
        """Change some rules; None takes one away."""
        where = ("courses", course, "assignments", name)
        return answers.read(answers.assignment, self.ask("PATCH", *where, json=changes))

    def withdraw(self, course: str, name: str) -> None:
        self.ask("DELETE", "courses", course, "assignments", name)

    @contextmanager
    def assignment_files(self, course: str, name: str, manifest: Manifest) -> Iterator[Files]:
        """The files that are handed out, one after the other."""
        with self._files(manifest, "courses", course, "assignments", name, "files") as files:
            yield files

    def extensions(self, course: str, name: str) -> tuple[Extension, ...]:
        return self._all(answers.extension, "courses", course, "assignments", name, "extensions")

    def extend(self, course: str, name: str, extension: Extension) -> None:
        where = ("courses", course, "assignments", name, "extensions", extension.student)
        self.ask("PUT", *where, json={"until": written(extension.until), "reason": extension.reason})

    def take_extension_back(self, course: str, name: str, student: str) -> None:
        self.ask("DELETE", "courses", course, "assignments", name, "extensions", student)

    def submit(self, course: str, name: str, archive: IO[bytes]) -> tuple[AttemptNow, str]:
        """Hand in. Returns the attempt, and the text of its receipt."""
        data = self.ask("POST", "courses", course, "assignments", name, "attempts", archive=archive)
        return answers.read(lambda of: (answers.attempt(of["attempt"]), str(of["receipt"])), data)

    def attempts(self, course: str, name: str | None = None, *, student: str | None = None) -> tuple[AttemptNow, ...]:
        """Attempts at one assignment or at all, in the order of the server; an instructor's are those of all."""
        where = ("courses", course, *(() if name is None else ("assignments", name)), "attempts")
        return self._all(answers.attempt, *where, params={} if student is None else {"student": student})

    def attempt(self, attempt: str) -> AttemptNow:
        return self._one(answers.attempt, "GET", "attempts", attempt)

    @contextmanager
    def attempt_files(self, attempt: str, manifest: Manifest) -> Iterator[Files]:
        """What was submitted, one file after the other."""
        with self._files(manifest, "attempts", attempt, "files") as files:
            yield files

    def receipt(self, attempt: str) -> str:
        """Its text, as it was signed."""
        return self._text("attempts", attempt, "receipt")

    @contextmanager
    def feedback_files(self, attempt: str, manifest: Manifest) -> Iterator[Files]:
        with self._files(manifest, "attempts", attempt, "feedback") as files:
            yield files

    def give_feedback(self, attempt: str, archive: IO[bytes]) -> None:
        self.ask("PUT", "attempts", attempt, "feedback", archive=archive)

    def key(self) -> str:
        """The public key of receipts, as PEM text; needs no token."""
        return self._text("key")

    def place(self, *parts: str) -> str:
        """The address of something on the server."""
        return "/".join((self.url, "api", "v1", *(quote(part, safe="") for part in parts)))

    def ask(
        self,
        method: str,
        *parts: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        archive: IO[bytes] | None = None,
    ) -> Any:
        """One request, and the JSON of its answer. Raises Refusal and ExchangeError."""
        with self._answer(method, parts, params=params, json=json, archive=archive) as response:
            if not response.content:
                return None
            try:
                return response.json()
            except requests.JSONDecodeError:
                raise self._other(response) from None

    def _one(self, kind: Callable[[Any], answers.Read], method: str, *parts: str) -> answers.Read:
        return answers.read(kind, self.ask(method, *parts))

    def _all(
        self, kind: Callable[[Any], answers.Read], *parts: str, params: Mapping[str, str] | None = None
    ) -> tuple[answers.Read, ...]:
        return answers.read(lambda of: tuple(kind(one) for one in of), self.ask("GET", *parts, params=params))

    def _text(self, *parts: str) -> str:
        with self._answer("GET", parts) as response:
            return response.content.decode()

    @contextmanager
    def _files(self, manifest: Manifest, *parts: str) -> Iterator[Files]:
        with self._answer("GET", parts, stream=True) as response:
            try:
                with tarfile.open(fileobj=response.raw, mode="r|") as archive:
                    yield unpacked(archive, manifest)
            except tarfile.TarError as error:
                raise ExchangeError(f"The files arrived damaged ({error}). Try again.") from error

    @contextmanager
    def _answer(
        self,
        method: str,
        parts: Iterable[str],
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        archive: IO[bytes] | None = None,
        stream: bool = False,
    ) -> Iterator[requests.Response]:
        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor a password of ~/.netrc comes between
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=_AGAIN))
            if self.certificate:
                session.mount("https://", PinnedAdapter(self.certificate, max_retries=_AGAIN))
            headers = {"Authorization": f"token {self.token}"} if self.token else {}
            if archive is not None:
                headers["Content-Type"] = "application/x-tar"
            try:
                with session.request(
                    method,
                    self.place(*parts),
                    params=params,
                    json=json,
                    data=archive,
                    headers=headers,
                    timeout=(_CONNECT, _ANSWER if archive is None else _ANSWER_TO_FILES),
                    stream=stream,
                    allow_redirects=False,
                ) as response:
                    if not 200 <= response.status_code < 300:
                        raise self._refused(response)
                    yield response
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise self._not_answered(method, error) from error

    def _refused(self, response: requests.Response) -> ExchangeError:
        try:
            data = response.json()
            return Refusal(str(data["code"]), str(data["error"]))
        except (ValueError, KeyError, TypeError):
            return self._other(response)

    def _other(self, response: requests.Response) -> ExchangeError:
        if response.status_code in (502, 503, 504):  # of a proxy, which may have lost the server on the way
            return self._lost() if response.request.method != "GET" else self._away()
        return ExchangeError(
            f"What answers at {self.url} is no exercise server ({response.status_code} {printable(response.reason)}). "
            f"Check {URL}, or log in to the Hub again and restart your server there."
        )

    def _not_answered(self, method: str, error: Exception) -> ExchangeError:
        if is_of_another(error):
            return self._away(": its certificate is not the one known here", "restart your server in the Hub, or ")
        if method != "GET" and not _never_arrived(error):
            return self._lost()
        return self._away()

    def _lost(self) -> ExchangeError:
        return ExchangeError(
            f"The connection to the exercise server at {self.url} broke before it answered. Whether it did what was "
            "asked is not known: look at the list (nbgrader list --inbound) before you try again."
        )

    def _away(self, why: str = "", do: str = "") -> ExchangeError:
        return ExchangeError(
            f"The exercise server at {self.url} cannot be reached{why}. Nothing was done. Try again in a minute; if it "
            f"lasts, {do}tell whoever runs it."
        )


def unpacked(archive: tarfile.TarFile, manifest: Manifest) -> Files:
    """The files of an archive as it streams in. Each has to be read before the next one.

    Raises ExchangeError where they are not those of the manifest, all of them and nothing else: before the last block
    of a file that differs is given.
    """
    expected = {file.path: file for file in manifest}
    for member in archive:
        file = expected.pop(member.name, None)
        content = archive.extractfile(member) if member.isreg() else None
        if file is None or content is None or member.size != file.size:
            raise ExchangeError(f"{printable(member.name)} was not announced by the server. Try again.")
        yield file, _as_announced(file, content)
    if expected:
        raise ExchangeError(f"{printable(min(expected))} did not arrive. Try again.")


def _as_announced(file: File, content: IO[bytes]) -> Iterator[bytes]:
    digest, held = hashlib.sha256(), b""
    while block := content.read(_BLOCK):
        digest.update(block)
        if held:
            yield held
        held = block
    if digest.hexdigest() != file.sha256:
        raise ExchangeError(f"{printable(file.path)} arrived damaged. Try again.")
    if held:
        yield held


def _never_arrived(error: Exception) -> bool:
    """Whether no connection was made, so that the server cannot have done anything."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(error, requests.ConnectTimeout) or isinstance(
        reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    )
