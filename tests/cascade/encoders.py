"""Small real text encoders, random-initialised, saved as their hub repositories are: no network, no download."""

from pathlib import Path

import torch
from transformers import (
    ByT5Tokenizer,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

WIDTH = 32
WORDS = ("a", "red", "blue", "car", "dog", "and", "two", "of", "on", "the")
SHAPE: dict[str, object] = {
    "d_model": WIDTH,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_proj": "gated-gelu",
}


def write_tokenizer(folder: Path) -> None:
    """A Unigram tokenizer as T5's, of ten words and the letters."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -4.0)]
    pieces += [(f"\u2581{word}", -2.0) for word in WORDS]
    pieces += [(chr(letter), -6.0) for letter in range(ord("a"), ord("z") + 1)]
    T5Tokenizer(vocab=pieces, extra_ids=0).save_pretrained(folder)


def write_t5(folder: Path, *, decoder: bool = False, shard: str = "10GB") -> Path:
    """A T5 encoder; with `decoder` a whole encoder-decoder, as most checkpoints are. `shard`: the largest file."""
    torch.manual_seed(0)
    kind = T5ForConditionalGeneration if decoder else T5EncoderModel
    kind(T5Config.from_dict({**SHAPE, "vocab_size": 64})).save_pretrained(folder, max_shard_size=shard)
    write_tokenizer(folder)
    return folder


def write_umt5(folder: Path) -> Path:
    """A UMT5 encoder: each of its layers has relative distances of its own."""
    torch.manual_seed(0)
    UMT5EncoderModel(UMT5Config.from_dict({**SHAPE, "vocab_size": 64})).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_byt5(folder: Path) -> Path:
    """A ByT5 encoder: bytes are its tokens, so there are no tokenizer files."""
    torch.manual_seed(0)
    config = {**SHAPE, "vocab_size": len(ByT5Tokenizer()), "tokenizer_class": "ByT5Tokenizer"}
    T5EncoderModel(T5Config.from_dict(config)).save_pretrained(folder)
    return folder
