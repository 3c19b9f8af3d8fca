"""`assay policy`, `assay extension` and `assay receipt` at a real server, and as whom they ask."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from assay import cli
from assay.errors import CourseError, ExchangeError, ReceiptError, Refusal
from assay.exchange.client import Client
from assay.exchange.commands import give_extension, list_extensions, show_policy, verify_receipt
from assay.exchange.nbgrader_exchange import rules
from assay.exchange.policy import Policy
from assay.hub.addresses import exchange_url
from assay.settings import load
from assay.terminal_exchange import client, without_token
from tests.support.exchange_server import Running, exchange_server, tar, token_of

COURSE = "deep-learning"
BOTH = {"instructor1": {COURSE: "instructor", "statistics": "instructor"}, "student1": {COURSE: "student"}}
FILES = {"homework.ipynb": b"{}", "data/numbers.csv": b"1,2\n"}


@pytest.fixture
def server(tmp_path) -> Iterator[Running]:
    (tmp_path / "state").mkdir()
    with exchange_server(tmp_path / "state", people=BOTH) as running:
        of(running, "instructor1").release(COURSE, "homework", BytesIO(tar(FILES)), {})
        yield running


def of(server: Running, who: str) -> Client:
    return Client(server.url, token_of(who))


@pytest.fixture
def receipt(server, tmp_path):
    """A receipt in a file, the server's key in another, and what was submitted."""
    _, text = of(server, "student1").submit(COURSE, "homework", BytesIO(tar(FILES)))
    (tmp_path / "receipt.json").write_text(text)
    (tmp_path / "key.pem").write_text(of(server, "student1").key())
    for path, content in FILES.items():
        (tmp_path / "work" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / path).write_bytes(content)
    return tmp_path


def test_rules_are_shown_and_changed(server, capsys):
    staff = of(server, "service-deep-learning")
    assert show_policy(staff, "homework", course=None, changes={}) == 0
    assert "never over" in capsys.readouterr().out
    changes = {"due": "2100-01-01T12:00Z", "grace": "10m", "attempts": "3", "late": "refuse"}
    assert show_policy(staff, "homework", course=None, changes=changes) == 0
    shown = capsys.readouterr().out
    for words in ("2100-01-01 12:00 UTC", "0:10:00", "3", "refused"):
        assert words in shown
    expected = Policy(due=datetime(2100, 1, 1, 12, tzinfo=UTC), grace=timedelta(minutes=10), attempts=3, late="refuse")
    assert staff.assignment(COURSE, "homework").assignment.policy == expected


def test_rules_are_taken_away(server):
    staff = of(server, "instructor1")
    show_policy(staff, "homework", course=COURSE, changes={"due": "2100-01-01T12:00Z", "attempts": "3", "grace": "2h"})
    show_policy(staff, "homework", course=COURSE, changes={"due": "none", "attempts": "none", "grace": "none"})
    assert staff.assignment(COURSE, "homework").assignment.policy == Policy()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"due": "2100-01-01"}, "has no time zone"),
        ({"due": "tomorrow"}, "is no time. Write it as"),
        ({"grace": "10"}, "is no length of time. Write it as 90s, 10m, 2h or 1d"),
        ({"attempts": "many"}, "is no number of attempts"),
        ({"attempts": "0"}, "attempts"),
    ],
)
def test_a_rule_that_makes_no_sense_changes_nothing(server, change, words):
    staff = of(server, "instructor1")
    with pytest.raises(Refusal, match=words):
        show_policy(staff, "homework", course=COURSE, changes=change)
    assert staff.assignment(COURSE, "homework").assignment.policy == Policy()


def test_which_course_is_meant_has_to_be_clear(server):
    with pytest.raises(ExchangeError, match="Choose one of deep-learning, statistics with --course-name"):
        list_extensions(of(server, "instructor1"), "homework", course=None)
    with pytest.raises(ExchangeError, match="instructor of none"):
        list_extensions(of(server, "student1"), "homework", course=None)
    assert show_policy(of(server, "student1"), "homework", course=None, changes={}) == 0


def test_an_extension_is_given_shown_and_taken_back(server, capsys):
    staff = of(server, "service-deep-learning")
    give_extension(staff, "homework", "student1", "2100-01-01T12:00Z", reason="ill", course=None)
    assert "That changes nothing: there is no due date" in capsys.readouterr().out
    show_policy(staff, "homework", course=None, changes={"due": "2099-01-01T12:00Z"})
    give_extension(staff, "homework", "student1", "2100-01-01T12:00Z", reason="ill", course=None)
    assert "That changes nothing" not in capsys.readouterr().out
    list_extensions(staff, "homework", course=None)
    shown = capsys.readouterr().out
    assert "student1" in shown and "2100-01-01 12:00 UTC" in shown and "ill" in shown
    give_extension(staff, "homework", "student1", "none", reason="", course=None)
    list_extensions(staff, "homework", course=None)
    assert "Nobody has an extension" in capsys.readouterr().out


