"""A local instance as the settings take it: the addresses of its embedded servers, and where it is served."""

from pathlib import Path

from drawbench.instance import LocalInstance, Servers, postgresql
from drawbench.local import postgres
from drawbench.local.address import served_address
from drawbench.local.owner import refuse_another_user
from drawbench.local.places import places_of


def local_instance(var: Path | None = None) -> LocalInstance:
    """The instance in `var`; without it, the one that `DRAWBENCH_VAR` names.

    Raises:
        LocalError: it is another user's.
    """
    places = places_of(var)
    refuse_another_user(places)
    servers = Servers(
        database=postgresql(host=str(places.sockets), port="5432", name=postgres.DATABASE, user=postgres.USER),
        broker=f"redis+socket://{places.valkey_socket}?virtual_host=0",
        cache=f"unix://{places.valkey_socket}?db=1",
    )
    return LocalInstance(servers, served_address(places))
