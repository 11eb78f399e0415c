"""The loop that the small networks of the world share, the checker and the scene CLIP: steps within a budget of time,
saved now and then, going on from there when it was ended or killed."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from common.allocator import keep_freed_memory
from common.files import partial_files_remove, write_whole
from generators.cascade.configs import ConfigError
from generators.cascade.text import has_bfloat16

REPORT_EVERY_S = 15.0
SAVE_EVERY_S = 60.0
STATE = "state.pt"


@dataclass(frozen=True, slots=True)
class Pace:
    """`learning_rate`: its peak; `warmup`: steps to reach it; `cooldown`: last share of the budget, down to zero.
    `clip`: the gradient norm's limit. `steps`: the budget as their number, the same on a busy machine; 0 for minutes.
    """

    learning_rate: float
    warmup: int = 200
    cooldown: float = 0.5
    weight_decay: float = 0.02
    clip: float = 5.0
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """`steps`, `seconds`: of all runs together. `finished`: the budget is spent."""

    steps: int
    seconds: float
    finished: bool


def fit(
    name: str,
    network: nn.Module,
    loss_of: Callable[[int], Tensor],
    pace: Pace,
    *,
    minutes: float = 0.0,
    folder: Path | None = None,
    stop: threading.Event | None = None,
    report: Callable[[str], None] = print,
) -> Fit:
    """Train a network that is on its device already; it is left in its mode for use.

    `minutes`: the budget of all runs by the clock, where `pace` names no steps.
    `loss_of`: a step's number -> its loss. `folder`: where the state is kept and gone on from; None keeps none. `stop`:
    once set, the state is saved after the step at hand.

    Raises:
        ConfigError: the state in `folder` is damaged or another network's.
        SaveError: it can't be written.
    """
    keep_freed_memory()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=pace.weight_decay)
    if folder is not None:
        partial_files_remove(folder)
    step, seconds = _gone_on(name, network, optimiser, folder)
    network.train()
    losses: list[float] = []
    saved = reported = time.monotonic()

    def spent() -> float:
        return step / pace.steps if pace.steps else seconds / (60 * minutes)

    while (done := spent()) < 1 and not (stop is not None and stop.is_set()):
        began = time.monotonic()
        for group in optimiser.param_groups:
            group["lr"] = pace.learning_rate * min(1.0, (step + 1) / pace.warmup, (1 - done) / pace.cooldown)
        loss = loss_of(step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), pace.clip)
        optimiser.step()
        step += 1
        losses.append(float(loss.detach()))
        if time.monotonic() - reported > REPORT_EVERY_S:
            reported = time.monotonic()
            report(f"{name} {done:6.1%}  step {step}  loss {sum(losses) / len(losses):.4f}")
            losses.clear()
        seconds += time.monotonic() - began
        if folder is not None and time.monotonic() - saved > SAVE_EVERY_S:
            saved = time.monotonic()
            _save(name, network, optimiser, folder, step, seconds)
    if folder is not None:
        _save(name, network, optimiser, folder, step, seconds)
    network.eval()
    return Fit(step, seconds, spent() >= 1)


def computing(device: torch.device | str) -> AbstractContextManager[object]:
    """bfloat16 where the device computes in it by itself, float32 elsewhere."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=has_bfloat16(str(device)))


def _save(
    name: str, network: nn.Module, optimiser: torch.optim.Optimizer, folder: Path, step: int, seconds: float
) -> None:
    state = {
        "name": name,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "seconds": seconds,
    }
    write_whole(folder / STATE, lambda part: torch.save(state, part))


def _gone_on(name: str, network: nn.Module, optimiser: torch.optim.Optimizer, folder: Path | None) -> tuple[int, float]:
    path = None if folder is None else folder / STATE
    if path is None or not path.is_file():
        return 0, 0.0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["name"] != name:
            raise ConfigError(f"{path} is of {state['name']}, not of {name}: give another folder")
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"]), float(state["seconds"])
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"{path} can't be gone on from ({type(error).__name__}): it is damaged or another version's. Delete it to "
            "start again"
        ) from error
