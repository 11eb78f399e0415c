"""The addresses of the embedded servers, as the settings take them where the environment names no others."""

from pathlib import Path

from drawbench.local import postgres
from drawbench.local.places import places_of
from drawbench.servers import Servers, postgresql


def embedded_servers(var: Path | None = None) -> Servers:
    """The servers of the instance in `var`; without it, of the one that `DRAWBENCH_VAR` names."""
    places = places_of(var)
    return Servers(
        database=postgresql(host=str(places.sockets), port="5432", name=postgres.DATABASE, user=postgres.USER),
        broker=f"redis+socket://{places.valkey_socket}?virtual_host=0",
        cache=f"unix://{places.valkey_socket}?db=1",
    )
