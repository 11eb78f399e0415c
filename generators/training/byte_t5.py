"""A byte-level T5 encoder of our own, trained on text alone and then frozen: what the paper's T5-XXL is, in the small.

It learns by span corruption (Raffel et al. 2020, section 3.1.4) on the world's captions and definitions: runs of bytes
are cut out, a small decoder says them again. What is kept is the encoder, a folder as transformers writes it, which any
cascade reads as it reads ByT5 (`generators.cascade.text`). It knows no more of language than those texts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from common.commands import BAD_INPUT, SUCCESS, refuse_repeated
from common.vision_operators import torchvision_importable
from generators.cascade.configs import ConfigError, TextConfig
from generators.places import TRAINING
from generators.tensor_file import save_tensors
from generators.training.fitting import Pace, computing, fit
from generators.world.scenes.captions import sample_scene
from generators.world.scenes.concepts import CONCEPTS

CONFIG = TextConfig(encoder="byte-t5-scenes", width=256, max_tokens=160)
LAYERS, HEADS, FEED = 4, 4, 768
"""facts: d 256, 4 layers, 4 heads, gated feed-forward of 768: 3.5 million parameters."""

BYTES, END = 3, 1
"""Ids of ByT5: 0 pads, 1 ends, 2 is unknown, a byte is its value and three; then come the marks of cut spans."""
MARKS = 259
VOCABULARY = 384

CUT_SHARE = 0.2
"""Of a text's bytes. 0.15 in the paper, for texts of 512 tokens."""
SPAN = 5.0
"""Bytes that a span has, on average. 20 in ByT5 (Xue et al. 2022), for texts of 1024 bytes."""
LONGEST = 160
PACE = Pace(learning_rate=1e-3, warmup=100, cooldown=0.5, weight_decay=0.01, clip=1.0)


@dataclass(frozen=True, slots=True)
class Corrupted:
    """`given`: ids with a mark for each span that was cut out. `wanted`: each mark with what it stands for."""

    given: list[int]
    wanted: list[int]


def corrupt(text: str, rng: np.random.Generator) -> Corrupted:
    """Cut spans out of a text's bytes; at least one of at least one byte.

    Raises:
        ValueError: an empty text.
    """
    ids = [byte + BYTES for byte in text.encode()[: LONGEST - 1]]
    if not ids:
        raise ValueError("an empty text has nothing that could be cut out")
    cut = min(max(1, round(CUT_SHARE * len(ids))), max(1, len(ids) - 1))
    spans = min(max(1, round(cut / SPAN)), cut, len(ids) - cut + 1)
    lengths = _parts(cut, spans, rng, least=1)
    kept = _parts(len(ids) - cut - (spans - 1), spans + 1, rng, least=0)
    given: list[int] = []
    wanted: list[int] = []
    at = 0
    for number, length in enumerate(lengths):
        gap = kept[number] + (number > 0)  # spans don't touch
        given += [*ids[at : at + gap], MARKS + number]
        wanted += [MARKS + number, *ids[at + gap : at + gap + length]]
        at += gap + length
    return Corrupted([*given, *ids[at:], END], [*wanted, END])


def _parts(total: int, count: int, rng: np.random.Generator, *, least: int) -> list[int]:
    """`count` whole numbers of at least `least` by chance that add up to `total`."""
    free = total - least * count
    edges = np.sort(rng.integers(0, free + 1, count - 1))
    return [int(part) + least for part in np.diff(np.concatenate(([0], edges, [free])))]


def texts(rng: np.random.Generator, concepts: Sequence[str], count: int) -> list[str]:
    """Captions and, one in five, definitions."""
    glosses = [CONCEPTS[name].gloss for name in concepts if CONCEPTS[name].gloss]
    return [
        glosses[int(rng.integers(len(glosses)))]
        if glosses and rng.random() < 0.2
        else sample_scene(rng, concepts).caption
        for _ in range(count)
    ]


