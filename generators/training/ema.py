"""Power-function averages of the weights, and any width of them afterwards (Karras et al. 2023, EDM2, section 3).

`python -m generators.training.ema FOLDER --std 0.08 --out OTHER` puts together, from the snapshots that a training left
in FOLDER, the average of relative width 0.08 as weights that the cascade loads. A training keeps snapshots where its
configuration names `snapshot_steps`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from common.commands import SUCCESS, refuse_repeated, run_command
from generators.cascade.checkpoint import load_stage, open_weights, save_stage, write_index
from generators.cascade.configs import STAGES
from generators.contract import GeneratorError

SNAPSHOTS = "snapshots"
"""The folder of a training that holds them: STAGE-STEP-STD.safetensors."""

WORST_FIT = 0.1
"""Relative error of a profile put together from snapshots that is still written."""


class PowerEma:
    """The power-function average of the weights (EDM2, section 3.1).

    beta_n = (1 - 1/n)^(gamma + 1); a relative width `std` of 0.1 is gamma 6.94. It forgets the start of its own accord.
    `weights`: as the network's state; where that is sharded over processes, this process's shards.
    """

    def __init__(self, network: nn.Module, std: float) -> None:
        self.std = std
        self.gamma = gamma_of(std)
        self.weights = {name: value.clone() for name, value in local_state(network).items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`, counted from 1."""
        beta = (1 - 1 / step) ** (self.gamma + 1)
        live = local_state(network)
        torch._foreach_lerp_(list(self.weights.values()), [live[name] for name in self.weights], 1 - beta)

    @contextmanager
    def in_place(self, network: nn.Module) -> Iterator[None]:
        """Within, the network has the averaged weights."""
        live = local_state(network)
        held = {name: value.clone() for name, value in live.items()}
        _copy(live, self.weights)
        try:
            yield
        finally:
            _copy(live, held)

    def take(self, network: nn.Module) -> None:
        """The network's weights of this moment are the average."""
        _copy(self.weights, local_state(network))


@torch.no_grad()
def _copy(to: dict[str, Tensor], source: dict[str, Tensor]) -> None:
    torch._foreach_copy_(list(to.values()), [source[name] for name in to])


def local_state(network: nn.Module) -> dict[str, Tensor]:
    """The network's state, sharing its memory; of a sharded one this process's part."""
    return {
        name: (value.to_local() if isinstance(value, DTensor) else value).detach()
        for name, value in network.state_dict().items()
    }


def gamma_of(std: float) -> float:
    """gamma of the relative width: std^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)), by bisection."""
    low, high = 0.0, 1e5
    for _ in range(200):
        middle = (low + high) / 2
        if (middle + 1) / ((middle + 2) ** 2 * (middle + 3)) > std * std:
            low = middle
        else:
            high = middle
    return low


def profile_products(
    steps_a: Sequence[float], stds_a: Sequence[float], steps_b: Sequence[float], stds_b: Sequence[float]
) -> NDArray[np.float64]:
    """Inner products of profiles, (len a, len b); EDM2, appendix C, equation 151.

    The profile of width std at step T weighs the weights of time t by p(t) = (gamma + 1) t^gamma / T^(gamma + 1) up to
    T. With T_a the earlier: (gamma_a + 1)(gamma_b + 1) / (gamma_a + gamma_b + 1) (T_a / T_b)^gamma_b / T_b.
    """
    t_a, t_b = np.asarray(steps_a, np.float64)[:, None], np.asarray(steps_b, np.float64)[None, :]
    gamma_a = np.array([gamma_of(std) for std in stds_a])[:, None]
    gamma_b = np.array([gamma_of(std) for std in stds_b])[None, :]
    exponent = np.where(t_a < t_b, gamma_b, -gamma_a)
    shared = (gamma_a + 1) * (gamma_b + 1) / (gamma_a + gamma_b + 1)
    products: NDArray[np.float64] = shared * (t_a / t_b) ** exponent / np.maximum(t_a, t_b)
    return products


@dataclass(frozen=True, slots=True)
class Mixture:
    """`shares`: how much of each snapshot, summing to about 1. `error`: of the profile, in units of its own norm."""

    shares: NDArray[np.float64]
    error: float


