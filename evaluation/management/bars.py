"""Progress of commands on standard error: a bar in a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tqdm import tqdm


def bars() -> Callable[[object, int, int], None]:
    """What shows a bar for each thing that it is told of: called with its name, how much is done, and of how much."""
    shown: dict[str, tqdm] = {}

    def tell(what: object, done: int, total: int) -> None:
        key = str(what)
        if key not in shown:
            patience = 0.1 if sys.stderr.isatty() else 10.0
            shown[key] = tqdm(total=total, desc=key, unit="image", file=sys.stderr, mininterval=patience)
        shown[key].update(done - shown[key].n)
        if done >= total:
            shown.pop(key).close()

    return tell
