"""What of a prompt a pipeline's text encoders do not read: diffusers cuts it off and says so in a log alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from common.parameters import ParameterValue
from common.vision_operators import torchvision_importable
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
        for tokenizer in _tokenizers(stage.pipe):
            heard = tokenizer.heard(prompt) if isinstance(tokenizer, _Heard) else None
            if heard is None:  # it was not asked by this prompt's own words
                heard = _end(tokenizer, prompt, _limit(stage, tokenizer, arguments))
            ends.append(heard)
    if not ends or not any(ends):
        return {}
    return {CUT: min(ends, key=len)} if all(ends) else {CUT_BY_SOME: max(ends, key=len)}


def listen(pipe: Any) -> None:
    """Note from now on what the tokenizers of a pipeline cut off: each pipeline has its own length for them."""
    for tokenizer in _tokenizers(pipe):
        kind = type(tokenizer)
        if not isinstance(tokenizer, _Heard):
            tokenizer.__class__ = type(kind.__name__, (_Heard, kind), {})
        tokenizer.ends = {}


class _Heard:
    """A tokenizer that notes what it cuts off. `ends`: text -> the tokens of its end that were not read."""

    ends: dict[str, list[int]]

    def __call__(self, text: Any = None, *arguments: Any, **options: Any) -> Any:
        encode = super().__call__  # type: ignore[misc]  # of the tokenizer's own class
        if options.get("truncation") and not arguments:
            special = {"add_special_tokens": bool(options.get("add_special_tokens", True)), "verbose": False}
            limit = int(options.get("max_length") or self.model_max_length)  # type: ignore[attr-defined]
            for each in [text] if isinstance(text, str) else list(text or ()):
                whole = encode(each, truncation=False, **special)["input_ids"]
                read = encode(each, truncation=True, max_length=limit, **special)["input_ids"]
                self.ends[each] = [] if len(whole) <= limit else whole[_shared(whole, read) :]
        return encode(text, *arguments, **options)

    def heard(self, prompt: str) -> str | None:
        """What it cut off of a prompt, or of a longer text around it; None where it read no such text."""
        wanted = _plain(prompt)
        around = [text for text in self.ends if wanted in _plain(text)]
        if not around:
            return None
        text = min(around, key=len)
        end, after = self.ends[text], text.partition(prompt)[2]
        if after:  # what the pipeline itself wrote behind the prompt
            encode = super().__call__  # type: ignore[misc]
            end = end[: max(0, len(end) - len(encode(after, add_special_tokens=False)["input_ids"]))]
        return _decoded(self, end) if end else ""


def _tokenizers(pipe: Any) -> list[Any]:
    torchvision_importable()
    from transformers import PreTrainedTokenizerBase

    return [part for part in pipe.components.values() if isinstance(part, PreTrainedTokenizerBase)]


def _plain(text: str) -> str:
    """A text as pipelines that clean it see it too."""
    return "".join(text.lower().split())


def _shared(whole: list[int], read: list[int]) -> int:
    return next((at for at, (one, other) in enumerate(zip(whole, read, strict=False)) if one != other), len(read))


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
    return _decoded(tokenizer, tokens[limit - 1 :])


def _decoded(tokenizer: Any, tokens: list[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=True)).strip() or "its last token"
