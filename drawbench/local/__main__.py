"""`python -m drawbench.local WORD`: see --help. `./dev` is the friendlier door to the same."""

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator

from common.commands import BAD_INPUT, INTERRUPTED, SUCCESS, refuse_repeated
from drawbench.local.errors import LocalError


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    0: done. 1: `status` found a service down. 2: it can't be done, told on standard error. 130: Ctrl-C. `study`: as
    `manage.py study`.
    """
    parser = _parser()
    chosen, rest = refuse_repeated(parser).parse_known_args(arguments)
    if rest and chosen.command not in ("demo", "study"):
        parser.error(f"unknown argument {rest[0]}")
    try:
        return _run(chosen, rest)
    except LocalError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drawbench.local",
        description="A local instance, with its data in the folder that DRAWBENCH_VAR names (default: var/).",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="WORD")
    commands.add_parser("up", help="start PostgreSQL and Valkey and leave them running")
    down = commands.add_parser("down", help="stop both")
    down.add_argument(
        "--force", action="store_true", help="stop them even if a web server, worker or test run uses them"
    )
    commands.add_parser("status", help="show whether they run and where their data is")
    serve = commands.add_parser("serve", help="run both, the web server and a worker until Ctrl-C")
    serve.add_argument("--port", type=int, default=8000, help="port of the web server (default: 8000)")
    serve.add_argument("--no-worker", action="store_true", help="run only the web server; queued work waits")
    worker = commands.add_parser("worker", help="run both and a worker until Ctrl-C")
    worker.add_argument("--concurrency", type=int, help="number of processes (default: by cores and memory)")
    demo = commands.add_parser("demo", help="prepare the demonstration, then serve it until Ctrl-C")
    demo.add_argument("--port", type=int, default=8000, help="port of the web server (default: 8000)")
    demo.add_argument("--no-serve", action="store_true", help="prepare the demonstration and exit")
    commands.add_parser("study", help="run both and `manage.py study` to its end, with its options", add_help=False)
    return parser


def _run(chosen: argparse.Namespace, rest: list[str]) -> int:
    # Imported where Ctrl-C is already handled: loading these takes a noticeable moment.
    with _interrupts_held_back():
        from drawbench.local import foreground, services

    if chosen.command == "serve":
        foreground.serve(port=chosen.port, with_worker=not chosen.no_worker)
    elif chosen.command == "worker":
        foreground.worker(concurrency=chosen.concurrency)
    elif chosen.command == "demo":
        foreground.demo(rest, port=chosen.port, then_serve=not chosen.no_serve)
    elif chosen.command == "study":
        return foreground.study(rest)
    elif chosen.command == "up":
        places = services.up()
        services.keep(places)
        print(f"PostgreSQL and Valkey are running; data in {places.cluster} and {places.valkey}.")
    elif chosen.command == "down":
        stopped = services.down(even_if_used=chosen.force)
        print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing was running.")
    else:
        return _status()
    return SUCCESS


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C counts at the end of the block: in the middle of an import a library may take it for a missing module, and
    it would be lost."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came and before is not signal.SIG_IGN:
        raise KeyboardInterrupt


def _status() -> int:
    from drawbench.local import services

    found = services.status()
    for service in found:
        state = f"running (process {service.pid})" if service.answers else "not running"
        if service.pid and not service.answers:
            state = f"process {service.pid} does not respond"
        print(f"{service.name}: {state}; data in {service.place}")
    return 0 if all(service.answers for service in found) else 1


if __name__ == "__main__":
    sys.exit(main())
