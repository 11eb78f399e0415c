"""Token states on disk, by content: a prompt is encoded once, whichever run, process or training asks for it.

An entry's name is a hash of all that its states depend on (the encoder's files, the length limit, the dtype, the
prompt), so nothing is ever out of date. Entries are written beside their place and renamed: writers at the same time
do no harm. What can't be read, or was altered, counts as not there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from common.files import SaveError, write_whole
from common.hashes import hash_of

log = logging.getLogger(__name__)

FOLDER = "DRAWBENCH_TEXT_CACHE"
"""Environment variable: the folder of the cache; "off" for none."""

SIZE_MB = "DRAWBENCH_TEXT_CACHE_MB"
"""Environment variable: megabytes that the cache may take, 2000 if unset; the longest unused entries go first."""

DEFAULT_MB = 2000
_SWEEP = 64
"""Entries written between two looks at the cache's size."""


@dataclass(frozen=True, slots=True)
class PromptFacts:
    """What became of a prompt. `tokens`: how many the encoder saw, marks included. `unknown`: of these, those
    that stand for something it has no token for.

    `cut`: tokens that did not fit, and `cut_text` the text that they stood for.
    """

    tokens: int
    cut: int = 0
    cut_text: str = ""
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A prompt's token states, (tokens, width) without padding, in the encoder's dtype."""

    states: Tensor
    facts: PromptFacts


class TextCache:
    """A folder of entries for one encoder. `encoder`: its fingerprint. `limit`: tokens; `dtype`: of the states."""

    def __init__(self, folder: Path, *, encoder: str, limit: int, dtype: torch.dtype, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._identity = [encoder, limit, str(dtype)]
        self._written = 0
        self._broken = False
        self._lock = threading.Lock()

    def path(self, prompt: str) -> Path:
        """Where a prompt's entry lies, or would."""
        name = hash_of([1, *self._identity, prompt], spaced=True)
        return self.folder / name[:2] / f"{name}.safetensors"

    def get(self, prompt: str) -> Entry | None:
        """The entry of a prompt, None where there is none that can be trusted."""
        path = self.path(prompt)
        try:
            with safe_open(path, framework="pt") as held:
                metadata = held.metadata() or {}
                states = held.get_tensor("states")
            if metadata["sha256"] != _hash(states):
                raise ValueError("it was altered")
            facts = PromptFacts(**json.loads(metadata["facts"]))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            log.warning("text cache: %s is made anew (%s)", path, error)
            return None
        with contextlib.suppress(OSError):  # another's cache, that we may only read
            os.utime(path)  # the longest unused go first
        return Entry(states, facts)

    def put(self, prompt: str, entry: Entry) -> None:
        """Keep an entry; a cache that can't be written is said once and does without."""
        if self._broken:
            return
        path = self.path(prompt)
        metadata = {"sha256": _hash(entry.states), "facts": json.dumps(dataclasses.asdict(entry.facts))}
        data = save({"states": entry.states.contiguous().cpu()}, metadata=metadata)
        try:
            write_whole(path, data, sync="nothing")
        except SaveError as error:
            self._broken = True
            log.warning(
                "text cache: %s can't be written (%s); prompts are encoded each time", self.folder, error.strerror
            )
            return
        with self._lock:
            self._written += 1
            due = self._written % _SWEEP == 1
        if due:
            self.sweep()

    def sweep(self) -> int:
        """Remove the longest unused entries, of whichever encoder, until the rest fits; returns how many went."""
        found: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*/*"):
            try:
                stat = path.stat()
            except OSError:  # another process removed it
                continue
            found.append((stat.st_mtime, stat.st_size, path))
        total, gone = sum(size for _, size, _ in found), 0
        for _, size, path in sorted(found, key=lambda each: each[0]):
            if total <= self.most_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            total, gone = total - size, gone + 1
        return gone


def cache_folder() -> Path | None:
    """The folder that the environment names; its default is the user's cache folder. None where it is off."""
    named = os.environ.get(FOLDER, "")
    if named.lower() == "off":
        return None
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "drawbench" / "text"


def cache_bytes() -> int:
    """How much the cache may hold, in bytes."""
    named = os.environ.get(SIZE_MB, "")
    return (int(named) if named.isdigit() else DEFAULT_MB) * 1_000_000


def _hash(states: Tensor) -> str:
    flat = states.detach().contiguous().cpu().view(torch.uint8) if states.numel() else states.new_zeros(0)
    return hashlib.sha256(f"{states.dtype} {tuple(states.shape)} ".encode() + flat.numpy().tobytes()).hexdigest()
