"""`assay serve`: the demo at its first start, a site of one's own, and that a restart loses nothing."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.errors import AssayError, CourseError
from assay.hub import programs, serve
from tests.support import hub as hubs
from tests.support.hub import Running

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")
pytestmark = pytest.mark.xdist_group("serve")

PEOPLE = {"instructor1", "student1", "student2"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The first start in a course folder that has never been served."""
    folder = tmp_path_factory.mktemp("demo")
    with hubs.running(hubs.make_course(folder / "course"), folder / "home") as hub:
        yield hub


def site(folder: Path, more: str = "", *, demo: bool = False, **course: object) -> tuple[Path, Path]:
    """A course folder and a server's folder with settings of its own."""
    root, home = hubs.make_course(folder / "course"), folder / "home"
    keys = "".join(f"{name} = {value}\n" for name, value in course.items())
    flag = "demo = true\n" if demo else ""
    hubs.write_settings(home, f'{flag}{more}\n[courses.course]\nroot = "{root}"\n{keys}')
    return root, home


def command(root: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Another command of the operator."""
    program = [str(Path(sys.executable).with_name("assay")), "--course", str(root), *words]
    return subprocess.run(
        program, env={**os.environ, "ASSAY_HOME": str(home), "COLUMNS": "200"}, capture_output=True, text=True
    )


def password_of(printed: str) -> str:
    found = re.search(r"\b[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}\b", printed)
    assert found, printed
    return found[0]


class TestFirstStart:
    def test_prints_passwords_protection_and_the_address_last(self, demo: Running) -> None:
        assert set(demo.passwords) == PEOPLE
        assert len(set(demo.passwords.values())) == 3
        assert "settings.toml for a demo of this course" in demo.printed
        assert demo.printed.strip().splitlines()[-1] == f"Open {demo.url}"

    def test_of_the_passwords_only_hashes_are_kept(self, demo: Running) -> None:
        kept = b"".join(path.read_bytes() for path in demo.home.rglob("*") if path.is_file())
        assert b"student1" in kept
        assert not [name for name, password in demo.passwords.items() if password.encode() in kept]

    def test_everybody_gets_in_with_theirs_and_into_their_group(self, demo: Running) -> None:
        groups = {name: demo.log_in(name).get("/hub/api/user").json()["groups"] for name in PEOPLE}
        student, instructor = ["nbgrader-course"], ["formgrade-course"]
        assert groups == {"student1": student, "student2": student, "instructor1": instructor}
        assert not any(demo.log_in(name).get("/hub/api/user").json()["admin"] for name in PEOPLE)

    @pytest.mark.parametrize("name", ["student1", "nobody", "course", "exchange"])
    def test_a_wrong_password_lets_nobody_in(self, demo: Running, name: str) -> None:
        assert demo.try_log_in(name, "aaaa-bbbb-cccc").get("/hub/api/user").status_code == 403

    def test_secrets_and_databases_are_for_the_server_alone(self, demo: Running) -> None:
        for folder in (demo.home / "secrets", demo.home / "hub"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        secret = [*(demo.home / "secrets").iterdir(), demo.home / "settings.toml", demo.home / "hub/jupyterhub.sqlite"]
        assert len(secret) > 5
        assert {path: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in secret} == dict.fromkeys(secret, 0)

    def test_a_second_server_in_the_same_folder_is_refused(self, demo: Running, tmp_path: Path) -> None:
        printed = refused_by_the_command(demo.root, demo.home, tmp_path / "out")
        assert f"The server of {demo.home} runs already" in printed

    def test_a_new_password_counts_at_once(self, demo: Running) -> None:
        done = command(demo.root, demo.home, "user", "student2")
        assert done.returncode == 0, done.stderr
        new = password_of(done.stdout)
        assert new != demo.passwords["student2"]
        assert demo.try_log_in("student2", demo.passwords["student2"]).get("/hub/api/user").status_code == 403
        assert demo.log_in("student2", new).name == "student2"
        assert demo.log_in("student1").name == "student1"

    def test_the_pages_around_passwords_open(self, demo: Running) -> None:
        student = demo.log_in("student1")
        assert "change-password" in student.visit("/hub/home").text
        assert student.visit("/hub/change-password").status_code == 200
        assert student.visit("/hub/signup").status_code == 200
        assert student.visit("/hub/authorize").status_code == 403


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    root, home = hubs.make_course(tmp_path / "course"), tmp_path / "home"
    with hubs.running(root, home) as first:
        token = first.log_in("student1").token().json()["token"]
        of_course = first.service_token("course")
        first.ask("POST", "/hub/api/groups/nbgrader-course/users", of_course, json={"users": ["instructor1"]})
        made = {path.name: path.read_text() for path in (home / "secrets").iterdir()}
        cookies = first.log_in("student2").session.cookies
    assert first.process.returncode == 0
    assert hubs.left_behind(home) == {}
    with hubs.running(root, home, environ={"ASSAY_BIND_URL": first.url}) as second:
        assert second.passwords == {}
        assert "assay user NAME" in second.printed
        assert second.log_in("student1", first.passwords["student1"]).name == "student1"
        assert second.ask("GET", "/hub/api/user", token).json()["name"] == "student1"
        groups = second.log_in("instructor1", first.passwords["instructor1"]).get("/hub/api/user").json()["groups"]
        assert sorted(groups) == ["formgrade-course", "nbgrader-course"]
        assert {path.name: path.read_text() for path in (home / "secrets").iterdir()} == made
        still_in = hubs.Person(second, "student2")
        still_in.session.cookies.update(cookies)
        assert still_in.get("/hub/api/user").json()["name"] == "student2"


@pytest.mark.parametrize("killed", ["the Hub", "the command"])
def test_after_kill_9_nothing_is_left_and_a_new_start_works(tmp_path: Path, killed: str) -> None:
    root, home = hubs.make_course(tmp_path / "course"), tmp_path / "home"
    first = hubs.start(root, home)
    try:
        first.log_in("student1").start_server()
        assert len(hubs.left_behind(home)) > 4
        os.kill(first.pid if killed == "the Hub" else first.process.pid, signal.SIGKILL)
        assert first.process.wait(60) == (1 if killed == "the Hub" else -signal.SIGKILL)
        hubs.wait_for(lambda: not hubs.left_behind(home), "the end of all its processes")
        with hubs.running(root, home, environ={"ASSAY_BIND_URL": first.url}) as second:
            student = second.log_in("student1", first.passwords["student1"])
            student.start_server()
            assert student.get("/user/student1/api/status").status_code == 200
    finally:
        hubs.end(first.process)


def test_a_site_of_ones_own_has_no_users_until_an_admin_approves(tmp_path: Path) -> None:
    root, home = site(tmp_path, 'admins = ["operator"]')
    with hubs.running(root, home) as hub:
        assert hub.passwords == {}
        assert "assay user NAME" in hub.printed
        sign_up(hub, "student7", "a long enough phrase")
        assert "not been authorized" in told_at_login(hub, "student7", "a long enough phrase")
        for _ in range(9):
            assert "Invalid" in told_at_login(hub, "student7", "a guess")
        assert "Invalid" in told_at_login(hub, "student7", "a long enough phrase"), "guessing goes on"
        for name in ("operator", "student9"):
            sign_up(hub, name, "a long enough phrase")
            assert hub.try_log_in(name, "a long enough phrase").get("/hub/api/user").status_code == 403
        sign_up(hub, "student8", "password")
        admin = hub.log_in("operator", password_of(command(root, home, "user", "operator").stdout))
        assert admin.get("/hub/api/user").json()["admin"] is True
        page = admin.visit("/hub/authorize").text
        assert "student9" in page
        assert "student8" not in page, "its password is too common"
        assert admin.visit("/hub/authorize/student9").status_code == 405, "a link approves nobody"
        assert admin.session.post(f"{hub.url}/hub/authorize/student9").status_code == 403, "nor another page's form"
        assert hub.try_log_in("student9", "a long enough phrase").get("/hub/api/user").status_code == 403
        assert admin.post("/hub/authorize/student9").status_code == 200
        assert hub.log_in("student9", "a long enough phrase").get("/hub/api/user").json()["groups"] == []
        assert hub.log_in("student9", "a long enough phrase").post("/hub/authorize/operator").status_code == 403


def test_what_an_admin_withdraws_or_discards(tmp_path: Path) -> None:
    root, home = site(tmp_path, 'admins = ["operator"]', students='["student1"]')
    phrase = "a long enough phrase"
    with hubs.running(root, home) as hub:
        admin = hub.log_in("operator", password_of(command(root, home, "user", "operator").stdout))
        sign_up(hub, "student1", "of somebody else's")
        assert admin.post("/hub/discard/student1").status_code == 200
        sign_up(hub, "student1", phrase)
        assert admin.post("/hub/authorize/student1").status_code == 200
        student = hub.log_in("student1", phrase)
        assert student.post("/hub/discard/operator").status_code == 403
        assert student.get("/hub/api/user").json()["groups"] == ["nbgrader-course"], "discarding changed the course"
        token = student.token().json()["token"]
        student.start_server()
        assert admin.post("/hub/authorize/student1").status_code == 200
        assert student.get("/hub/api/user").status_code == 403
        assert hub.ask("GET", "/hub/api/user", token).status_code == 403
        hubs.wait_for(lambda: not admin.get("/hub/api/users/student1").json()["servers"], "the end of the server")
        assert hub.try_log_in("student1", phrase).get("/hub/api/user").status_code == 403


def told_at_login(hub: Running, name: str, password: str) -> str:
    """The page that follows."""
    person = hubs.Person(hub, name)
    person.visit("/hub/login")
    return person.post("/hub/login", data={"username": name, "password": password}).text


def sign_up(hub: Running, name: str, password: str) -> None:
    """As the form does."""
    person = hubs.Person(hub, name)
    person.visit("/hub/signup")
    form = {"username": name, "signup_password": password, "signup_password_confirmation": password}
    person.post("/hub/signup", data=form)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A site with choices of its own, where a killed Hub left the number of a process that is another's by now."""
    people = {"everyone": "true", "instructors": '["instructor1"]', "students": '["student1"]'}
    root, home = site(tmp_path_factory.mktemp("chosen"), 'admins = ["operator"]', demo=True, **people)
    own = (hubs.ROOT / "jupyterhub_config.py").read_text()
    more = 'c.JupyterHub.template_vars = {"announcement": "Closed on Friday."}\n'
    (root / "jupyterhub_config.py").write_text(own + more)
    (home / "hub").mkdir(mode=0o700)
    with subprocess.Popen(["sleep", "3000"]) as other:
        (home / "hub" / "proxy.pid").write_text(str(other.pid))
        secrets = {"PGPASSWORD": "of a database", "ASSAY_AUTHENTICATOR_SECRET_KEY": "of logging in"}
        with hubs.running(root, home, environ=secrets) as hub:
            assert other.poll() is None, "it was taken for the proxy"
            other.kill()
            yield hub


class TestChoices:
    def test_a_sites_own_configuration_counts_most(self, chosen: Running) -> None:
        assert "Closed on Friday." in hubs.Person(chosen, "anybody").visit("/hub/login").text

    def test_the_proxy_has_no_secret_of_the_hub(self, chosen: Running) -> None:
        proxy = int((chosen.home / "hub" / "proxy.pid").read_text())
        assert b"configurable-http-proxy" in Path(f"/proc/{proxy}/cmdline").read_bytes()
        for secret in (b"of a database", b"of logging in"):
            assert secret in Path(f"/proc/{chosen.pid}/environ").read_bytes()
            assert secret not in Path(f"/proc/{proxy}/environ").read_bytes()

    def test_everyone_who_starts_a_server_becomes_a_student(self, chosen: Running) -> None:
        for name, groups in (("operator", ["nbgrader-course"]), ("instructor1", ["formgrade-course"])):
            person = chosen.log_in(name)
            person.start_server()
            assert person.get("/hub/api/user").json()["groups"] == groups

    def test_guessing_is_stopped_after_ten_times(self, chosen: Running) -> None:
        assert chosen.log_in("student1").name == "student1"
        for _ in range(10):
            chosen.try_log_in("student1", "aaaa-bbbb-cccc")
        assert chosen.try_log_in("student1", chosen.passwords["student1"]).get("/hub/api/user").status_code == 403


def test_whom_the_settings_no_longer_name_is_out_of_the_course_and_no_admin(tmp_path: Path) -> None:
    root, home = site(tmp_path, 'admins = ["operator"]', students='["student1", "student2"]', demo=True)
    with hubs.running(root, home) as hub:
        passwords = hub.passwords
        assert hub.log_in("operator").visit("/hub/admin").status_code == 200
        token = hub.service_token("course")
        hub.ask("POST", "/hub/api/groups/nbgrader-course/users", token, json={"users": ["student2"]})
    settings = (home / "settings.toml").read_text()
    hubs.write_settings(home, settings.replace('"student1", ', "").replace('admins = ["operator"]', ""))
    with hubs.running(root, home) as hub:
        operator = hub.log_in("operator", passwords["operator"])
        assert operator.get("/hub/api/user").json()["admin"] is False
        assert operator.visit("/hub/admin").status_code == operator.get("/hub/api/users").status_code == 403
        assert hub.log_in("student1", passwords["student1"]).get("/hub/api/user").json()["groups"] == []
        assert hub.log_in("student2", passwords["student2"]).get("/hub/api/user").json()["groups"] == [
            "nbgrader-course"
        ]


def test_a_mistake_in_a_sites_own_configuration_is_shown(tmp_path: Path) -> None:
    root, home = site(tmp_path)
    (root / "jupyterhub_config.py").write_text('raise ValueError("a mistake of the site")\n')
    printed = refused_by_the_command(root, home, tmp_path / "out")
    assert "assay: The Hub did not start" in printed
    assert "ValueError: a mistake of the site" in printed
    assert hubs.left_behind(home) == {}


def refused(root: Path, home: Path, **environ: str) -> str:
    """What is said where the server does not start."""
    with pytest.raises(AssayError) as caught:
        serve.prepare(root, {"ASSAY_HOME": str(home), "PATH": os.environ["PATH"], **environ})
    return str(caught.value)


def refused_by_the_command(root: Path, home: Path, output: Path, **environ: str) -> str:
    """All that the command prints then."""
    process = hubs.serve(root, home, output, environ=environ)
    try:
        assert process.wait(120) == 2, output.read_text()
    finally:
        hubs.end(process)
    return output.read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("job = 3", "sets job, which nothing reads"),
        ('admins = ["Operator"]', "'Operator' among the admins can be nobody's name"),
        ('[courses.other]\nroot = "."\nstudents = ["Anna M\u00fcller"]', "among the students of other"),
        ('bind_url = "localhost"', "bind_url is 'localhost', which is no address"),
        ('[authenticator]\nkind = "dummy"', "Choose one of: native, oauth, lti13, ldap"),
        ('[authenticator]\nkind = "oauth"\nclient_id = "1"', "Nobody could log in"),
        ('[authenticator]\nkind = "oauth"\nallow_all = true\nclient = "1"', "sets client, which GenericOAuthenticator"),
        ('[authenticator]\nkind = "oauth"\nclass = "dummy"', "dummy is no authenticator of oauthenticator"),
        ('[authenticator]\nkind = "lti13"\nmanage_groups = true', "sets manage_groups"),
        ('[authenticator]\nkind = "ldap"\nlookup_dn_search_password_file = "nowhere"', "cannot be read"),
        ('[authenticator]\nclass = "github"', "has a class only where its kind is oauth"),
    ],
)
def test_wrong_settings_are_explained(tmp_path: Path, more: str, said: str) -> None:
    root, home = hubs.make_course(tmp_path / "course"), tmp_path / "home"
    hubs.write_settings(home, f'{more}\n[courses.course]\nroot = "{root}"\n')
    assert said in refused(root, home)