def test_a_student_is_shown_the_due_date_that_counts(server, capsys):
    staff, student = of(server, "service-deep-learning"), of(server, "student1")
    give_extension(staff, "homework", "student1", "2100-01-02T12:00Z", reason="ill", course=None)
    for due, yours in (("2100-01-01T12:00Z", "2100-01-02 12:00 UTC"), ("2100-01-09T12:00Z", None), ("none", None)):
        show_policy(staff, "homework", course=None, changes={"due": due})
        capsys.readouterr()
        show_policy(student, "homework", course=None, changes={})
        shown = capsys.readouterr().out
        assert ("due for you" in shown, "2100-01-02" in shown) == (yours is not None, yours is not None)
        assert ("(your extension)" in rules(student.assignment(COURSE, "homework"))) == (yours is not None)


def test_a_receipt_is_verified_with_the_servers_key_or_a_kept_one(server, receipt, capsys):
    for key in (Client(server.url, ""), receipt / "key.pem"):
        assert verify_receipt(receipt / "receipt.json", key, folder=receipt / "work") == 0
        shown = capsys.readouterr().out
        assert "attempt 1 of student1" in shown and "unchanged" in shown and "homework.ipynb" in shown


def test_a_folder_that_is_not_what_was_submitted_is_told_apart(receipt, capsys):
    (receipt / "work" / "homework.ipynb").write_text("changed")
    (receipt / "work" / "data" / "numbers.csv").unlink()
    (receipt / "work" / "new.txt").write_text("")
    assert verify_receipt(receipt / "receipt.json", receipt / "key.pem", folder=receipt / "work") == 1
    shown = capsys.readouterr().out
    for words in ("homework.ipynb differs", "data/numbers.csv is missing", "new.txt was not submitted"):
        assert words in shown


def test_a_name_that_is_no_text_is_named_as_far_as_it_can_be(receipt, capsys):
    (receipt / "work" / os.fsdecode(b"caf\xe9")).write_text("")  # as from an archive of another system
    assert verify_receipt(receipt / "receipt.json", receipt / "key.pem", folder=receipt / "work") == 0
    assert "caf? was not submitted" in capsys.readouterr().out


def test_a_changed_receipt_is_refused(receipt):
    path = receipt / "receipt.json"
    path.write_text(path.read_text().replace("student1", "student2"))
    with pytest.raises(ReceiptError, match="changed after the server signed it"):
        verify_receipt(path, receipt / "key.pem", folder=None)
    with pytest.raises(ReceiptError, match="cannot be read"):
        verify_receipt(receipt / "nothing.json", receipt / "key.pem", folder=None)


def test_the_command_line_reads_and_says_all_this(server, receipt, monkeypatch, capsys):
    monkeypatch.setenv("ASSAY_EXCHANGE_URL", server.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token_of("service-deep-learning"))
    assert cli.main(["policy", "homework", "--due", "2100-01-01T12:00Z"]) == 0
    assert cli.main(["extension", "homework", "student1", "2101-01-01T12:00Z", "--reason", "ill"]) == 0
    assert cli.main(["extension", "homework"]) == 0
    assert cli.main(["receipt", "verify", str(receipt / "receipt.json"), "--folder", str(receipt / "work")]) == 0
    assert cli.main(["receipt", "verify", str(receipt / "receipt.json"), "--key", str(receipt / "key.pem")]) == 0
    assert "2101-01-01 12:00 UTC" in capsys.readouterr().out
    assert cli.main(["extension", "homework", "student1"]) == 2
    assert cli.main(["policy", "unknown"]) == 2
    said = capsys.readouterr().err
    assert "until when student1 has time is missing" in said
    assert "hands out no assignment unknown" in said


@pytest.fixture
def home(tmp_path):
    """The state of a server that has been started, with two courses."""
    home = tmp_path / "course" / "server"
    (home / "secrets").mkdir(parents=True)
    (home / "settings.toml").write_text('[courses.deep-learning]\nroot = ".."\n[courses.statistics]\nroot = ".."\n')
    for name in (COURSE, "statistics"):
        (home / "secrets" / f"{name}.token").write_text(f"secret-of-{name}\n")
    return home


def test_an_operator_acts_for_a_course(home):
    url = exchange_url(load(home, {}))
    assert client(home.parent, {}, "statistics") == Client(url, "secret-of-statistics")
    assert client(home.parent / "elsewhere", {"ASSAY_HOME": str(home)}, COURSE).token == f"secret-of-{COURSE}"
    assert without_token(home.parent, {}) == Client(url, "")
    with pytest.raises(CourseError, match="Choose one of deep-learning, statistics with --course-name"):
        client(home.parent, {}, None)


def test_what_the_hub_says_counts_more_than_a_folder(home):
    environ = {"ASSAY_EXCHANGE_URL": "http://hub/services/exchange", "JUPYTERHUB_API_TOKEN": "mine"}
    assert client(home.parent, environ, None) == Client("http://hub/services/exchange", "mine")


def test_where_there_is_no_server_that_is_said(tmp_path):
    with pytest.raises(ExchangeError, match="Log in to the Hub"):
        client(tmp_path, {}, None)
