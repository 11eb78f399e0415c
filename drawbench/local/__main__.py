"""`python -m drawbench.local up | down | status`: see --help."""

import argparse
import sys

from drawbench.local import services
from drawbench.local.errors import LocalError
from drawbench.local.places import places_of


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0: done; 1: `status` found a service down; 2: it can't be done, told on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m drawbench.local",
        description="The embedded PostgreSQL and Valkey of the folder that DRAWBENCH_VAR names (default: var/).",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start both and leave them running")
    stopping = commands.add_parser("down", help="stop both")
    stopping.add_argument("--force", action="store_true", help="even while a web server, worker or test run uses them")
    commands.add_parser("status", help="say whether they run and where their data is")
    chosen = parser.parse_args(arguments)
    try:
        return {"up": _up, "down": _down, "status": _status}[chosen.command](chosen)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 2


def _up(_: argparse.Namespace) -> int:
    places = services.up()
    services.keep(places)
    print(f"PostgreSQL and Valkey are running; data in {places.cluster} and {places.valkey}.")
    return 0


def _down(chosen: argparse.Namespace) -> int:
    stopped = services.down(even_if_used=chosen.force)
    print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing was running.")
    return 0


def _status(_: argparse.Namespace) -> int:
    found = services.status(places_of())
    for service in found:
        state = f"running (process {service.pid})" if service.answers else "not running"
        if service.pid and not service.answers:
            state = f"process {service.pid} does not answer"
        print(f"{service.name}: {state}; data in {service.place}")
    return 0 if all(service.answers for service in found) else 1


if __name__ == "__main__":
    sys.exit(main())
