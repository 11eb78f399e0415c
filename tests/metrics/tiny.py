"""Small networks of the real architectures with random weights, saved as a user's folders are. No network needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = {"vocab_size": 600, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_clip(folder: Path, seed: int = 0, *, side: int = 32, longest: int = 20) -> Path:
    """A CLIP of 32 dimensions for images of `side` pixels and texts of `longest` tokens, one letter a token."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    ends = {"bos_token_id": 598, "eos_token_id": 599, "pad_token_id": 599}
    config = CLIPConfig(
        text_config={**TEXT, **ends, "max_position_embeddings": longest, "projection_dim": 16},
        vision_config={**VISION, "image_size": side, "patch_size": 8, "projection_dim": 16},
        projection_dim=16,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(folder)
    _save_letters(folder)
    _save_preparation(folder, "CLIPImageProcessor", side)
    return folder


def save_siglip(folder: Path, seed: int = 0) -> Path:
    """A SigLIP of 32 dimensions for images of 32 pixels and texts of 20 tokens."""
    import torch
    from transformers import SiglipConfig, SiglipModel

    ends = {"bos_token_id": 598, "eos_token_id": 599, "pad_token_id": 599}
    config = SiglipConfig(
        text_config={**TEXT, **ends, "max_position_embeddings": 20, "projection_size": 32},
        vision_config={**VISION, "image_size": 32, "patch_size": 8},
    )
    torch.manual_seed(seed)
    SiglipModel(config).save_pretrained(folder)
    _save_letters(folder)
    made = {"height": 32, "width": 32}
    config_of = {"image_processor_type": "SiglipImageProcessor", "size": made, "resample": 3}
    half = [0.5, 0.5, 0.5]
    (folder / "preprocessor_config.json").write_text(json.dumps({**config_of, "image_mean": half, "image_std": half}))
    return folder


def save_dinov2(folder: Path, seed: int = 0) -> Path:
    """A DINOv2 of 32 dimensions, patches of 14 pixels, trained (as it were) at 28 pixels."""
    import torch
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(seed)
    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    return folder


def _save_letters(folder: Path) -> None:
    """CLIP's tokenizer with a vocabulary of single letters and no merges."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += [f"<unused{i}>" for i in range(598 - len(words))] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer.from_pretrained(folder, local_files_only=True).save_pretrained(folder)


def _save_preparation(folder: Path, kind: str, side: int) -> None:
    made: dict[str, Any] = {"image_processor_type": kind, "size": {"shortest_edge": side}, "resample": 3}
    made["crop_size"] = {"height": side, "width": side}
    made |= {"do_center_crop": True, "do_resize": True, "do_normalize": True}
    made["image_mean"], made["image_std"] = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    (folder / "preprocessor_config.json").write_text(json.dumps(made))
