"""Saving a training and going on from it, whatever number of processes it has then: what is stored is always whole.

Rank 0 writes and reads; the weights of the others are gathered to it and handed out by it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from common.files import SaveError
from generators.cascade.checkpoint import open_weights, save_stage, write_index
from generators.cascade.configs import ConfigError
from generators.contract import GeneratorError
from generators.training.config import TrainConfig, to_plain
from generators.training.data import described
from generators.training.ema import PowerEma, snapshot_path, snapshots_in
from generators.training.saving import STATE, read_state, save_state
from generators.training.trainer import Progress, Trainer

FREE_ON_RESUME = frozenset(
    {"micro_batch", "compile", "checkpoint_blocks", "parallel", "workers"}
    | {"cache", "steps", "snapshot_steps", "sample_steps", "sample_prompts"}
)
"""Fields that may change between a checkpoint and what goes on from it: the steps are the same."""

ADDED = ("conditioning.layers.", "text_map.", "from_map.")
"""Parameters that a network may have on top of the one whose weights it begins with."""

GATHERED = StateDictOptions(full_state_dict=True, cpu_offload=True)
NUMBERS = ("step", "seconds", "skipped", "in_row")


def save(trainer: Trainer, folder: Path) -> None:
    """Everything a resume needs, and the averaged weights for use; the last whole files stay until then.

    Raises:
        SaveError: in every process, if rank 0 could not write.
    """
    progress, config = trainer.progress, trainer.config
    state = {
        "config": json.dumps(to_plain(config)),
        "network": get_model_state_dict(trainer.network, options=GATHERED),
        # Before the first step it has none, and asking for it would make one.
        "optimiser": get_optimizer_state_dict(trainer.network, trainer.optimiser, options=GATHERED)
        if progress.step
        else None,
        "averages": {std: _gathered(trainer, average) for std, average in trainer.averages.items()},
        **{name: getattr(progress, name) for name in NUMBERS},
    }

    def write() -> None:
        save_state(folder, state)
        about = f"{progress.step} steps of {config.batch}, power EMA {config.ema_std}, {described(config)}"
        averages = cast(dict[float, dict[str, Tensor]], state["averages"])
        _write_weights(folder / f"{config.stage}.safetensors", averages[config.ema_std], config, about)
        write_index(folder, config.cascade)

    _as_main(trainer, write)


def snapshot(trainer: Trainer, folder: Path) -> None:
    """Keep the averages of this step, for any width of them afterwards (`generators.training.ema`).

    Raises:
        SaveError: as `save`.
    """
    config, step = trainer.config, trainer.progress.step
    for std, average in trainer.averages.items():
        about = f"snapshot at {step} steps of {config.batch}, power EMA {std:g}, {described(config)}"
        path = snapshot_path(folder, config.stage, step, std)
        weights = _gathered(trainer, average)
        _as_main(trainer, functools.partial(_write_weights, path, weights, config, about))


def resume(trainer: Trainer, folder: Path) -> None:
    """Go on from a folder's checkpoint, however many processes wrote it.

    Raises:
        ConfigError: there is none, it can't be read, or it belongs to another configuration.
    """
    state = _handed_out(trainer, functools.partial(_read_own, trainer, folder))
    if trainer.world.main:
        # What was kept of later steps goes: they come again, on a GPU with other last bits.
        for held in snapshots_in(folder):
            if held.step > state["step"]:
                held.path.unlink()
    for std, average in trainer.averages.items():
        set_model_state_dict(trainer.network, state["averages"].get(std, {}), options=trainer.loading)
        average.take(trainer.network)
    _take(trainer, state)
    trainer.progress = Progress(**{name: state[name] for name in NUMBERS})


def start_from(trainer: Trainer, folder: Path) -> None:
    """Begin with another training of the same network; steps and budget start anew.

    With its state, network and optimiser go on; where there are only exported weights, they alone. The other may have
    no `text_layers`, `text_map` or `text_look` where this one has: they begin as the identity, and its optimiser is
    left behind.

    Raises:
        ConfigError: there is none, it can't be read, or its network is another.
    """
    _take(trainer, _handed_out(trainer, functools.partial(_read_others, trainer, folder)))
    trainer.averages = {std: PowerEma(trainer.network, std) for std in trainer.config.ema_stds}


def take_over(trainer: Trainer, folder: Path) -> tuple[int, int]:
    """Begin with what of another training's weights has the same name and shape here; the rest begins anew.

    Returns:
        How many parameters were taken over, and how many there are.

    Raises:
        ConfigError: there is none, it can't be read, or nothing of it fits.
    """
    own = trainer.network.state_dict()
    theirs = _exported(folder, trainer.config)
    alike = {name: value for name, value in theirs.items() if name in own and own[name].shape == value.shape}
    if not alike:
        raise ConfigError(f"nothing to take over: no weight of {folder} has the name and shape of one of this network")
    _take(trainer, {"network": {**own, **alike}, "has_optimiser": False})
    trainer.averages = {std: PowerEma(trainer.network, std) for std in trainer.config.ema_stds}
    return sum(value.numel() for value in alike.values()), sum(value.numel() for value in own.values())


def _gathered(trainer: Trainer, average: PowerEma) -> dict[str, Tensor]:
    """An average, whole, on rank 0."""
    if not trainer.sharded:
        return average.weights
    with average.in_place(trainer.network):
        return cast(dict[str, Tensor], get_model_state_dict(trainer.network, options=GATHERED))


def _write_weights(path: Path, weights: dict[str, Tensor], config: TrainConfig, about: str) -> None:
    save_stage(path, weights, config.network, config.text, about)


def _as_main(trainer: Trainer, write: Callable[[], None]) -> None:
    """Let rank 0 write; all fail with it."""
    failed: Exception | None = None
    if trainer.world.main:
        try:
            write()
        except OSError as error:
            failed = error
    if trainer.world.agree([float(failed is not None)])[0]:
        raise SaveError(str(failed) if failed else "rank 0 could not write, see its message") from failed


def _handed_out(trainer: Trainer, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A stored state: tensors on rank 0 alone, numbers and errors everywhere."""
    state: dict[str, Any] = {}
    problem = ""
    if trainer.world.main:
        try:
            state = read()
        except ConfigError as error:
            problem = str(error)
    told = [float(state.get(name, 0)) for name in NUMBERS]
    failed, has_optimiser, *told = trainer.world.agree([bool(problem), bool(state.get("optimiser")), *told])
    if failed:
        raise ConfigError(problem or "rank 0 could not read the checkpoint, see its message")
    numbers = {name: value if name == "seconds" else int(value) for name, value in zip(NUMBERS, told, strict=True)}
    held = cast(dict[str, Any], _plain_order(state)) if trainer.world.size > 1 else state
    return {"network": {}, "optimiser": {}, "averages": {}, **held, **numbers, "has_optimiser": bool(has_optimiser)}


