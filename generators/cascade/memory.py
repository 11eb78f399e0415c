"""How much memory there is, how much a cascade takes, and when an error means that there was none left."""

from __future__ import annotations

import gc
from pathlib import Path

import torch

from common.allocator import return_freed_memory

FULL = 0.75
"""Share of the free memory that weights may take, since images need the rest; else a stage at a time is drawn."""

_GROUP = Path("/sys/fs/cgroup")


def free_bytes(device: str) -> int:
    """Bytes that are free on a device; on the CPU within what a container may use."""
    kind = torch.device(device).type
    if kind == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil  # light, but nothing else of the cascade needs it

    free = int(psutil.virtual_memory().available)
    try:
        most, used = (int((_GROUP / name).read_text()) for name in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return free
    return max(0, min(free, most - used))


def fits(needed: int, device: str) -> bool:
    """Whether weights of `needed` bytes fit a device beside what drawing takes."""
    return needed <= FULL * free_bytes(device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: torch's own, Python's and NumPy's, and the CPU allocator's."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in text
        for words in ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
    )


def free_memory() -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    return_freed_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def first_line(error: BaseException) -> str:
    """An error's type and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
