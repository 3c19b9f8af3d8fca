"""Accounts of the Hub: people with passwords of this server's own, and whom the settings no longer name."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.errors import CourseError
from assay.hub import roles, secrets
from assay.hub.configure import USERNAME, hub_database
from assay.settings import FILE, Settings

ADMINS = "admins"  # among the names of groups, which are longer


def set_new_password(settings: Settings, name: str) -> str:
    """A new password for somebody, approved, who is made where there is none of that name. Only its hash is kept.

    The Hub may be running. Raises CourseError for a name that the Hub refuses, or where others keep the passwords.
    """
    if settings.authenticator != "native":
        raise CourseError(
            f"Passwords are not kept here: people log in by {settings.authenticator}. "
            f"Put {name} into {settings.home / FILE}, or change the password there."
        )
    if not re.fullmatch(USERNAME, name):
        raise CourseError(
            f"Nobody can be called {name!r}. Use up to 63 small letters, digits and ._@+- that begin "
            "with a letter or digit."
        )
    with _database(settings) as session:
        return _set_password(session, name)


def make_missing(settings: Settings, names: Iterator[str] | list[str]) -> dict[str, str]:
    """A password for each of those who have none yet. Raises CourseError."""
    made = {}
    with _database(settings) as session:
        for name in names:
            if _find(session, name) is None:
                made[name] = _set_password(session, name)
    return made


def forget_removed_members(settings: Settings) -> None:
    """Take from those whom the settings named at the last start, and no longer do, their groups or an admin's rights.

    The Hub only adds. Who got them otherwise, by the formgrader or an admin, keeps them. Only while the Hub is stopped.
    """
    path = settings.hub / "named.json"
    now = {name: one["users"] for name, one in roles.groups(settings).items()} | {ADMINS: sorted(settings.admins)}
    before: dict[str, list[str]] = json.loads(path.read_text()) if path.is_file() else {}
    with _database(settings) as session:
        from jupyterhub import orm

        for name in set(before.pop(ADMINS, ())) - set(settings.admins):
            if (user := orm.User.find(session, name)) is not None:
                user.admin, user.roles = False, [role for role in user.roles if role.name != "admin"]
        for group_name, members in before.items():
            group = orm.Group.find(session, group_name)
            gone = set(members) - set(now.get(group_name, ()))
            if group is not None:
                group.users = [user for user in group.users if user.name not in gone]
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(now, indent=1))
    new.replace(path)


@contextmanager
def _database(settings: Settings) -> Iterator[Any]:
    """One transaction in the Hub's database, which is made, or brought up to date, first."""
    from jupyterhub import dbutil, orm
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    secrets.make_private(settings.hub)
    url = hub_database(settings)
    logging.disable(logging.INFO)  # steps of the migration, which only a failure makes worth reading
    try:
        once = {"poolclass": NullPool}  # what it opens it leaves open
        dbutil.upgrade_if_needed(url, db_kwargs=once, log=logging.getLogger("assay.hub"))
        session = orm.new_session_factory(url)()
        if url.startswith("sqlite"):
            (settings.hub / "jupyterhub.sqlite").chmod(0o600)
    except SQLAlchemyError as error:
        raise CourseError(f"The Hub's database cannot be opened ({error}). See {settings.hub}.") from error
    finally:
        logging.disable(logging.NOTSET)
    try:
        yield session
        session.commit()
    except SQLAlchemyError as error:
        raise CourseError(f"The Hub's database failed ({error}). Nothing was changed; try again.") from error
    finally:
        session.close()
        session.bind.dispose()


def _find(session: Any, name: str) -> Any:
    from nativeauthenticator.orm import UserInfo

    UserInfo.__table__.create(session.bind, checkfirst=True)
    return UserInfo.find(session, name)


def _set_password(session: Any, name: str) -> str:
    import bcrypt
    from nativeauthenticator.orm import UserInfo

    password = secrets.new_password()
    account = _find(session, name)
    if account is None:
        account = UserInfo(username=name)
        session.add(account)
    account.password = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
    account.is_authorized = True
    account.has_2fa = False  # of whoever asks the operator for a new password, the second factor is lost too
    return password
