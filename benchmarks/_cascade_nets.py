"""The networks that benchmarks/cascade.py times, each in a process of its own: ours, imagen-pytorch's and diffusers'.

A peer gets the shape of ours as nearly as its constructor can: channels, blocks, where it attends, the same text and
the same pictures. What it has besides (imagen-pytorch: feed-forward layers, global context) stays as it comes, and the
table tells its parameters.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from common.places import CHECKOUT
from common.vision_operators import torchvision_importable
from generators.cascade.blocks import TextStates
from generators.cascade.configs import UNetConfig, cascade_config
from generators.cascade.networks import build_unet
from generators.cascade.variants import Variant, variant_of

FOLDER = CHECKOUT / ".tools" / "cascade-peers"
INSTALL = (
    "not installed: .venv/bin/python -m pip install --no-deps --target .tools/cascade-peers "
    "-r benchmarks/requirements-cascade-peers.txt"
)
TOKENS = 64
Part = Literal["base", "sr256", "sr1024"]
Network = tuple[nn.Module, Callable[[], Tensor]]
"""A network and one forward of it on random input."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is measured. `variant`: which of our networks of the 256 stage, or, for diffusers, whose shape it takes.

    `channels_last`: the layout of weights and pictures. imagen-pytorch is measured in both: on a CPU it draws faster in
    the one and trains many times faster in the other.
    """

    who: str
    library: Literal["own", "imagen-pytorch", "diffusers"]
    cascade: str
    part: Part
    variant: Variant = "efficient"
    channels_last: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What a contender is. `flop`: of one forward of the batch. `forward_mb`, `train_mb`: peak above its weights."""

    parameters: int
    flop: int
    forward_mb: float
    train_mb: float


def make(contender: Contender, batch: int, device: str) -> Network:
    """The contender's network, in training mode, and a forward of it.

    Raises:
        ImportError: a peer that is not installed.
    """
    torch.manual_seed(0)
    cascade = cascade_config(contender.cascade)
    stage = variant_of(cascade, contender.variant) if contender.part == "sr256" else cascade.stage(contender.part)
    tokens = torch.randn(batch, TOKENS, cascade.text.width, device=device)
    mask = torch.ones(batch, TOKENS, dtype=torch.bool, device=device)
    t = torch.full((batch,), 0.5, device=device)
    layout = torch.channels_last if contender.channels_last else torch.contiguous_format
    if contender.library == "own":
        picture = _picture(batch, 3, stage.size, device, layout)
        network = _placed(build_unet(stage, cascade.text), device, layout)
        rest = (picture, t) if stage.low_size else ()
        return network, lambda: network(picture, t, TextStates(tokens, mask), mask[:, 0], *rest)
    images = 2 if stage.low_size else 1
    channels, side = 3 * stage.unet.patch**2, stage.size // stage.unet.patch
    seen = _picture(batch, images * channels, side, device, layout)
    if contender.library == "diffusers":
        network = _placed(_diffusers(stage.unet, cascade.text.width, images * channels, channels), device, layout)
        return network, lambda: network(seen, t, encoder_hidden_states=tokens).sample
    network = _placed(_imagen_pytorch(stage.unet, cascade.text.width, channels, bool(stage.low_size)), device, layout)
    shown, low = seen[:, :channels], seen[:, channels:]
    given = {"lowres_cond_img": low, "lowres_noise_times": t} if stage.low_size else {}
    return network, lambda: network(shown, t, text_embeds=tokens, text_mask=mask, **given)


def _picture(batch: int, channels: int, side: int, device: str, layout: torch.memory_format) -> Tensor:
    return torch.randn(batch, channels, side, side, device=device).to(memory_format=layout)


def _placed(network: nn.Module, device: str, layout: torch.memory_format) -> nn.Module:
    return network.to(device=device, memory_format=layout)  # type: ignore[call-overload]


