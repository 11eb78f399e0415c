"""The one generator or metric that a process keeps loaded: each may take most of the memory or of the accelerator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from common.drawing import DrawingMissingError
from evaluation.services.work.drawing import DrawingComesError, drawing_asked_for

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


class KeptOne(Generic[Loaded]):
    """What was loaded last, by a key that says what it is. `close`: frees what it holds."""

    def __init__(self, close: Callable[[Loaded], None] = lambda loaded: None) -> None:
        self._close = close
        self._key = ""
        self._loaded: Loaded | None = None

    def get(self, key: str, load: Callable[[], Loaded]) -> Loaded:
        """What `key` says: as it is here, or loaded when the one before is closed.

        Raises:
            DrawingComesError: what it needs was not installed, and is now being installed.
            Whatever `load` raises.
        """
        if self._loaded is None or self._key != key:
            self.clear()  # before loading: there may not be room for both
            try:
                self._loaded, self._key = load(), key
            except DrawingMissingError as error:
                if drawing_asked_for():
                    raise DrawingComesError from error
                raise
        return self._loaded

    def clear(self) -> None:
        """Close what is loaded: whoever comes next loads anew."""
        loaded, self._loaded, self._key = self._loaded, None, ""
        if loaded is None:
            return
        try:
            self._close(loaded)
        except Exception:  # a plug-in that can't close must not keep the next from loading
            log.exception("%r could not be closed", loaded)
