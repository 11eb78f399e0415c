"""How large each stage is, beside the paper: `python -m generators.cascade.counts [--write]`.

Networks are built on torch's meta device, which holds shapes alone: counting two billion parameters takes no memory.
`--write` puts the table into docs/cascade.md; a test holds the page to it.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from common.commands import SUCCESS, refuse_repeated, run_command
from common.pages import write_section
from common.places import DOCUMENTATION
from generators.cascade.blocks import TextStates
from generators.cascade.configs import CASCADES, STAGES, StageConfig, TextConfig
from generators.cascade.networks import build_unet

PAPER = {"base": 2000.0, "sr256": 600.0, "sr1024": 400.0}
"""Million parameters of the paper's stages, as it rounds them [2.5, F]."""

PAGE = DOCUMENTATION / "cascade.md"
START, END = "<!-- counts -->", "<!-- end of counts -->"


@dataclass(frozen=True, slots=True)
class Count:
    """One stage's network. `parameters`: how many. `flop`: of one forward of one whole image with 64 text tokens,
    convolutions and products alone, an addition and a multiplication as two.
    """

    parameters: int
    flop: int


@functools.cache
def count(stage: StageConfig, text: TextConfig) -> Count:
    """Count a stage's network without building it in memory."""
    with torch.device("meta"):
        network = build_unet(stage, text)
        z, level = torch.empty(1, 3, stage.size, stage.size), torch.empty(1)
        states = TextStates(torch.empty(1, 64, text.width), torch.empty(1, 64, dtype=torch.bool))
        rest = (z, level) if stage.low_size else ()
        with FlopCounterMode(display=False) as counter:
            network(z, level, states, torch.empty(1, dtype=torch.bool), *rest)
    return Count(sum(parameter.numel() for parameter in network.parameters()), int(counter.get_total_flops()))


def table() -> str:
    """All configurations as Markdown."""
    lines = [
        "| configuration | text encoder | stage | parameters | the paper's | GFLOP a forward |",
        "|---|---|---|---|---|---|",
    ]
    for cascade in CASCADES.values():
        for name in STAGES:
            held = count(cascade.stage(name), cascade.text)
            millions = held.parameters / 1e6
            paper = ""
            if cascade.name == "imagen-xxl":
                paper = f"{PAPER[name]:,.0f} M ({millions / PAPER[name] - 1:+.0%})"
            lines.append(
                f"| `{cascade.name}` | {cascade.text.encoder}, {cascade.text.width} wide | `{name}` "
                f"| {_short(millions)} M | {paper} | {_short(held.flop / 1e9)} |"
            )
    return "\n".join(lines)


def _short(value: float) -> str:
    """Three digits and more: 4.08, 131, 2,182."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def main(arguments: Sequence[str]) -> int:
    """The command line: prints the table; 2 where the page has no place for it."""
    parser = argparse.ArgumentParser(prog="python -m generators.cascade.counts", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/cascade.md, too")
    args = refuse_repeated(parser).parse_args(arguments)
    made = table()
    print(made)
    if args.write:
        write_section(PAGE, START, END, made)
    return SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
