"""Spawners of real users of JupyterHub, in a database in memory, without a Hub that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlparse

from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User
from traitlets.config import Config

from assay.settings import Settings


class Site:
    """Users of one Hub. A second one with the same database is that Hub after a restart."""

    def __init__(self, settings: Settings, spawner_class: type, config: Config, database: Any = None) -> None:
        self.settings, self.spawner_class, self.config = settings, spawner_class, config
        self.database = database or orm.new_session_factory("sqlite:///:memory:")()
        self.users: dict[str, User] = {}

    def restarted(self) -> Site:
        return Site(self.settings, self.spawner_class, self.config, self.database)

    def spawner(self, name: str, groups: tuple[str, ...] = (), *, new: bool = False, **arguments: Any) -> Any:
        """The spawner of a user, as the Hub makes it, with the state that the database has."""
        if name not in self.users:
            self.users[name] = User(self._in_database(name, groups), self._as_the_hub_has_them())
        user = self.users[name]
        if "" not in user.orm_user.orm_spawners:
            self.database.add(orm.Spawner(user=user.orm_user, name=""))
            self.database.commit()
        if "" not in user.spawners or new:
            user.spawners[""] = user._new_spawner("", **arguments)
        return user.spawners[""]

    def kept(self, spawner: Any) -> None:
        """What the Hub does when a server has started, and when it has stopped."""
        spawner.orm_spawner.state = spawner.get_state()
        self.database.commit()

    def _in_database(self, name: str, groups: tuple[str, ...]) -> orm.User:
        found = orm.User.find(self.database, name)
        if found is None:
            found = orm.User(name=name)
            self.database.add(found)
        for group in groups:
            found.groups.append(orm.Group.find(self.database, group) or orm.Group(name=group))
        self.database.commit()
        return found

    def _as_the_hub_has_them(self) -> dict[str, Any]:
        return {
            "spawner_class": self.spawner_class,
            "config": self.config,
            "hub": Hub(ip="127.0.0.1", port=8081, base_url="/hub/"),
            "base_url": "/",
            "public_url": urlparse("http://127.0.0.1:8000/"),
            "cookie_options": {},
        }


@contextmanager
def new_site(settings: Settings, spawner_class: type, *configure: Callable[[Config, Settings], None]) -> Iterator[Site]:
    """A Hub that these have configured, as long as its database is needed."""
    config = Config()
    for part in configure:
        part(config, settings)
    site = Site(settings, spawner_class, config)
    try:
        yield site
    finally:
        site.database.close()
        site.database.get_bind().dispose()
