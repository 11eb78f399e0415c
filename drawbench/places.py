"""Where an instance of DrawBench keeps what it has: one folder, `DRAWBENCH_VAR`, by default `var/` in the checkout."""

import os
from pathlib import Path

from common.places import CHECKOUT


def instance_folder(named: Path | None = None) -> Path:
    """The folder of the instance `named`; without a name, of the one in `DRAWBENCH_VAR`, or the checkout's own."""
    # A relative name is the same folder from wherever a command is called.
    return CHECKOUT / Path(named or os.environ.get("DRAWBENCH_VAR") or "var").expanduser()


def media_folder(instance: Path) -> Path:
    """Where its images lie: `DRAWBENCH_MEDIA`, or a folder in its own."""
    return Path(os.environ.get("DRAWBENCH_MEDIA", "").strip() or instance / "media")


def secret_key_file(instance: Path) -> Path:
    """The secret of a local instance, in its folder."""
    return instance / "secret_key"
