"""The frozen text encoder [2.1]: any encoder in a folder or in the hub cache, through one code path, offline.

The paper uses T5-XXL. What ships is small: the token states of all-MiniLM-L6-v2, a language model trained on text
alone, from its Python package. A T5, mT5, UMT5 or ByT5 goes the same way, its width read from its own configuration;
of an encoder-decoder's checkpoint the encoder alone is loaded.
"""

from __future__ import annotations

import gc
import importlib.util
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from common.vision_operators import torchvision_importable
from common.words import nearest
from generators.cascade.blocks import TextStates
from generators.cascade.configs import TextConfig
from generators.cascade.quoted import quoted_states
from generators.cascade.text_cache import Entry, PromptFacts, TextCache, cache_bytes, cache_folder
from generators.cascade.text_files import PACKAGED, EncoderFiles, find_encoder, inspect_folder
from generators.contract import GeneratorError

log = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SPLIT = "split"
"""As a device: over all GPUs, then the CPU's memory (accelerate's device_map="auto")."""

LARGE = 1_000_000_000
"""Parameters from which "auto" means bfloat16, where the device computes in it."""

LONGEST_CUT_TEXT = 500


@dataclass(frozen=True, slots=True)
class Encoded:
    """`states`: token states of the prompts. `facts`: what became of each prompt."""

    states: TextStates
    facts: tuple[PromptFacts, ...]

    @property
    def cut(self) -> tuple[int, ...]:
        """For each prompt, how many tokens did not fit."""
        return tuple(facts.cut for facts in self.facts)


class Tokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    is_fast: bool
    unk_token_id: int | None

    def __call__(self, text: str, **options: bool) -> dict[str, list[int]]: ...

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str: ...


