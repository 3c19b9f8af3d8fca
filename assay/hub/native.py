"""Accounts with passwords of this server's own: whoever signs up waits until an admin has approved."""

from __future__ import annotations

from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo


class SignUpWithApproval(NativeAuthenticator):  # type: ignore[misc]
    """NativeAuthenticator, where the name of an admin does not approve whoever signs up with it first."""

    def get_authed_users(self) -> set[str]:
        """Those whom an admin or the operator has approved."""
        return {info.username for info in UserInfo.all_users(self.db) if info.is_authorized}
