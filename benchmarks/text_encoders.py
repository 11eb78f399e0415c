"""Which text encoder tells a small network what stands where: `python -m benchmarks.text_encoders --byte-t5 FOLDER`.

The paper's lesson, that a frozen encoder of text alone suffices, in the small. Each arm feeds the same text side (text
layers and a map of places, `generators.training.placing`) with another encoder's states; all take the same steps on the
same scenes in the same order, and sit the same exam on captions that none of them saw: is a layout less of a surprise
by its own caption than by one with two colours changed over, the relation turned round, or another count (chance is
50 %), and has each letter's place on a sign the right letter. "Surprise" is the cross-entropy of a place. No pictures
are drawn: it is the text side's share alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGEN_MINI, MINILM, TextConfig
from generators.cascade.text import load_encoder
from generators.cascade.unet import UNet
from generators.contract import GeneratorError
from generators.training.byte_t5 import BYTES, CONFIG, END, HEADS, LAYERS, VOCABULARY, padded
from generators.training.config import TrainConfig
from generators.training.data_config import ScenesConfig
from generators.training.placing import Course, Lesson, teach, text_side
from generators.world.scenes.captions import Scene, caption_pool
from generators.world.scenes.layout import lay_out

OBJECTS = (
    "apple", "banana", "bird", "book", "car", "cat", "clock", "dog", "fish", "flower", "hat", "heart", "house", "star",
    "tree", "umbrella", "sign", "storefront", "blackboard",
)  # fmt: skip
SIDE = 16
SHARES = {"related": 2.5, "written": 2.5}
LEARNED_BYTES = 128
"""Width of the encoder that learns along: what the text side projects to anyway."""


class LearnedBytes(nn.Module):
    """An encoder of bytes that learns with the text side: embeddings of bytes and places, layers of a transformer."""

    def __init__(self, width: int, layers: int = LAYERS) -> None:
        super().__init__()
        self.bytes = nn.Embedding(VOCABULARY, width, padding_idx=0)
        self.places = nn.Parameter(torch.randn(CONFIG.max_tokens, width) * 0.3)
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(width, HEADS, 3 * width, 0.0, "gelu", batch_first=True, norm_first=True),
            layers,
            enable_nested_tensor=False,
        )

    def forward(self, captions: Sequence[str]) -> TextStates:
        """Captions -> states (n, longest, width)."""
        ids = padded(
            [[byte + BYTES for byte in text.encode()[: CONFIG.max_tokens - 1]] + [END] for text in captions], 0
        )
        mask = ids != 0
        states = self.layers(self.bytes(ids) + self.places[: ids.shape[1]], src_key_padding_mask=~mask)
        return TextStates(states, mask)


@dataclass(frozen=True, slots=True)
class Arm:
    """`encode`: captions -> states of `config.width`. `learned`: parameters that learn along. `layers`: text layers."""

    name: str
    config: TextConfig
    encode: Callable[[Sequence[str]], TextStates]
    frozen: int
    learned: tuple[nn.Parameter, ...] = ()
    layers: int = 2


class Kept:
    """A frozen encoder's states of a pool's captions, made once, in half precision."""

    def __init__(self, encode: Callable[[Sequence[str]], TextStates], captions: Sequence[str]) -> None:
        self.rows: list[Tensor] = []
        for first in range(0, len(captions), 256):
            states = encode(captions[first : first + 256])
            self.rows += [own[there].half() for own, there in zip(states.tokens, states.mask, strict=True)]

    def __call__(self, chosen: Sequence[int]) -> TextStates:
        rows = [self.rows[n].float() for n in chosen]
        lengths = torch.tensor([len(row) for row in rows])
        tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return TextStates(tokens, torch.arange(tokens.shape[1]) < lengths[:, None])


def arms(byte_t5: Path | None) -> list[Arm]:
    """What is compared."""

    def frozen(config: TextConfig, folder: str = "") -> tuple[Callable[[Sequence[str]], TextStates], int]:
        encoder = load_encoder(config, folder=folder, cached=False)
        return (lambda captions: encoder.encode(captions).states), encoder.files.parameters

    plain = dataclasses.replace(MINILM, quoted=0)
    quoted, size = frozen(MINILM)
    bare, _ = frozen(plain)
    found = [
        Arm("MiniLM-L6, frozen, with quoted characters", MINILM, quoted, size),
        Arm("MiniLM-L6, frozen, with quoted characters, no text layers", MINILM, quoted, size, layers=0),
        Arm("MiniLM-L6, frozen", plain, bare, size),
    ]
    if byte_t5 is not None:
        encode, size = frozen(CONFIG, str(byte_t5))
        found.append(Arm("byte-level T5, of text alone, frozen", CONFIG, encode, size))
    torch.manual_seed(0)
    joint = LearnedBytes(LEARNED_BYTES)
    config = TextConfig("learned bytes", LEARNED_BYTES, CONFIG.max_tokens)
    return [*found, Arm("bytes, learned along", config, joint, 0, tuple(joint.parameters()))]


def measure(arm: Arm, pool: Sequence[Scene], steps: int) -> dict[str, float | str]:
    """One arm's row."""
    unet = dataclasses.replace(IMAGEN_MINI.base.unet, text_layers=arm.layers, text_map=SIDE)
    torch.manual_seed(0)
    network = UNet(unet, arm.config)
    captions = [scene.caption for scene in pool]
    text: Callable[[Sequence[int]], TextStates] = (
        (lambda chosen: arm.encode([captions[n] for n in chosen])) if arm.learned else Kept(arm.encode, captions)
    )
    course = Course(OBJECTS, pool, text, arm.encode, lambda scene, rng: lay_out(scene, rng, steady=True))
    config = TrainConfig("imagen-mini", "base", ScenesConfig(""), batch=1, learning_rate=0.0, crop=64)
    learned = [*text_side(network, whole=True), *arm.learned]
    began = time.process_time()
    marks = teach(network, course, learned, config, Lesson(steps=steps), device=torch.device("cpu"), report=_say)
    return {
        "encoder": arm.name,
        "frozen": arm.frozen,
        "learned": sum(parameter.numel() for parameter in learned),
        **marks,
        "cpu_seconds": time.process_time() - began,
    }


