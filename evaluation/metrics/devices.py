"""Where networks run, and with which arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evaluation.metrics.errors import MetricError

if TYPE_CHECKING:
    import torch


def pick_device(name: str | None) -> torch.device:
    """The device called `name`; None for a GPU where there is one.

    Raises:
        MetricError: it can't be used here.
    """
    import torch

    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise MetricError(f"The device {name!r} can't be used here ({reason}). There is always 'cpu'.") from None
    return device


@contextmanager
def exact_float32() -> Iterator[None]:
    """Plain float32 for the while: TF32, on by default for convolutions on recent GPUs, moves the third digit."""
    import torch

    cudnn = torch.backends.cudnn
    products = torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = False
        with cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = products
