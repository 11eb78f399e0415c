"""One training in several processes, as torchrun starts them: who is who, and how they share work and weights.

DDP gives each process all weights and a share of the batch; FSDP a share of the weights, too. Both take the step that
one process would take with the whole batch, but for the order in which floating-point numbers are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from common.allocator import keep_freed_memory
from generators.cascade.blocks import Attention, ResBlock
from generators.cascade.configs import ConfigError
from generators.training.config import Parallel


@dataclass(frozen=True, slots=True)
class World:
    """This process among `size`: its `rank` and its `device`."""

    rank: int
    size: int
    device: torch.device

    @property
    def main(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def agree(self, values: Sequence[float]) -> list[float]:
        """The values of rank 0, on every rank: clocks and disks differ, and all must decide alike."""
        if self.size == 1:
            return list(values)
        held = torch.tensor(values, dtype=torch.float64)
        dist.broadcast(held, 0)
        return [float(value) for value in held]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.size == 1:
            return flag
        held = torch.tensor(float(flag))
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return bool(held)

    def mean(self, value: float) -> float:
        """The mean over the processes."""
        if self.size == 1:
            return value
        held = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(held)
        return float(held) / self.size


ALONE = World(0, 1, torch.device("cpu"))


def join(wanted: str = "auto") -> World:
    """This process's place: among those that torchrun started, or alone.

    `wanted`: "auto" is a GPU where there is one, else the CPU; or a device that torch knows.

    Raises:
        ConfigError: no such device, or fewer GPUs than processes on this machine.
    """
    keep_freed_memory()
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted
    try:
        device = torch.device(kind)
    except RuntimeError:
        raise ConfigError(f'--device {wanted!r} is none that torch knows; use "cpu", "cuda" or "auto"') from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f'--device {wanted!r}: this machine or this build of torch has no CUDA; use "cpu"')
    if not dist.is_torchelastic_launched():
        return World(0, 1, device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        local = dist.get_node_local_rank()
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"torchrun started more processes than this machine has GPUs ({torch.cuda.device_count()}): lower "
                "--nproc-per-node, or give --device cpu"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    return World(dist.get_rank(), dist.get_world_size(), device)


def leave() -> None:
    """The end of the processes' group, where there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def share_out(network: nn.Module, parallel: Parallel, world: World) -> nn.Module:
    """The network as it is called in training; the network itself stays what is saved and averaged.

    Under "fsdp" its parameters become shards, one unit a residual block and attention; it may come on the meta device
    and is without weights then, until `torch.distributed.checkpoint.state_dict.set_model_state_dict`.
    """
    if world.size == 1:
        return network
    if parallel == "ddp":
        ids = [world.device] if world.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids, gradient_as_bucket_view=True)
    mesh = init_device_mesh(world.device.type, (world.size,))
    # In float32, as under DDP: autocast converts what a block computes with. Gathered in bfloat16 the weights would be
    # half the traffic, but the norms want float32, and t in bfloat16 is a hundredth off.
    for block in blocks_of(network):
        fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)
    return network


def blocks_of(network: nn.Module) -> list[nn.Module]:
    """The parts that hold nearly all parameters, each called once in a forward pass."""
    return [module for module in network.modules() if isinstance(module, ResBlock | Attention)]


def whole(value: Tensor) -> float:
    """A number that may be spread over processes."""
    full = getattr(value, "full_tensor", None)
    return float(value if full is None else full())
