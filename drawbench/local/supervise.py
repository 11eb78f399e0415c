"""The supervisor of `./dev serve`, `worker` and `demo`: whatever ends by itself is started again, and a line says so.

It watches the children (web server, worker) and, where they are the embedded ones, PostgreSQL and Valkey. A part that
ends again and again is started again after 1, 2, 4 .. 30 seconds. Web and worker processes below these are restarted by
granian and Celery themselves, PostgreSQL's by its postmaster.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from drawbench.local import services
from drawbench.local.children import Child, end_session
from drawbench.local.errors import LocalError
from drawbench.local.places import Places

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
STEADY = 60.0
"""Seconds after which a part that runs is taken for well again: its next end is its first."""

LOOK_EVERY = 0.2
LOOK_AT_SERVICES_EVERY = 0.5

Start = Callable[[], Child]


@dataclass
class BackOff:
    """When a part may be started again. The first time at once, then later and later."""

    wait: float = 0.0
    not_before: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def ended(self, now: float) -> float:
        """Note that the part ended at `now`; the seconds to wait until it is started again."""
        if now - self.started > STEADY:
            self.wait = 0.0
        wait = self.wait
        self.not_before = now + wait
        self.wait = min(LONGEST_WAIT, max(FIRST_WAIT, 2 * wait))
        return wait

    def begun(self, now: float) -> None:
        """Note that it was started at `now`."""
        self.started = now


@dataclass
class Part:
    """One child under supervision. name: as a sentence begins with it."""

    name: str
    start: Start
    child: Child
    log: str
    back_off: BackOff = field(default_factory=BackOff)
    is_down: bool = False


class Supervisor:
    """Keeps the parts and the embedded servers of one instance running. `children` is what must be ended at the end."""

    def __init__(self, places: Places, children: list[Child], say: Callable[[str], None]) -> None:
        self._places, self._children, self._say = places, children, say
        self._parts: list[Part] = []
        self._services = BackOff()
        self._services_down = False
        self._next_look = 0.0
        self._others: list[Callable[[], None]] = []

    def add(self, name: str, child: Child, start: Start, log: str) -> None:
        """Watch over `child`; `start` starts another in its place."""
        self._children.append(child)
        self._parts.append(Part(name, start, child, log))

    def also(self, look: Callable[[], None]) -> None:
        """Call `look` as often as this looks at its own."""
        self._others.append(look)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep everything running until `until` says so.

        Raises:
            LocalError: a person stopped the servers (`./dev stop --force`).
        """
        while not until():
            self.look()
            time.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Start again what has ended and may be started again now."""
        now = time.monotonic()
        if now >= self._next_look:
            self._look_at_services(now)
            self._next_look = time.monotonic() + LOOK_AT_SERVICES_EVERY
        for part in self._parts:
            self._look_at(part, time.monotonic())
        for look in self._others:
            look()

    def _look_at(self, part: Part, now: float) -> None:
        if not part.is_down and part.child.poll() is not None:
            end_session(part.child)
            part.is_down = True
            wait = part.back_off.ended(now)
            how = _how(part.child.returncode)
            self._say(f"{part.name} ended ({how}; log: {part.log}). It is started again {_in(wait)}.")
        if part.is_down and now >= part.back_off.not_before:
            try:
                child = part.start()
            except OSError as error:  # no memory, no process left
                wait = part.back_off.ended(now)
                self._say(f"{part.name} could not be started ({error.strerror}). The next try is {_in(wait)}.")
                return
            self._children[self._children.index(part.child)] = child
            part.child, part.is_down = child, False
            part.back_off.begun(now)

    def _look_at_services(self, now: float) -> None:
        gone = services.gone(self._places)
        if not gone:
            self._services_down = False
            return
        if self._places.stopped.exists():
            raise LocalError("PostgreSQL and Valkey were stopped by `./dev stop --force`, so this has ended as well.")
        names, several = " and ".join(gone), len(gone) > 1
        if not self._services_down:
            self._services_down = True
            wait = self._services.ended(now)
            self._say(f"{names} ended. {'They are' if several else 'It is'} started again {_in(wait)}.")
        if now < self._services.not_before:
            return
        try:
            services.up(self._places)
        except LocalError as error:
            wait = self._services.ended(time.monotonic())
            self._say(f"{error}\nThe next try is {_in(wait)}.")
            return
        self._services.begun(time.monotonic())
        self._services_down = False
        self._say(f"{names} {'run' if several else 'runs'} again.")


def _how(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"status {status}"


def _in(seconds: float) -> str:
    return f"in {seconds:.0f} s" if seconds else "now"
