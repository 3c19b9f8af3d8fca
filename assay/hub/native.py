"""Accounts with passwords of this server's own: whoever signs up waits until an admin has approved.

NativeAuthenticator 1.3.0 was written for JupyterHub before 6. Its login page calls what is gone there, and its links
that approve and discard somebody can be followed from any page an admin looks at. Both are mended here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nativeauthenticator
from nativeauthenticator import NativeAuthenticator, handlers
from nativeauthenticator.orm import UserInfo
from tornado.escape import url_escape
from tornado.web import HTTPError

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
        account = self.authenticator.get_user(name)
        error = "Invalid username or password."
        if account is not None and not account.is_authorized and account.is_valid_password(password):
            error = f"User {name} has not been authorized by an administrator yet."
        self.finish(await self._render(login_error=error, username=name))


class Approve(handlers.ToggleAuthorizationHandler):  # type: ignore[misc]
    """/hub/authorize/NAME"""

    async def get(self, slug: str) -> None:
        """A link changes nothing: any page could have one."""
        raise HTTPError(405)

    async def post(self, slug: str) -> None:
        await super().get(slug)


class Discard(handlers.DiscardHandler):  # type: ignore[misc]
    """/hub/discard/NAME"""

    async def get(self, user_name: str) -> None:
        """A link changes nothing: any page could have one."""
        raise HTTPError(405)

    async def post(self, user_name: str) -> None:
        await super().get(user_name)


_MENDED = {
    handlers.LoginHandler: LoginPage,
    handlers.ToggleAuthorizationHandler: Approve,
    handlers.DiscardHandler: Discard,
}


class SignUpWithApproval(NativeAuthenticator):  # type: ignore[misc]
    """NativeAuthenticator, where the name of an admin does not approve whoever signs up with it first."""

    def get_authed_users(self) -> set[str]:
        """Those whom an admin or the operator has approved."""
        return {info.username for info in UserInfo.all_users(self.db) if info.is_authorized}

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:
        return [(path, _MENDED.get(handler, handler)) for path, handler in super().get_handlers(app)]