def table(rows: Sequence[dict[str, float | str]], steps: int) -> str:
    """As Markdown."""
    head = ("encoder", "parameters, frozen", "learned", "colours", "relation", "count", "letters", "surprise", "CPU-s")
    lines = [head, ["---"] * len(head)]
    for row in rows:
        sizes = [f"{float(row[name]) / 1e6:.1f} M" for name in ("frozen", "learned")]
        marks = [f"{float(row[name]):.1%}" for name in ("colours", "relation", "count", "letters")]
        surprise, seconds = float(row["surprise"]), float(row["cpu_seconds"])
        lines.append([str(row["encoder"]), *sizes, *marks, f"{surprise:.2f}", f"{seconds:.0f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{steps} steps of 64 captions each."


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.text_encoders",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--byte-t5", type=Path, metavar="FOLDER", help="made by python -m generators.training.byte_t5")
    parser.add_argument("--steps", type=int, default=1000, help="of 64 captions, for each arm (%(default)s)")
    parser.add_argument(
        "--captions", type=int, default=12_000, help="distinct ones that are learned from (%(default)s)"
    )
    parser.add_argument("--only", metavar="WORDS", default="", help="arms alone whose name has these words")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    args = refuse_repeated(parser).parse_args(argv)
    pool = caption_pool(args.captions, OBJECTS, 0, shares=SHARES)
    rows = []
    try:
        for arm in arms(args.byte_t5):
            if args.only in arm.name:
                _say(arm.name)
                rows.append(measure(arm, pool, args.steps))
                _say(json.dumps(rows[-1]))
    except GeneratorError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(table(rows, args.steps))
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