def padded(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    """(rows, longest) int64."""
    held = torch.full((len(rows), max(map(len, rows))), fill)
    for index, row in enumerate(rows):
        held[index, : len(row)] = torch.tensor(row)
    return held


def train_byte_t5(
    out: Path,
    concepts: Sequence[str],
    *,
    minutes: float,
    batch: int = 64,
    seed: int = 0,
    device: str = "cpu",
    layers: int = LAYERS,
    report: Callable[[str], None] = print,
) -> dict[str, float]:
    """Train one and write its encoder to the folder `out`; returns what it measured and how far it came.

    `right`: share of the bytes of cut spans that it says rightly, in captions that it did not see, each from the bytes
    before it; `steps`: of `batch` texts.
    """
    torchvision_importable()
    from transformers import T5Config, T5ForConditionalGeneration  # slow to import

    torch.manual_seed(seed)
    config = T5Config.from_dict({
        "vocab_size": VOCABULARY, "d_model": CONFIG.width, "d_kv": CONFIG.width // HEADS, "d_ff": FEED,
        "num_layers": layers, "num_decoder_layers": 1, "num_heads": HEADS, "feed_forward_proj": "gated-gelu",
        "dropout_rate": 0.0, "tie_word_embeddings": False, "pad_token_id": 0, "eos_token_id": END,
        "decoder_start_token_id": 0,
    })  # fmt: skip
    model: nn.Module = T5ForConditionalGeneration(config)
    model.to(device)

    def loss_of(step: int) -> Tensor:
        return _loss_and_right(model, _batch(concepts, batch, seed, step), device)[0]

    done = fit("byte-t5", model, loss_of, PACE, minutes=minutes, report=report)
    with torch.inference_mode():
        right = [_loss_and_right(model, _batch(concepts, batch, seed + 1, step), device)[1] for step in range(4)]
    measured = {"right": sum(right) / len(right), "steps": float(done.steps)}
    _write(model, out, concepts, measured, batch)  # without the clock's part: the files are hashed
    return {**measured, "seconds": done.seconds}


def _batch(concepts: Sequence[str], batch: int, seed: int, step: int) -> list[Corrupted]:
    rng = np.random.Generator(np.random.Philox(key=[seed, step]))
    return [corrupt(text, rng) for text in texts(rng, concepts, batch)]


def _loss_and_right(model: nn.Module, rows: Sequence[Corrupted], device: str) -> tuple[Tensor, float]:
    given = padded([row.given for row in rows], 0).to(device)
    labels = padded([row.wanted for row in rows], -100).to(device)
    with computing(device):
        seen = model(input_ids=given, attention_mask=(given != 0).long(), labels=labels)
    asked = (labels >= BYTES) & (labels < MARKS)
    right = float((seen.logits.argmax(-1) == labels)[asked].float().mean())
    return cast(Tensor, seen.loss), right


def _write(model: nn.Module, out: Path, concepts: Sequence[str], measured: dict[str, float], batch: int) -> None:
    """The encoder alone, as transformers reads it back."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value.detach().float().cpu().contiguous()
        for name, value in model.state_dict().items()
        if name.startswith("encoder.") or name == "shared.weight"
    }
    kept.pop("encoder.embed_tokens.weight", None)  # the same tensor as shared.weight
    save_tensors(out / "model.safetensors", kept, {"format": "pt"})
    told = json.loads(model.config.to_json_string(use_diff=False))  # type: ignore[union-attr, operator]
    told |= {"architectures": ["T5EncoderModel"], "tokenizer_class": "ByT5Tokenizer"}
    told["drawbench"] = {**measured, "batch": batch, "concepts": len(concepts)}
    (out / "config.json").write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """The command line. 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m generators.training.byte_t5",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="wall-clock budget (%(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="texts a step (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TRAINING / "byte-t5", help="folder (%(default)s)")
    args = refuse_repeated(parser).parse_args(argv)
    try:
        if args.minutes <= 0 or args.batch < 1:
            raise ConfigError("--minutes must be more than 0 and --batch at least 1")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        measured = train_byte_t5(
            args.out, tuple(CONCEPTS), minutes=args.minutes, batch=args.batch, seed=args.seed, device=device
        )
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    print(f"{args.out}: {measured['right']:.1%} of cut bytes right after {measured['steps']:.0f} steps")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
