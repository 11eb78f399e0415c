"""Small networks of the real architectures with random weights, saved as a user's folders are. No network needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT: dict[str, Any] = {
    "vocab_size": 600, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
}  # fmt: skip
VISION: dict[str, Any] = {key: value for key, value in TEXT.items() if key != "vocab_size"}


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


KINDS = {0: "cat", 1: "dog", 2: "wine glass"}


def save_yolos(folder: Path) -> Path:
    """A YOLOS that knows cats, dogs and wine glasses by name only."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(1)
    config = YolosConfig(**VISION, image_size=[64, 64], patch_size=16, num_detection_tokens=10, id2label=KINDS)
    YolosForObjectDetection(config).save_pretrained(folder)
    size = {"shortest_edge": 48, "longest_edge": 64}
    made = {"image_processor_type": "YolosImageProcessor", "size": size, "format": "coco_detection"}
    (folder / "preprocessor_config.json").write_text(json.dumps(made))
    return folder


def save_rt_detr(folder: Path) -> Path:
    """An RT-DETR of the same three kinds."""
    import torch
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    stages: dict[str, Any] = {
        "hidden_sizes": [8, 8, 16, 16],
        "depths": [1, 1, 1, 1],
        "out_features": ["stage2", "stage3", "stage4"],
    }
    torch.manual_seed(1)
    config = RTDetrConfig(
        backbone_config=RTDetrResNetConfig(embedding_size=8, layer_type="basic", **stages),
        d_model=16,
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        decoder_in_channels=[16, 16, 16],
        num_queries=12,
        decoder_layers=1,
        decoder_attention_heads=2,
        encoder_attention_heads=2,
        num_denoising=0,
        id2label=KINDS,
    )
    RTDetrForObjectDetection(config).save_pretrained(folder)
    made = {"image_processor_type": "RTDetrImageProcessor", "size": {"height": 64, "width": 64}}
    (folder / "preprocessor_config.json").write_text(json.dumps(made))
    return folder


def save_owl(folder: Path, kind: str) -> Path:
    """An OWL-ViT ("owlvit") or OWLv2 ("owlv2")."""
    import torch
    import transformers

    name = {"owlvit": "OwlViT", "owlv2": "Owlv2"}[kind]
    ends = {"bos_token_id": 598, "eos_token_id": 599, "pad_token_id": 0}
    torch.manual_seed(1)
    config = getattr(transformers, f"{name}Config")(
        text_config={**TEXT, **ends, "max_position_embeddings": 16},
        vision_config={**VISION, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )
    getattr(transformers, f"{name}ForObjectDetection")(config).save_pretrained(folder)
    _save_letters(folder)
    size = {"height": 64, "width": 64}
    made = {"image_processor_type": f"{name}ImageProcessor", "processor_class": f"{name}Processor", "size": size}
    (folder / "preprocessor_config.json").write_text(json.dumps({**made, "crop_size": size}))
    return folder


def save_grounding_dino(folder: Path) -> Path:
    """A Grounding DINO whose words are single letters."""
    import torch
    from transformers import BertConfig, BertTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    bert = BertConfig(vocab_size=120, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    stages: dict[str, Any] = {"depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}
    stages["out_features"] = ["stage2", "stage3", "stage4"]
    swin = SwinConfig(image_size=64, embed_dim=8, **stages)
    torch.manual_seed(1)
    config = GroundingDinoConfig(
        backbone_config=swin, text_config=bert, d_model=32, num_queries=12, num_feature_levels=4,
        encoder_layers=1, decoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2,
    )  # fmt: skip
    GroundingDinoForObjectDetection(config).save_pretrained(folder)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    made = {"image_processor_type": "GroundingDinoImageProcessor", "processor_class": "GroundingDinoProcessor"}
    size = {"shortest_edge": 64, "longest_edge": 96}
    (folder / "preprocessor_config.json").write_text(json.dumps({**made, "size": size}))
    return folder