def test_a_course_that_calls_itself_otherwise_is_explained(tmp_path: Path) -> None:
    root, home = hubs.make_course(tmp_path / "course", "logic"), tmp_path / "home"
    hubs.write_settings(home, f'[courses.course]\nroot = "{root}"\n')
    assert "calls itself 'logic'" in refused(root, home)


def test_a_course_that_is_not_there_is_explained(tmp_path: Path) -> None:
    home = tmp_path / "home"
    hubs.write_settings(home, '[courses.course]\nroot = "nowhere"\n')
    assert "is not a course: it has no folder source/" in refused(tmp_path, home)


def test_an_empty_folder_is_no_demo(tmp_path: Path) -> None:
    assert "has no nbgrader_config.py" in refused(tmp_path, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_site_without_courses_is_explained(tmp_path: Path) -> None:
    hubs.write_settings(tmp_path / "home", "demo = false")
    assert "names no course" in refused(tmp_path, tmp_path / "home")


def test_open_secrets_are_explained(tmp_path: Path) -> None:
    root, home = site(tmp_path)
    (home / "secrets").mkdir(mode=0o700)
    (home / "secrets" / "course.token").write_text("x")
    (home / "secrets" / "course.token").chmod(0o644)
    assert "can be read by other users" in refused(root, home)
    (home / "secrets").chmod(0o755)
    assert "is open to other users" in refused(root, home)


def test_an_account_of_no_server_is_explained(tmp_path: Path) -> None:
    done = command(hubs.make_course(tmp_path / "course"), tmp_path / "home", "user", "operator")
    assert done.returncode == 2
    assert "is no server's folder" in done.stderr
    assert not (tmp_path / "home").exists(), "accounts were made for a server that nobody starts"


def test_a_taken_address_is_explained(tmp_path: Path, demo: Running) -> None:
    root, home = site(tmp_path)
    printed = refused_by_the_command(root, home, tmp_path / "out", ASSAY_BIND_URL=demo.url)
    assert f"assay: {demo.url} is taken" in printed
    assert "Traceback" not in printed


def test_a_demo_for_others_is_refused(tmp_path: Path) -> None:
    root, home = site(tmp_path, demo=True)
    assert "The demo is for this machine alone" in refused(root, home, ASSAY_BIND_URL="http://0.0.0.0:8000")


def test_a_missing_proxy_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROXY", "configurable-http-proxy-that-is-not-there")
    with pytest.raises(CourseError, match="npm install --global --prefix"):
        programs.proxy_program("/usr/bin:/bin")
