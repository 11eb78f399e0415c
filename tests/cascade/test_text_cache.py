"""The cache of token states: by content, whole or not there, no larger than it may be."""

import os
import threading
from pathlib import Path

import pytest
import torch

from generators.cascade import text_cache
from generators.cascade.configs import TextConfig
from generators.cascade.text import TextEncoder, load_encoder
from generators.cascade.text_cache import Entry, PromptFacts, TextCache, cache_bytes, cache_folder
from tests.cascade.encoders import WIDTH, write_t5

CONFIG = TextConfig("t5", WIDTH, 16)


def made(folder: Path, encoder: str = "e", limit: int = 16, dtype: torch.dtype = torch.float32) -> TextCache:
    return TextCache(folder, encoder=encoder, limit=limit, dtype=dtype, most_bytes=10**9)


def entry(seed: int = 0, dtype: torch.dtype = torch.float32) -> Entry:
    states = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return Entry(states, PromptFacts(5, cut=2, cut_text="größer", unknown=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_was_put_comes_back_to_the_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    cache, kept = made(tmp_path), entry(dtype=dtype)
    assert cache.get("a car") is None
    cache.put("a car", kept)
    found = made(tmp_path).get("a car")
    assert found is not None and found.facts == kept.facts
    assert found.states.dtype == dtype and torch.equal(found.states, kept.states)


def test_another_prompt_encoder_limit_or_dtype_is_another_entry(tmp_path: Path) -> None:
    made(tmp_path).put("a car", entry())
    others = [made(tmp_path, "f"), made(tmp_path, limit=8), made(tmp_path, dtype=torch.bfloat16)]
    assert all(other.get("a car") is None for other in others)
    assert made(tmp_path).get("a car ") is None


@pytest.mark.parametrize("damage", [lambda data: data[:-3], lambda data: b"", lambda data: data[:-1] + b"\x99"])
def test_a_damaged_entry_is_encoded_again(tmp_path: Path, cache: Path, damage: object) -> None:
    assert callable(damage)
    folder = str(write_t5(tmp_path / "t5"))
    first = load_encoder(CONFIG, folder=folder)
    wanted = first.encode(["a car"]).states.tokens
    assert first.cache is not None
    path = first.cache.path("a car")
    path.write_bytes(damage(path.read_bytes()))
    assert first.cache.get("a car") is None
    assert torch.equal(first.encode(["a car"]).states.tokens, wanted)
    assert first.cache.get("a car") is not None


def test_what_is_known_needs_no_encoder_in_memory(tmp_path: Path) -> None:
    folder = str(write_t5(tmp_path / "t5"))
    wanted = load_encoder(CONFIG, folder=folder).encode(["a car", "two blue dog"])
    again = load_encoder(CONFIG, folder=folder, later=True)
    found = again.encode(["a car", "two blue dog"])
    assert not again.loaded
    assert torch.equal(found.states.tokens, wanted.states.tokens) and torch.equal(found.states.mask, wanted.states.mask)
    assert found.facts == wanted.facts
    again.encode(["the dog"])
    assert again.loaded


def test_writers_at_the_same_time(tmp_path: Path) -> None:
    caches = [made(tmp_path) for _ in range(4)]

    def write(cache: TextCache) -> None:
        for number in range(20):
            cache.put(f"prompt {number}", entry(number))

    threads = [threading.Thread(target=write, args=(cache,)) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(20):
        found = made(tmp_path).get(f"prompt {number}")
        assert found is not None and torch.equal(found.states, entry(number).states)
    assert not list(tmp_path.rglob("*.part"))


def test_the_longest_unused_go_when_it_is_full(tmp_path: Path) -> None:
    cache = made(tmp_path)
    for number in range(6):
        cache.put(f"prompt {number}", entry(number))
        os.utime(cache.path(f"prompt {number}"), (number, number))
    size = cache.path("prompt 0").stat().st_size
    assert cache.get("prompt 0") is not None  # used now, so it stays
    cache.most_bytes = 3 * size
    assert cache.sweep() == 3
    assert [number for number in range(6) if cache.path(f"prompt {number}").exists()] == [0, 4, 5]


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = made(blocked / "cache")
    for _ in range(2):
        cache.put("a car", entry())
    assert cache.get("a car") is None
    assert len([line for line in caplog.messages if "can't be written" in line]) == 1


def test_the_environment_says_where_and_how_much(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(text_cache.FOLDER, "off")
    assert cache_folder() is None
    encoder: TextEncoder = load_encoder(CONFIG, folder=str(write_t5(tmp_path / "t5")))
    assert encoder.cache is None and len(encoder.fingerprint) == 64
    monkeypatch.delenv(text_cache.FOLDER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "drawbench" / "text"
    assert cache_bytes() == 2_000_000_000
    monkeypatch.setenv(text_cache.SIZE_MB, "5")
    assert cache_bytes() == 5_000_000
