"""Accounts with passwords of this server's own: whoever signs up waits until an admin has approved.

NativeAuthenticator 1.3.0 was written for JupyterHub before 6. Its login page calls what is gone there, and its links
that approve and discard somebody can be followed from any page an admin looks at; withdrawing leaves whoever is logged
in, and discarding takes a name out of its courses. All of it is mended here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import nativeauthenticator
from jupyterhub import orm
from nativeauthenticator import NativeAuthenticator, handlers
from nativeauthenticator.orm import UserInfo
from tornado.escape import url_escape
from tornado.web import HTTPError

LONGEST = 72  # bytes of a password; bcrypt takes no more
TEMPLATES = [str(Path(__file__).parent / "templates"), str(Path(nativeauthenticator.__file__).parent / "templates")]


class LoginPage(handlers.LoginHandler):  # type: ignore[misc]
    """/hub/login"""

    def _render(self, login_error: str | None = None, username: str | None = None, **how: Any) -> Any:
        return self.render_template(
            "native-login.html",
            next=url_escape(self.get_argument("next", default="")),
            username=username,
            login_error=login_error,
            login_url=self.settings["login_url"],
            enable_signup=self.authenticator.enable_signup,
            two_factor_auth=self.authenticator.allow_2fa,
            xsrf=self.xsrf_token.decode("ascii"),
            **how,
        )

    async def post(self) -> None:
        data = {name: self.get_argument(name, strip=False) for name in self.request.arguments}
        user = await self.login_user(data)
        if user:
            self._jupyterhub_user = user
            self.redirect(self.get_next_url(user))
            return
        name, password = data.get("username", ""), data.get("password", "")
        guessing = too_long(password) or self.authenticator.is_blocked(self.authenticator.normalize_username(name))
        account = None if guessing else self.authenticator.get_user(name)
        error = "Invalid username or password."
        if account is not None and not account.is_authorized and account.is_valid_password(password):
            error = f"User {name} has not been authorized by an administrator yet."
        self.finish(await self._render(login_error=error, username=name))


class SignUp(handlers.SignUpHandler):  # type: ignore[misc]
    """/hub/signup"""

    def get_result_message(self, user: Any, human: bool, taken: bool, alike: bool, admin: bool) -> tuple[str, str]:
        """How the page shows it, and what it says. An admin's name approves nobody."""
        if user and not user.is_authorized:
            return "alert-info", "You have an account now, and can log in as soon as an administrator has approved it."
        if user or taken or not human or not alike:
            return cast(tuple[str, str], super().get_result_message(user, human, taken, alike, False))
        return "alert-danger", (
            "There is no new account. A name has up to 63 small letters a to z, digits and ._@+- and begins with a "
            f"letter or digit; a password has at least {self.authenticator.minimum_password_length} characters, at "
            f"most {LONGEST} bytes, and is not a common one."
        )


class Approve(handlers.ToggleAuthorizationHandler):  # type: ignore[misc]
    """/hub/authorize/NAME: approve somebody, or withdraw that, which counts at once."""

    async def get(self, slug: str) -> None:
        """A link changes nothing: any page could have one."""
        raise HTTPError(405)

    async def post(self, slug: str) -> None:
        await super().get(slug)
        if not self.authenticator.get_user(slug).is_authorized:
            await self._turn_out(slug)

    async def _turn_out(self, name: str) -> None:
        """End what somebody has from earlier logins: servers, tokens, cookies."""
        user = self.find_user(name)
        if user is None:
            return
        user.orm_user.cookie_id = orm.new_token()
        for token in list(user.orm_user.api_tokens):
            self.db.delete(token)
        self.db.commit()
        for server, spawner in list(user.spawners.items()):
            if spawner.ready:
                await self.stop_single_user(user, server)


class Discard(handlers.DiscardHandler):  # type: ignore[misc]
    """/hub/discard/NAME: forget that somebody has signed up. The name keeps its courses, for whose it is."""

    async def get(self, user_name: str) -> None:
        """A link changes nothing: any page could have one."""
        raise HTTPError(405)

    @handlers.admin_users_scope  # type: ignore[untyped-decorator]
    async def post(self, user_name: str) -> None:
        account = self.authenticator.get_user(user_name)
        if account is not None and not account.is_authorized:
            self.db.delete(account)
            self.db.commit()
        self.redirect(f"{self.hub.base_url}authorize")


_MENDED = {
    handlers.LoginHandler: LoginPage,
    handlers.SignUpHandler: SignUp,
    handlers.ToggleAuthorizationHandler: Approve,
    handlers.DiscardHandler: Discard,
}


class SignUpWithApproval(NativeAuthenticator):  # type: ignore[misc]
    """NativeAuthenticator, where the name of an admin does not approve whoever signs up with it first."""

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """The name of whose password it is."""
        if too_long(data["password"]):
            return None
        return cast(str | None, await super().authenticate(handler, data))

    def is_password_strong(self, password: str) -> bool:
        """Whether somebody may choose it."""
        return not too_long(password) and super().is_password_strong(password)

    def create_user(self, username: str, password: str, **more: Any) -> UserInfo | None:
        """A new account; None where it cannot be. Even with `open_signup` a name that the Hub knows has to be approved.

        The settings or a formgrader have named it: whoever has it has the rights of an admin, or in a course.
        """
        known = orm.User.find(self.db, self.normalize_username(username)) is not None
        account = super().create_user(username, password, **more)
        if account is not None and known:
            account.is_authorized = False
            self.db.commit()
        return account

    def get_authed_users(self) -> set[str]:
        """Those whom an admin or the operator has approved."""
        return {info.username for info in UserInfo.all_users(self.db) if info.is_authorized}

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        return [(path, _MENDED.get(handler, handler)) for path, handler in super().get_handlers(app)]


def too_long(password: str) -> bool:
    """Whether it cannot be anybody's password."""
    return len(password.encode()) > LONGEST
