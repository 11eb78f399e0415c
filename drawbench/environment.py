"""What `drawbench/settings.py` lets an operator choose, with a plain message for a wrong value."""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from common.files import partial_file
from drawbench.instance import Database, Servers, postgresql
from drawbench.places import secret_key_file

SHORTEST_SECRET, FEWEST_CHARACTERS = 32, 8


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def required(name: str, why: str) -> str:
    """A value that a production instance can't do without."""
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {why}")
    return value


def required_list(name: str, why: str) -> list[str]:
    """A list with commas, of one part at least."""
    if not listed(name):
        raise ImproperlyConfigured(f"{name} is not set. {why}")
    return listed(name)


def flag(name: str) -> bool:
    value = text(name, "0").lower()
    if value not in {"0", "1", "no", "yes", "false", "true"}:
        raise ImproperlyConfigured(f"{name} must be 1 or 0; it is {value!r}.")
    return value in {"1", "yes", "true"}


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit()) or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number, {least} or more; it is {value!r}.")
    return int(value)


def listed(name: str, default: str = "") -> list[str]:
    """A list written with commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def servers(database_name: str, broker_name: str, cache_name: str, otherwise: Servers | None) -> Servers:
    """The servers that these variables name, and those of `otherwise` in place of the ones that they don't.

    Without `otherwise` they must be set.
    """
    return Servers(
        database(database_name, otherwise.database if otherwise else None),
        text(broker_name, otherwise.broker if otherwise else ""),
        text(cache_name, otherwise.cache if otherwise else ""),
    )


def database(name: str, otherwise: Database | None) -> Database:
    """`postgresql://user:password@host:port/name`; a folder with a socket is written `postgresql://user@/name?host=/folder`."""
    url = text(name)
    if not url and otherwise is not None:
        return otherwise
    parts = urlsplit(url)
    wanted = f"{name} must look like postgresql://user:password@host:5432/name"
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{wanted}, but its port is not a number from 0 to 65535.") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(f"{wanted}, but it begins with {parts.scheme or 'nothing'}://.")
    if not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{wanted}, but no database is named after the host.")
    options: dict[str, str | int] = {}
    host = unquote(parts.hostname or "")
    for option in filter(None, parts.query.split("&")):
        key, _, value = option.partition("=")
        if key == "host":
            host = unquote(value)
        else:
            options[key] = unquote(value)
    return postgresql(
        host=host,
        port=str(port or ""),
        name=unquote(parts.path.strip("/")),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        options=options,
    )


def strong_secret(name: str) -> str:
    """The secret of a production instance: with a guessable one anybody could sign sessions."""
    how = "Make one: python3 -c 'import secrets; print(secrets.token_hex(32))'"
    value = required(name, how)
    if len(value) < SHORTEST_SECRET or len(set(value)) < FEWEST_CHARACTERS or value.startswith("django-insecure-"):
        raise ImproperlyConfigured(
            f"{name} is too weak: it must have {SHORTEST_SECRET} characters or more, {FEWEST_CHARACTERS} of them "
            f"different. {how}"
        )
    return value


def instance_name(secret: str) -> str:
    """A short name of the instance with this secret, the same on every start; it tells nothing of the secret."""
    return hashlib.sha256(f"the name of the instance of {secret}".encode()).hexdigest()[:8]


def secret_key(folder: Path) -> str:
    """The local instance's secret, made at the first start and readable by its owner alone.

    Two processes that start at once agree: the file is made whole under another name, then linked; the first link wins.
    """
    path = secret_key_file(folder)
    if not path.exists():
        with partial_file(path, mode=0o600) as part, contextlib.suppress(FileExistsError):
            part.write_text(secrets.token_urlsafe(48))
            os.link(part, path)
    return path.read_text()
