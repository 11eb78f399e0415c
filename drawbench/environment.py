"""What `drawbench/settings.py` lets an operator choose, with a plain message for a wrong value."""

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from drawbench.servers import Database, Servers, embedded_servers, postgresql


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def required(name: str, why: str) -> str:
    """A value that a production instance can't do without."""
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {why}")
    return value


def flag(name: str) -> bool:
    value = text(name, "0").lower()
    if value not in {"0", "1", "no", "yes", "false", "true"}:
        raise ImproperlyConfigured(f"{name} is {value!r}; it can be 1 or 0.")
    return value in {"1", "yes", "true"}


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit()) or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number, {least} or more.")
    return int(value)


def listed(name: str, default: str = "") -> list[str]:
    """A list written with commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def servers(database_name: str, broker_name: str, cache_name: str) -> Servers:
    """The servers that these variables name, and the embedded ones in place of those that they don't."""
    broker, cache = text(broker_name), text(cache_name)
    if text(database_name) and broker and cache:
        return Servers(database(database_name, otherwise=None), broker, cache)
    embedded = embedded_servers()
    return Servers(
        database(database_name, otherwise=embedded.database), broker or embedded.broker, cache or embedded.cache
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
        raise ImproperlyConfigured(f"{wanted}, and its port is no number from 0 to 65535.") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(f"{wanted}, and it begins with {parts.scheme or 'nothing'}://.")
    if not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{wanted}, and it names no database after the host.")
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


def secret_key(folder: Path) -> str:
    """The local instance's secret, made at the first start and readable by its owner alone.

    Two processes that start at once agree: the file is made whole under another name, then linked; the first link wins.
    """
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text()
