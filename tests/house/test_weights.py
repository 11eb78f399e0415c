"""The weights in the checkout: each content once, and all together small enough to be fetched with it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from common.hashes import file_sha256
from generators.cascade.checkpoint import open_weights
from generators.places import WEIGHTS

MOST_BYTES = 100 * 1024**2


def test_weights_are_stored_once_and_stay_small() -> None:
    files = sorted(WEIGHTS.rglob("*.safetensors"))
    same: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        same[file_sha256(path)].append(path.relative_to(WEIGHTS))
    assert [paths for paths in same.values() if len(paths) > 1] == [], "let one index name the other's file"
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_every_index_names_files_that_hash_to_what_it_says() -> None:
    folders = [path.parent for path in WEIGHTS.rglob("index.json")]
    assert WEIGHTS in folders and WEIGHTS / "wider" in folders
    for folder in folders:
        held = open_weights(folder)
        for stage, sha256 in held.hashes.items():
            assert file_sha256(held.path(stage)) == sha256, (folder, stage)