def mixture(steps: Sequence[int], stds: Sequence[float], step: int, std: float) -> Mixture:
    """The combination of snapshots whose profile is nearest, by least squares, to that of width `std` at `step`."""
    inner = profile_products(steps, stds, steps, stds)
    wanted = profile_products(steps, stds, [step], [std])[:, 0]
    # Profiles of neighbours differ little: an exact solution would cancel large shares against each other, and with
    # them the rounding of what is stored. Directions below the cut are left out.
    scale = np.sqrt(np.diag(inner))
    shares = np.linalg.lstsq(inner / np.outer(scale, scale), wanted / scale, rcond=1e-9)[0] / scale
    norm = float(profile_products([step], [std], [step], [std])[0, 0])
    left = norm - 2 * float(shares @ wanted) + float(shares @ inner @ shares)
    return Mixture(shares, math.sqrt(max(0.0, left) / norm))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One stored average: `std` at `step`."""

    path: Path
    stage: str
    step: int
    std: float


def snapshot_path(folder: Path, stage: str, step: int, std: float) -> Path:
    """Where a training's snapshot lies."""
    return folder / SNAPSHOTS / f"{stage}-{step:09d}-{std:.4f}.safetensors"


def snapshots_in(folder: Path) -> list[Snapshot]:
    """A training's snapshots, oldest first."""
    found: list[Snapshot] = []
    for path in sorted((folder / SNAPSHOTS).glob("*.safetensors")):
        parts = path.stem.split("-")
        if len(parts) == 3 and parts[0] in STAGES and parts[1].isdigit():
            try:
                found.append(Snapshot(path, parts[0], int(parts[1]), float(parts[2])))
            except ValueError:
                continue
    return found


def reconstruct(folder: Path, std: float, out: Path, step: int | None = None) -> str:
    """Write to `out` the weights of `folder`'s training averaged with width `std`; what was done, in one line.

    `step`: at the end of that step; None: of the last snapshot.

    Raises:
        GeneratorError: no snapshots, one that can't be read, or none that come near the profile asked for.
    """
    if not 0.005 <= std <= 0.28:
        raise GeneratorError(f"--std is {std}; relative widths lie in 0.005 .. 0.28")
    snapshots = snapshots_in(folder)
    if not snapshots:
        raise GeneratorError(
            f"{folder} has no {SNAPSHOTS}: train with snapshot_steps in its configuration, e.g. a fiftieth of the steps"
        )
    last = max(snapshot.step for snapshot in snapshots)
    end = last if step is None else step
    if not snapshots[0].step <= end <= last:
        raise GeneratorError(f"--step is {end}; the snapshots of {folder} run from {snapshots[0].step} to {last}")
    usable = [snapshot for snapshot in snapshots if snapshot.step <= end]
    mixed = mixture([one.step for one in usable], [one.std for one in usable], end, std)
    if mixed.error > WORST_FIT:
        widths = ", ".join(f"{one:g}" for one in sorted({snapshot.std for snapshot in usable}))
        raise GeneratorError(
            f"{len(usable)} snapshots of widths {widths} can't make width {std:g}: the nearest is {mixed.error:.0%} "
            "off. Ask for a width nearer to theirs, or train with a smaller snapshot_steps"
        )
    total: dict[str, Tensor] = {}
    for snapshot, share in zip(usable, mixed.shares, strict=True):
        held = load_stage(snapshot.path)
        if not total:
            first, total = held, {name: torch.zeros_like(value.double()) for name, value in held.tensors.items()}
        if held.stage != first.stage or set(held.tensors) != set(total):
            raise GeneratorError(f"{snapshot.path} is of another network than {usable[0].path.name}")
        for name, value in held.tensors.items():
            total[name].add_(value.double(), alpha=float(share))
    name = first.stage.name
    about = f"{end} steps, power EMA {std:g} from {len(usable)} snapshots, {mixed.error:.1%} off its profile"
    cascade = open_weights(folder).cascade
    save_stage(out / f"{name}.safetensors", {key: value.float() for key, value in total.items()}, first.stage,
               first.text, about)  # fmt: skip
    write_index(out, cascade)
    return f"{out / name}.safetensors: {about}"


def main(arguments: Sequence[str]) -> int:
    """The command line: 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.ema", description=__doc__)
    parser.add_argument("folder", type=Path, help="what a training wrote (its --out)")
    parser.add_argument("--std", type=float, required=True, help="relative width of the average, e.g. 0.08")
    parser.add_argument("--step", type=int, help="at the end of this step; default: the last snapshot's")
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    args = refuse_repeated(parser).parse_args(arguments)
    print(reconstruct(args.folder, args.std, args.out, args.step))
    return SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
