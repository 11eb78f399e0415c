"""Torch, and what stands on it, installed when a worker first asks for it (`evaluation.services.work.drawing`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.commands import SUCCESS
from common.drawing import INSTALL_DRAWING, WISH, WISH_FAILED
from common.places import CHECKOUT
from drawbench.local.children import Child, start


def install_drawing() -> Child:
    """Begin to install it, its progress on the terminal."""
    return start([str(CHECKOUT / "dev"), "install", "drawing"])


class DrawingInstaller:
    """Looks for the wish of a worker, and fulfils it once. `wish`: the file that the worker makes."""

    def __init__(self, wish: Path, children: list[Child], say: Callable[[str], None]) -> None:
        self._wish, self._children, self._say = wish, children, say
        self._failed = wish.with_name(wish.name + WISH_FAILED)
        self._child: Child | None = None
        self._forget()

    def environment(self) -> dict[str, str]:
        """What a worker needs to know."""
        return {WISH: str(self._wish)}

    def look(self) -> None:
        """Begin to install where a worker asks, and see whether it is done."""
        if self._child is None:
            if self._wish.exists() and not self._failed.exists():
                self._say("Something is to be drawn or scored: installing what that needs. All else goes on meanwhile.")
                self._child = install_drawing()
                self._children.append(self._child)
        elif self._child.poll() is not None:
            if self._child.returncode != SUCCESS:
                self._failed.touch()  # before the wish goes: a worker that looks now gives up
                self._say(f"It could not be installed (see above). To try again: {INSTALL_DRAWING}")
            self._children.remove(self._child)
            self._child = None
            self._wish.unlink(missing_ok=True)

    def _forget(self) -> None:
        """What an earlier start left: a wish that nobody waits for, or a failure that may have passed."""
        self._wish.unlink(missing_ok=True)
        self._failed.unlink(missing_ok=True)
