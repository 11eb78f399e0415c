"""The servers that an instance talks to: a database, a broker, a cache. Knows no Django and starts nothing."""

from dataclasses import dataclass
from typing import TypedDict

from common.plugins import import_reference

EMBEDDED = "drawbench.local.addresses:embedded_servers"
"""By name: an instance whose servers are all named in the environment loads nothing of `drawbench.local`."""


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


def embedded_servers() -> Servers:
    """The embedded servers of this instance, whether they run or not."""
    servers = import_reference(EMBEDDED)()
    assert isinstance(servers, Servers)
    return servers