class TextEncoder:
    """A frozen encoder. It is loaded when the first prompt that no cache knows comes, and may be let go in between.

    `fingerprint`: SHA-256 over its files, "" for one that a package carries and the weights name.
    `notes`: what a reader of its results should know, for provenance: name -> text.
    """

    def __init__(
        self,
        files: EncoderFiles,
        config: TextConfig,
        *,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        cache: TextCache | None = None,
    ) -> None:
        self.files = files
        self.config = config
        self.device = device
        self.dtype = dtype
        self.cache = cache
        self.notes: dict[str, str] = {}
        self.fingerprint = ""
        self._tokenizer: Tokenizer | None = None
        self._model: nn.Module | None = None

    @property
    def bytes_needed(self) -> int:
        """Bytes that its weights take when loaded."""
        return self.files.parameters * self.dtype.itemsize

    @property
    def loaded(self) -> bool:
        """Whether its weights are in memory."""
        return self._model is not None

    def load(self) -> None:
        """Bring it into memory.

        Raises:
            GeneratorError: its files can't be read, lack weights, or there is no room for them.
        """
        if self._model is not None:
            return
        if self.device != SPLIT and torch.device(self.device).type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if self.bytes_needed > free:
                self.notes["text_device_note"] = (
                    f"{self.bytes_needed / 1e9:.1f} GB of text encoder don't fit the {free / 1e9:.1f} GB that are free "
                    f"on {self.device}: split over all devices"
                )
                log.warning("%s", self.notes["text_device_note"])
                self.device = SPLIT
        self._tokenizer, self._model = _load(self.files, self.device, self.dtype)

    def release(self) -> None:
        """Let go of its weights; they are loaded again when needed."""
        self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Encoded:
        """Token states, float32, padded to the longest prompt of the call; the mask tells where tokens stand."""
        if self.cache is None:
            return self._encode(prompts)
        entries: list[Entry] = []
        for prompt in prompts:
            entry = self.cache.get(prompt)
            if entry is None:
                # Alone, so that what is kept depends on this prompt only.
                alone = self._encode([prompt])
                entry = Entry(alone.states.tokens[0].to("cpu", self.dtype), alone.facts[0])
                self.cache.put(prompt, entry)
            entries.append(entry)
        device = "cpu" if self.device == SPLIT else self.device
        length = max(len(entry.states) for entry in entries)
        tokens = torch.zeros(len(entries), length, self.config.width)
        mask = torch.zeros(len(entries), length, dtype=torch.bool)
        for index, entry in enumerate(entries):
            tokens[index, : len(entry.states)] = entry.states.float()
            mask[index, : len(entry.states)] = True
        return Encoded(TextStates(tokens.to(device), mask.to(device)), tuple(entry.facts for entry in entries))

    def _encode(self, prompts: Sequence[str]) -> Encoded:
        self.load()
        assert self._tokenizer is not None and self._model is not None
        limit = self.config.max_tokens
        rows, facts = [], []
        for prompt in prompts:
            row, told = _tokens(self._tokenizer, prompt, limit)
            rows.append(row)
            facts.append(told)
        length = max(len(row) for row in rows)
        # Split over devices, accelerate's hooks move what comes in and out.
        device = "cpu" if self.device == SPLIT else self.device
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
            mask[index, : len(row)] = True
        states = cast(
            Tensor, self._model(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        ).float()
        if not bool(torch.isfinite(states).all()):
            raise GeneratorError(
                f"text encoder: its states are not finite in {str(self.dtype).removeprefix('torch.')}; "
                "use text_dtype=float32, and check its weights"
            )
        found = TextStates(states.to(device), mask.to(device))
        return Encoded(self._with_quoted(found, prompts) if self.config.quoted else found, tuple(facts))

    def _with_quoted(self, states: TextStates, prompts: Sequence[str]) -> TextStates:
        """The same with the quoted characters' states behind each prompt's own."""
        rows = [
            torch.cat((own[there], quoted_states(prompt, self.config.width, self.config.quoted).to(own)))
            for own, there, prompt in zip(states.tokens, states.mask, prompts, strict=True)
        ]
        lengths = torch.tensor([len(row) for row in rows], device=states.mask.device)
        tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return TextStates(tokens, torch.arange(tokens.shape[1], device=lengths.device) < lengths[:, None])


def load_encoder(
    config: TextConfig,
    *,
    folder: str = "",
    device: str = "cpu",
    dtype: str = "auto",
    later: bool = False,
    cached: bool = True,
) -> TextEncoder:
    """The encoder that a cascade was trained with.

    Args:
        folder: of its files, or a hub id in this machine's hub cache; empty for the one that `config` names.
        device: "cpu", "cuda", "cuda:1" ... or "split".
        dtype: "auto", "float32" or "bfloat16".
        later: check its files now, but load it with the first prompt that no cache knows.
        cached: keep states in the cache on disk, each prompt encoded alone; False where a caller keeps its own, in
            batches (training).

    Raises:
        GeneratorError: its files are missing, damaged or of another width, or the dtype is none for it.
    """
    files = inspect_folder(find_encoder(config.encoder, folder))
    if files.width != config.width:
        raise GeneratorError(
            f"text encoder in {files.folder} has token states of width {files.width}; these weights were trained on "
            f"{config.encoder} of width {config.width}"
        )
    if files.positions and config.max_tokens > files.positions:
        raise GeneratorError(
            f"text encoder in {files.folder} takes {files.positions} tokens at most; these weights want "
            f"{config.max_tokens}"
        )
    chosen, note = choose_dtype(dtype, device, files)
    encoder = TextEncoder(files, config, device=device, dtype=chosen)
    if note:
        encoder.notes["text_dtype_note"] = note
    small = not folder and config.encoder in PACKAGED  # encoding again is as quick as looking
    where = cache_folder()
    if not small:
        encoder.fingerprint = files.fingerprint(None if where is None else where / "files.json")
    if cached and not small and where is not None:
        encoder.cache = TextCache(
            where,
            encoder=f"{encoder.fingerprint}+{config.quoted}" if config.quoted else encoder.fingerprint,
            limit=config.max_tokens,
            dtype=chosen,
            most_bytes=cache_bytes(),
        )
    if not later:
        encoder.load()
    return encoder


def choose_dtype(asked: str, device: str, files: EncoderFiles) -> tuple[torch.dtype, str]:
    """The dtype to compute states in, and what to say of it ("" where it is as asked).

    Raises:
        GeneratorError: another than "auto", "float32" and "bfloat16", float16 with the reason.
    """
    if asked in ("float16", "fp16", "half"):
        raise GeneratorError(
            f"text_dtype {asked}: T5's feed-forward layers reach values that float16 can't hold (its largest is "
            "65504), and its states become infinite. Use bfloat16, which takes as little memory, or float32."
        )
    if asked != "auto" and asked not in DTYPES:
        choices = ("auto", *DTYPES)
        hint = nearest(asked, choices) or "."
        raise GeneratorError(f"text_dtype can't be {asked!r}{hint} It is one of: {', '.join(choices)}")
    native = has_bfloat16(device)
    if asked == "auto":
        return (torch.bfloat16 if native and files.parameters >= LARGE else torch.float32), ""
    if asked == "bfloat16" and not native:
        return torch.float32, f"{device} does not compute in bfloat16: the text encoder runs in float32"
    return DTYPES[asked], ""


def has_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16 itself, and does not imitate it many times slower."""
    if device == SPLIT or torch.device(device).type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return any(bool(able.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16", "arm_bf16"))


def _tokens(tokenizer: Tokenizer, prompt: str, limit: int) -> tuple[list[int], PromptFacts]:
    """A prompt's ids, cut to `limit`, the end mark kept; and what to say of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "sequence length is longer than ...": it is cut below, and said
        held = tokenizer(prompt, return_offsets_mapping=True) if tokenizer.is_fast else tokenizer(prompt)
    row = held["input_ids"]
    unknown = sum(number == tokenizer.unk_token_id for number in row)
    if len(row) <= limit:
        return row, PromptFacts(len(row), unknown=unknown)
    first = limit - 1
    if tokenizer.is_fast:
        offsets = cast(list[tuple[int, int]], held["offset_mapping"])
        lost = prompt[offsets[first][0] : max(end for _, end in offsets)]
    else:
        lost = tokenizer.decode(row[first:-1], skip_special_tokens=True)
    if len(lost) > LONGEST_CUT_TEXT:
        lost = lost[: LONGEST_CUT_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    kept = row[:first] + row[-1:]
    seen = sum(number == tokenizer.unk_token_id for number in kept)
    return kept, PromptFacts(limit, cut=len(row) - limit, cut_text=lost, unknown=seen)


def _load(files: EncoderFiles, device: str, dtype: torch.dtype) -> tuple[Tokenizer, nn.Module]:
    """Tokenizer and model of a checked folder, never from the network."""
    # Slow to import, and only here: nothing else of the cascade needs it.
    torchvision_importable()
    from safetensors import SafetensorError
    from transformers import AutoModel, AutoModelForTextEncoding, AutoTokenizer, ByT5Tokenizer
    from transformers.utils import logging as its_logging

    its_logging.set_verbosity_error()
    its_logging.disable_progress_bar()
    options: dict[str, object] = {"local_files_only": True, "dtype": dtype, "output_loading_info": True}
    if device == SPLIT:
        _wants_accelerate()
        options["device_map"] = "auto"
    try:
        tokenizer = ByT5Tokenizer() if files.byte_level else _tokenizer(files.folder, AutoTokenizer.from_pretrained)
        # umt5 is no T5 under another name: each of its layers has distances of its own.
        family = AutoModelForTextEncoding if files.kind.endswith("t5") else AutoModel
        model, report = family.from_pretrained(files.folder, **options)
    except GeneratorError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise GeneratorError(f"text encoder in {files.folder} can't be read: {lines[0]}") from error
    lacking = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if lacking or report["mismatched_keys"]:
        names = ", ".join([*lacking, *(str(each) for each in report["mismatched_keys"])][:4])
        raise GeneratorError(
            f"text encoder in {files.folder}: its weights are not those of its config.json ({names} missing or of "
            "another shape). Copy config.json and weights of one model together."
        )
    model.eval().requires_grad_(False)
    if device != SPLIT:
        model.to(device)
    return cast(Tokenizer, tokenizer), model


SPIECE_NEEDS = {"sentencepiece": "sentencepiece", "protobuf": "google.protobuf"}
"""The packages without which a spiece.model can't be read, with the module of each."""


def _tokenizer(folder: Path, read: Callable[..., object]) -> object:
    try:
        return read(folder, local_files_only=True)
    except (ImportError, ValueError) as error:
        if (folder / "tokenizer.json").exists() or all(map(_is_installed, SPIECE_NEEDS.values())):
            raise
        raise GeneratorError(
            f"text encoder: the tokenizer in {folder} is a spiece.model, which needs two packages to read: "
            f"pip install {' '.join(SPIECE_NEEDS)}. Or put the tokenizer.json of the same model beside it."
        ) from error


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not there
        return False


def _wants_accelerate() -> None:
    if importlib.util.find_spec("accelerate") is None:
        raise GeneratorError("text_device=split needs the package accelerate: pip install accelerate")