def _diffusers(unet: UNetConfig, text_width: int, seen: int, drawn: int) -> nn.Module:
    _peers("diffusers")
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    attends = [level in unet.text_attention for level in range(len(unet.channels))]
    network: nn.Module = UNet2DConditionModel(
        in_channels=seen,
        out_channels=drawn,
        block_out_channels=unet.channels,
        layers_per_block=unet.blocks,
        down_block_types=tuple("CrossAttnDownBlock2D" if here else "DownBlock2D" for here in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if here else "UpBlock2D" for here in reversed(attends)),
        mid_block_type="UNetMidBlock2DCrossAttn" if attends[-1] else "UNetMidBlock2D",
        cross_attention_dim=text_width,
        # It means the number of heads (huggingface/diffusers, issue 2011).
        attention_head_dim=tuple(
            max(1, width // unet.head_width) if here else 1 for width, here in _zip(unet, attends)
        ),
        resnet_time_scale_shift="scale_shift",
        norm_num_groups=16,
    )
    return network


def _zip(unet: UNetConfig, attends: list[bool]) -> Iterator[tuple[int, bool]]:
    return zip(unet.channels, attends, strict=True)


def _imagen_pytorch(unet: UNetConfig, text_width: int, channels: int, low_res: bool) -> nn.Module:
    _peers("imagen_pytorch")
    import transformers

    # It asks the network for a T5's configuration when it is imported, as a default argument.
    transformers.T5Config.from_pretrained = classmethod(  # type: ignore[method-assign,assignment]
        lambda cls, *_, **__: transformers.T5Config(d_model=text_width)
    )
    # Its package imports trainers and data sets, and these a dozen more packages; the U-Net needs none of them.
    if "imagen_pytorch" not in sys.modules:
        package = types.ModuleType("imagen_pytorch")
        package.__path__ = [str(FOLDER / "imagen_pytorch")]
        sys.modules["imagen_pytorch"] = package
    from imagen_pytorch.imagen_pytorch import Unet  # type: ignore[import-not-found]

    levels = range(len(unet.channels))
    shape: dict[str, object] = {
        "dim": unet.channels[0],
        "dim_mults": tuple(max(1, round(width / unet.channels[0])) for width in unet.channels),
        "num_resnet_blocks": unet.blocks,
        "channels": channels,
        "text_embed_dim": text_width,
        "max_text_len": TOKENS,
        "lowres_cond": low_res,
        "layer_attns": tuple(level in unet.self_attention for level in levels),
        "layer_cross_attns": tuple(level in unet.text_attention for level in levels),
        "attend_at_middle": bool(unet.self_attention),
        "attn_heads": max(2, unet.channels[-1] // unet.head_width),
        "attn_dim_head": unet.head_width,
        "memory_efficient": unet.kind == "efficient",
    }
    with contextlib.redirect_stdout(sys.stderr):  # it has advice for small networks
        network: nn.Module = Unet(**shape)
    return network


def _peers(wanted: str) -> None:
    """Put the peers' folder on the path; what they import of torchvision does not need its operators."""
    if not (FOLDER / wanted).is_dir():
        raise ModuleNotFoundError(f"{FOLDER} has no {wanted}", name=wanted)
    os.environ["HF_HUB_OFFLINE"] = "1"
    torchvision_importable()
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))


# --- One contender in its process -------------------------------------------------------------------------------------


def serve(connection: Connection, contender: Contender, batch: int, device: str, threads: int) -> None:
    """Sends `Facts` or why there are none, then seconds for each "forward" or "train" that it is sent, until None."""
    torch.set_num_threads(threads)
    try:
        network, call = make(contender, batch, device)
    except ImportError as error:
        connection.send(f"{INSTALL} ({error.name or error})")
        return
    except Exception as error:
        connection.send(f"can't be built: {type(error).__name__}: {str(error).splitlines()[0]}")
        return
    works = {"forward": lambda: _forward(call, device), "train": lambda: _train(network, call, device)}
    try:
        before = held_megabytes(device)
        peaks = [peak_megabytes(works[name], device) - before for name in ("forward", "train")]
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            call()
    except (RuntimeError, MemoryError) as error:
        connection.send(f"failed: {str(error).splitlines()[0]}")
        return
    parameters = sum(parameter.numel() for parameter in network.parameters())
    connection.send(Facts(parameters, int(counter.get_total_flops()), peaks[0], peaks[1]))
    while (name := connection.recv()) is not None:
        connection.send(seconds(works[name], device))


def _forward(call: Callable[[], Tensor], device: str) -> None:
    with torch.inference_mode(), _precision(device):
        call()


def _train(network: nn.Module, call: Callable[[], Tensor], device: str) -> None:
    """Forward and backward; no optimiser, whose cost is that of the parameters alone."""
    network.zero_grad(set_to_none=True)
    with _precision(device):
        output = call()
    F.mse_loss(output.float(), torch.ones_like(output, dtype=torch.float32)).backward()


def _precision(device: str) -> torch.autocast:
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=device != "cpu")


def seconds(work: Callable[[], object], device: str) -> float:
    """Seconds of a call: on a CPU the processor's, all threads: a busy machine changes them little; else the wall's."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    _wait(device)
    began = clock()
    work()
    _wait(device)
    return clock() - began


def held_megabytes(device: str) -> float:
    """Memory in use now, in MB (10^6 bytes)."""
    if device != "cpu":
        return torch.cuda.memory_allocated(device) / 1e6
    return _status("VmRSS") * 1024 / 1e6


def peak_megabytes(work: Callable[[], object], device: str) -> float:
    """Memory in use during a call, at most, in MB."""
    if device != "cpu":
        _wait(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        _wait(device)
        return torch.cuda.max_memory_allocated(device) / 1e6
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    work()
    return _status("VmHWM") * 1024 / 1e6


def _status(name: str) -> float:
    """A line of /proc/self/status in kB; elsewhere than on Linux the process's peak so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / (1024 if sys.platform == "darwin" else 1)
    return float(next(line.split()[1] for line in lines if line.startswith(name + ":")))


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
