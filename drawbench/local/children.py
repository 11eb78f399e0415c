"""Processes that end with us, each in a session of its own: Ctrl-C reaches us alone, and we end them in order."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from common.places import CHECKOUT

STOP_PATIENCE = 20.0

Child = subprocess.Popen[bytes]


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    folder: Path = CHECKOUT,
) -> Child:
    """Start a child in `folder`; its output goes to the end of `log`, or to the terminal."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else None
        return subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


def python(*arguments: str) -> list[str]:
    """The command line of this Python with these arguments."""
    return [sys.executable, *arguments]


@contextlib.contextmanager
def ended_at_the_end() -> Iterator[list[Child]]:
    """Whatever is in the list when the block ends is ended, the last started first."""
    children: list[Child] = []
    try:
        yield children
    finally:
        end(children[::-1])


def end(children: Sequence[Child]) -> None:
    """Ask each to end, wait, and kill what is left."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + STOP_PATIENCE
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        end_session(child)
        child.wait()


def end_session(child: Child) -> None:
    """Kill all that a child has started: a pool must not outlive its worker, nor web processes their parent."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    """In the child: ask the kernel for a SIGTERM when we are killed (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
