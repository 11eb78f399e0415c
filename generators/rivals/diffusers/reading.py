"""What of a prompt a pipeline's text encoders do not read: diffusers cuts it off and says so in a log alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from common.parameters import ParameterValue
from generators.prompt_notes import CUT
from generators.rivals.diffusers.stages import Stage

CUT_BY_SOME = "prompt_text_cut_by_some"
"""Key of provenance: the end of the prompt that one text encoder did not read and another did."""

IF_LENGTH = 77
"""Tokens that DeepFloyd IF's pipelines read, whatever their tokenizer could (pipeline_if.py, encode_prompt)."""


def unread(stages: list[Stage], prompt: str, arguments: Mapping[str, Any]) -> dict[str, ParameterValue]:
    """What was cut off, as provenance; nothing where all was read. The text that no encoder read, and that some did
    not."""
    ends: list[str] = []
    for stage in stages:
        for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
            tokenizer = getattr(stage.pipe, name, None)
            if tokenizer is not None:
                ends.append(_end(tokenizer, prompt, _limit(stage, tokenizer, arguments)))
    if not ends or not any(ends):
        return {}
    return {CUT: min(ends, key=len)} if all(ends) else {CUT_BY_SOME: max(ends, key=len)}


def is_if(pipe: Any) -> bool:
    """Whether a pipeline is one of DeepFloyd IF's."""
    return type(pipe).__name__.startswith("IF")


def _limit(stage: Stage, tokenizer: Any, arguments: Mapping[str, Any]) -> int:
    """Tokens that are read."""
    limit = int(min(tokenizer.model_max_length, 1_000_000))
    if is_if(stage.pipe):
        return IF_LENGTH
    longest = inspect.signature(type(stage.pipe).__call__).parameters.get("max_sequence_length")
    if longest is not None and "clip" not in type(tokenizer).__name__.lower():
        said = arguments.get("max_sequence_length", longest.default)
        return int(said) if isinstance(said, int) else limit
    return limit


def _end(tokenizer: Any, prompt: str, limit: int) -> str:
    """The prompt's text beyond the tokens that are read; "" where it fits."""
    tokens = tokenizer(prompt, truncation=False, verbose=False)["input_ids"]
    if len(tokens) <= limit:
        return ""
    return str(tokenizer.decode(tokens[limit - 1 :], skip_special_tokens=True)).strip() or "its last token"
