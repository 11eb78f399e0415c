"""What an instance has besides its folder: a database, a broker, a cache. Knows no Django and starts nothing."""

from dataclasses import dataclass
from typing import TypedDict

from common.plugins import import_reference

LOCAL = "drawbench.local.instance:local_instance"
"""By name: an instance in production names all its servers, and loads nothing of `drawbench.local`."""


class Database(TypedDict):
    """What Django asks to know of a PostgreSQL database."""

    ENGINE: str
    HOST: str
    PORT: str
    NAME: str
    USER: str
    PASSWORD: str
    CONN_MAX_AGE: int | None
    CONN_HEALTH_CHECKS: bool
    OPTIONS: dict[str, str | int]


@dataclass(frozen=True)
class Servers:
    """The database, and the addresses of the broker and the cache."""

    database: Database
    broker: str
    cache: str


@dataclass(frozen=True)
class LocalInstance:
    """`servers`: the embedded ones. `url`: where it is served."""

    servers: Servers
    url: str


def local_instance() -> LocalInstance:
    """The local instance of this environment, whether it runs or not.

    Raises:
        UserError: it is another user's.
    """
    instance = import_reference(LOCAL)()  # type: ignore[operator]  # the name is that of a function
    assert isinstance(instance, LocalInstance)
    return instance


def postgresql(
    *, host: str, port: str, name: str, user: str, password: str = "", options: dict[str, str | int] | None = None
) -> Database:
    """A PostgreSQL database as this project talks to it. `options`: further ones of the connection."""
    return Database(
        ENGINE="django.db.backends.postgresql",
        HOST=host,
        PORT=port,
        NAME=name,
        USER=user,
        PASSWORD=password,
        # Connections are kept: opening one for each request costs seven times the request itself.
        CONN_MAX_AGE=None,
        CONN_HEALTH_CHECKS=True,
        OPTIONS={"connect_timeout": 10, **(options or {})},
    )
