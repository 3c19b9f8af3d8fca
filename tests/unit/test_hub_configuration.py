"""What the Hub is told from the settings, read back from a real configuration object."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.errors import CourseError
from assay.hub import addresses, secrets
from assay.hub.course_id import course_id
from assay.settings import CourseSettings, Settings

pytest.importorskip("jupyterhub", reason="not run: needs the hub extra")

from jupyterhub import orm
from traitlets.config import Config

from assay.hub import authenticators, configure, native

PHRASE = "a long enough phrase"
LOGIC = CourseSettings("logic", Path("/courses/logic"), ("instructor1",), ("student1",))


def configured(environ: dict[str, str] | None = None, kind: str = "native", **options: Any) -> Config:
    config = Config()
    site = Settings(Path("/server"), (LOGIC,), admins=("operator",), authenticator=kind, authenticator_options=options)
    authenticators.configure(config, site, environ or {})
    return config


class TestAddresses:
    @pytest.mark.parametrize(
        ("bound", "public", "path"),
        [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "/"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000", "/"),
            ("http://0.0.0.0:8000/physics/", "http://127.0.0.1:8000/physics", "/physics/"),
            ("http://:8000", "http://127.0.0.1:8000", "/"),
            ("http://[::1]:8000", "http://[::1]:8000", "/"),
            ("http://10.0.0.7", "http://10.0.0.7:80", "/"),
            ("https://10.0.0.7", "https://10.0.0.7:443", "/"),
        ],
    )
    def test_of_the_server(self, bound: str, public: str, path: str) -> None:
        site = Settings(Path("/server"), bind_url=bound)
        assert addresses.public_url(site) == public
        assert addresses.exchange_url(site) == f"{public}/services/exchange"
        assert addresses.base_path(site) == path

    @pytest.mark.parametrize(
        "bound", ["", "8000", "localhost:8000", "ftp://localhost", "http://h:port", "http://u@h/", "http://[1"]
    )
    def test_that_are_none(self, bound: str) -> None:
        with pytest.raises(CourseError, match="which is no address"):
            addresses.public_url(Settings(Path("/server"), bind_url=bound))

    @pytest.mark.parametrize(
        ("bound", "alone"),
        [("http://127.0.0.1:1", True), ("http://localhost:1", True), ("http://[::1]:1", True)]
        + [("http://0.0.0.0:1", False), ("http://:1", False), ("http://10.0.0.7:1", False)],
    )
    def test_that_only_this_machine_reaches(self, bound: str, alone: bool) -> None:
        assert addresses.is_loopback(Settings(Path("/server"), bind_url=bound)) is alone

    def test_free_ports_are_different_and_can_be_listened_at(self) -> None:
        ports = addresses.free_ports(20)
        assert len(set(ports)) == 20
        assert addresses.is_free(Settings(Path("/server"), bind_url=f"http://127.0.0.1:{ports[0]}"))


class TestNameOfACourse:
    def test_is_read_without_running_anything(self, tmp_path: Path) -> None:
        text = 'raise SystemExit\nc = get_config()\nc.CourseDirectory.course_id = "deep-learning"\n'
        (tmp_path / "nbgrader_config.py").write_text(text)
        assert course_id(tmp_path) == "deep-learning"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("c = 1", "does not say"),
            ("c.CourseDirectory.course_id = name()", "does not say"),
            ("c = (", "cannot be read"),
        ],
    )
    def test_has_to_be_said_plainly(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "nbgrader_config.py").write_text(text)
        with pytest.raises(CourseError, match=said):
            course_id(tmp_path)


class TestSecrets:
    def test_a_token_is_made_once_for_each_service_and_only_for_us(self, tmp_path: Path) -> None:
        site = Settings(tmp_path, (LOGIC,))
        tokens = {secrets.service_token(site, name) for name in ("exchange", "logic")} | {secrets.proxy_token(site)}
        assert len(tokens) == 3
        assert secrets.service_token(site, "logic") in tokens
        for path in (site.secrets, *site.secrets.iterdir()):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0

    @pytest.mark.parametrize(("text", "mode"), [("x" * 64, 0o640), ("short", 0o600)])
    def test_one_that_others_can_read_or_that_is_none_is_refused(self, tmp_path: Path, text: str, mode: int) -> None:
        site = Settings(tmp_path, (LOGIC,))
        secrets.make_private(site.secrets)
        (site.secrets / "logic.token").write_text(text)
        (site.secrets / "logic.token").chmod(mode)
        with pytest.raises(CourseError, match="Delete it"):
            secrets.service_token(site, "logic")

    def test_what_an_operator_acts_with(self, tmp_path: Path) -> None:
        (tmp_path / "settings.toml").write_text('[courses.logic]\nroot = "x"\n')
        with pytest.raises(CourseError, match="Start the server first"):
            secrets.operator_environment(tmp_path, "logic")
        token = secrets.service_token(Settings(tmp_path), "logic")
        assert secrets.operator_environment(tmp_path, "logic") == {
            "ASSAY_EXCHANGE_URL": "http://127.0.0.1:8000/services/exchange",
            "JUPYTERHUB_API_TOKEN": token,
        }
        with pytest.raises(CourseError, match="no course physics"):
            secrets.operator_environment(tmp_path, "physics")

    def test_passwords_differ_and_are_long_enough(self) -> None:
        made = {secrets.new_password() for _ in range(100)}
        assert len(made) == 100
        assert all(len(one) == 14 for one in made)


class TestLoggingIn:
    def test_native_lets_in_whom_an_admin_approves(self) -> None:
        config = configured()
        assert config.JupyterHub.authenticator_class.__name__ == "SignUpWithApproval"
        chosen = config.SignUpWithApproval
        assert (chosen.open_signup, chosen.check_common_password, chosen.allow_all) == (False, True, True)
        assert chosen.minimum_password_length >= 10
        assert chosen.allowed_failed_logins > 0
        assert configured(minimum_password_length=20).SignUpWithApproval.minimum_password_length == 20

    def test_oauth_lets_in_nobody_but_whom_the_settings_name(self) -> None:
        pytest.importorskip("oauthenticator")
        chosen = configured(kind="oauth", client_id="1").GenericOAuthenticator
        assert chosen.allowed_users == {"instructor1", "student1", "operator"}
        assert "allow_all" not in chosen
        assert configured(kind="oauth", client_id="1", allow_all=False).GenericOAuthenticator.allowed_users
        assert "allowed_users" not in configured(kind="oauth", allow_all=True).GenericOAuthenticator

    @pytest.mark.parametrize(
        ("more", "existing"),
        [({"allowed_groups": ["staff"]}, False), ({"allowed_users": ["guest"]}, True)]
        + [({"allowed_groups": ["staff"], "allow_existing_users": True}, True)],
    )
    def test_who_is_let_in_besides_those_whom_the_settings_name(self, more: dict[str, Any], existing: bool) -> None:
        pytest.importorskip("oauthenticator")
        chosen = configured(kind="oauth", **more).GenericOAuthenticator
        assert chosen.allowed_users == {"instructor1", "student1", "operator", *more.get("allowed_users", ())}
        assert chosen.allow_existing_users is existing

    @pytest.mark.parametrize("name", ["admin_users", "username_pattern", "manage_groups", "allow_self_approval_for"])
    def test_what_this_server_decides(self, name: str) -> None:
        with pytest.raises(CourseError, match=f"sets {name}, which SignUpWithApproval"):
            configured(**{name: "x"})

    def test_any_class_of_oauthenticator_by_its_short_name(self) -> None:
        pytest.importorskip("oauthenticator")
        assert configured(kind="oauth", **{"class": "github"}).GitHubOAuthenticator.allowed_users

    def test_secrets_from_the_environment_or_a_file(self, tmp_path: Path) -> None:
        pytest.importorskip("oauthenticator")
        environ = {"ASSAY_AUTHENTICATOR_CLIENT_SECRET": "from the environment", "ASSAY_AUTHENTICATOR": "oauth"}
        assert configured(environ, "oauth").GenericOAuthenticator.client_secret == "from the environment"
        (tmp_path / "secret").write_text("from a file\n")
        config = configured(kind="oauth", client_secret_file=str(tmp_path / "secret"))
        assert config.GenericOAuthenticator.client_secret == "from a file"

    def test_every_kind_of_option_from_the_environment(self) -> None:
        """Configuration of a kind that the option does not have is refused when the Hub makes its authenticator."""
        pytest.importorskip("oauthenticator")
        environ = {
            "ASSAY_AUTHENTICATOR_ALLOW_ALL": "false",
            "ASSAY_AUTHENTICATOR_ALLOWED_USERS": "guest1, guest2",
            "ASSAY_AUTHENTICATOR_AUTH_REFRESH_AGE": "60",
            "ASSAY_AUTHENTICATOR_CLASS": "generic-oauth",
            "ASSAY_AUTHENTICATOR_CLIENT_SECRET": '"123"',
        }
        config = configured(environ, "oauth")
        found = config.JupyterHub.authenticator_class(config=config)
        assert found.allowed_users == {"instructor1", "student1", "operator", "guest1", "guest2"}
        assert (found.allow_all, found.auth_refresh_age, found.client_secret) == (False, 60, '"123"')

    @pytest.mark.parametrize(("name", "text"), [("enable_signup", "perhaps"), ("minimum_password_length", "ten")])
    def test_a_variable_of_another_kind(self, name: str, text: str) -> None:
        with pytest.raises(CourseError, match=f"ASSAY_AUTHENTICATOR_{name.upper()} is '{text}', which is no "):
            configured({f"ASSAY_AUTHENTICATOR_{name.upper()}": text})

    def test_ldap_lets_in_nobody_but_whom_the_settings_name(self) -> None:
        pytest.importorskip("ldapauthenticator")
        chosen = configured(kind="ldap", server_address="ldap.example.org").LDAPAuthenticator
        assert chosen.allowed_users == {"instructor1", "student1", "operator"}


@pytest.fixture
def accounts() -> Iterator[native.SignUpWithApproval]:
    """Of a Hub without anybody, in memory."""
    config = configured()
    configure._configure_names(config, Settings(Path("/server")))
    database = orm.new_session_factory("sqlite:///:memory:")()
    yield native.SignUpWithApproval(config=config, db=database)
    database.close()
    database.get_bind().dispose()


class TestSigningUp:
    @pytest.mark.parametrize("name", ["alice", "a.b_c@d+e-f", "7", "a" * 63, "Alice", "\u212aim"])
    def test_with_a_name(self, accounts: native.SignUpWithApproval, name: str) -> None:
        account = accounts.create_user(name, PHRASE)
        assert account.username == name.lower()
        assert not account.is_authorized
        assert accounts.create_user(name.upper(), PHRASE) is None, "there is one"

    @pytest.mark.parametrize(
        "name", ["", "-a", "a b", "a/b", "bob;x", "k\xe4te", "alice\u200b", "alice\n", "a" * 64, "x\0", "\u0430lice"]
    )
    def test_with_what_is_no_name(self, accounts: native.SignUpWithApproval, name: str) -> None:
        """An admin could take one with a sign that cannot be seen for another's."""
        assert accounts.create_user(name, PHRASE) is None

    def test_open_to_all_but_not_with_a_name_that_has_rights(self, accounts: native.SignUpWithApproval) -> None:
        accounts.open_signup = True
        accounts.db.add(orm.User(name="instructor1"))
        accounts.db.commit()
        assert not accounts.create_user("Instructor1", PHRASE).is_authorized
        assert accounts.create_user("alice", PHRASE).is_authorized

    def test_with_a_password_that_bcrypt_does_not_take(self, accounts: native.SignUpWithApproval) -> None:
        assert accounts.create_user("alice", "\xe4" * 37) is None
        assert accounts.create_user("alice", "\xe4" * 36)
        asked = {"username": "alice", "password": "x" * 73}
        assert asyncio.run(accounts.authenticate(None, asked)) is None


def test_services_see_the_operators_choices_and_no_secret_of_logging_in() -> None:
    environ = {
        "ASSAY_JOBS": "2",
        "ASSAY_DATABASE": "postgresql://db",
        "ASSAY_AUTHENTICATOR_CLIENT_SECRET": "s",
        "HOME": "/",
    }
    found = configure._environments(Settings(Path("/server"), (LOGIC,)), environ)
    own = {"HOME": "/", "ASSAY_JOBS": "2", "ASSAY_DATABASE": "postgresql://db"}
    assert found["exchange"] == found["grading-logic"] == own
    assert set(found["logic"]) == {"ASSAY_EXCHANGE_URL", "JUPYTER_CONFIG_PATH"}
    assert "s" not in {value for one in found.values() for value in one.values()}
    assert os.path.isdir(found["logic"]["JUPYTER_CONFIG_PATH"])
