"""What only drawing and scoring need may not be installed yet. A worker asks for it where somebody installs it then.

That is `./dev` (`drawbench.local`): it starts workers with the name of a file in their environment, and installs when
the file appears. Elsewhere a run or score fails with the command to install it by.
"""

from __future__ import annotations

import os
from pathlib import Path

from common.drawing import WISH, WISH_FAILED

LOOK_AGAIN_S = 5.0
"""Seconds until a task that waits for it looks again."""


class DrawingComesError(Exception):
    """What the task needs is being installed: it comes back later."""


def drawing_asked_for() -> bool:
    """Ask for it; False where nobody installs it, or could not."""
    named = os.environ.get(WISH, "")
    if not named or Path(named + WISH_FAILED).exists():
        return False
    Path(named).touch()
    return True
