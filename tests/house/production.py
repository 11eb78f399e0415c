"""The environment of an instance in production: everything that an operator has to name, and nothing of ours."""

import os

PRODUCTION = {
    "DRAWBENCH_PRODUCTION": "1",
    "DRAWBENCH_SECRET_KEY": "k7Qw-2tVb_9xLmZr5yPdHc8sNfJ3gUaE6iTo1vXzBqRnCwMh4D",
    "DRAWBENCH_HOSTS": "drawbench.example",
    "DRAWBENCH_URL": "https://drawbench.example",
    "DRAWBENCH_PROXIES": "1",
    "DRAWBENCH_DATABASE": "postgresql://drawbench:x@db/drawbench",
    "DRAWBENCH_BROKER": "redis://valkey:6379/0",
    "DRAWBENCH_CACHE": "redis://valkey:6379/1",
}


def production_environment(without: str | None = None) -> dict[str, str]:
    """This process's environment in production, `without` one of the variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DRAWBENCH_", "DJANGO_"))}
    return environment | {name: value for name, value in PRODUCTION.items() if name != without}