def _plain_order(value: object) -> object:
    """The same with every tensor in its plain order: torch hands out memory as it lies, channels last or not."""
    if isinstance(value, dict):
        return {name: _plain_order(item) for name, item in value.items()}
    return value.contiguous() if isinstance(value, Tensor) else value


def _take(trainer: Trainer, state: dict[str, Any]) -> None:
    set_model_state_dict(trainer.network, state["network"], options=trainer.loading)
    if not state["has_optimiser"]:
        return
    here = trainer.optimiser.param_groups[0]
    held: dict[str, Any] = {key: here[key] for key in ("betas", "weight_decay") if key in here}
    set_optimizer_state_dict(trainer.network, trainer.optimiser, state["optimiser"], options=trainer.loading)
    for group in trainer.optimiser.param_groups:  # the configuration's, not those of the training it began with
        group.update(held)
    # The fused step walks through memory as it lies: moments must lie as their parameters do, channels last or not.
    for parameter, kept in trainer.optimiser.state.items():
        for name, value in kept.items():
            if not trainer.sharded and value.shape == parameter.shape:
                kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value).detach()


def _read_own(trainer: Trainer, folder: Path) -> dict[str, Any]:
    state = read_state(folder)
    there, here = {**_defaults(), **json.loads(state["config"])}, json.loads(json.dumps(to_plain(trainer.config)))
    differing = [name for name in sorted({*there, *here} - FREE_ON_RESUME) if there.get(name) != here.get(name)]
    if differing:
        told = ", ".join(f"{name} ({there.get(name)} there, {here.get(name)} here)" for name in differing)
        raise ConfigError(f"{folder} belongs to another configuration: {told}. Give its own, or another --out")
    return state


def _defaults() -> dict[str, Any]:
    """The fields that a configuration need not name, as JSON's own types: states of older trainings lack newer ones."""
    fields = (field for field in dataclasses.fields(TrainConfig) if field.default is not dataclasses.MISSING)
    return cast(dict[str, Any], json.loads(json.dumps({field.name: field.default for field in fields})))


def _read_others(trainer: Trainer, folder: Path) -> dict[str, Any]:
    config = trainer.config
    if (folder / STATE).exists():
        state = read_state(folder)
        if json.loads(state["config"])["optimiser"] != config.optimiser:
            state["optimiser"] = None
    else:
        state = {"network": _exported(folder, config)}
    own = trainer.network.state_dict()
    added = {name: value for name, value in own.items() if name.startswith(ADDED) and name not in state["network"]}
    if added:
        # They begin as the identity, so the other's network goes on as it is; its optimiser knows nothing of them.
        state = {"network": {**state["network"], **{name: value.clone() for name, value in added.items()}}}
    wanted = {name: value.shape for name, value in own.items()}
    if wanted != {name: value.shape for name, value in state["network"].items()}:
        raise ConfigError(f"{folder} trained another network than {config.cascade} {config.stage}")
    return {name: value for name, value in state.items() if name not in (*NUMBERS, "averages")}


def _exported(folder: Path, config: TrainConfig) -> dict[str, Tensor]:
    """Weights that were written for use: of this stage, or of the only one that the folder has."""
    try:
        held = open_weights(folder)
        name = config.stage if config.stage in held.hashes or len(held.hashes) != 1 else next(iter(held.hashes))
        return {key: value.float() for key, value in held.load(name).tensors.items()}
    except GeneratorError as error:
        raise ConfigError(f"nothing to start from: {error}") from None
