"""Weights on disk: what is whole loads, and everything else is refused with a reason."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from generators.cascade.checkpoint import (
    CheckpointError,
    file_sha256,
    load_stage,
    open_weights,
    save_stage,
    write_index,
)
from generators.cascade.configs import IMAGEN_MINI, MINILM, UNetConfig, to_json
from generators.cascade.unet import build_unet

STAGE = dataclasses.replace(
    IMAGEN_MINI.base,
    unet=UNetConfig(
        kind="base",
        channels=(8,),
        blocks=(1,),
        self_attention=(),
        text_attention=(0,),
        embedding=8,
        text_width=8,
        head_width=8,
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_stage(tmp_path / "base.safetensors", build_unet(STAGE, MINILM).state_dict(), STAGE, MINILM, "a test's")
    write_index(tmp_path, "tiny")
    return tmp_path


def test_what_was_saved_comes_back(folder: Path) -> None:
    torch.manual_seed(0)
    wanted = build_unet(STAGE, MINILM).state_dict()
    weights = open_weights(folder).load("base")
    assert weights.stage == STAGE and weights.text == MINILM
    loaded = weights.network().state_dict()
    assert all(torch.equal(loaded[name], value.half().float()) for name, value in wanted.items())
    assert not any(parameter.requires_grad for parameter in weights.network().parameters())


def test_the_fingerprint_follows_the_bytes(folder: Path) -> None:
    before = open_weights(folder).fingerprint(("base",))
    state = {name: value + 1 for name, value in build_unet(STAGE, MINILM).state_dict().items()}
    save_stage(folder / "base.safetensors", state, STAGE, MINILM, "another")
    write_index(folder, "tiny")
    assert open_weights(folder).fingerprint(("base",)) != before
    assert len(before) == 64


def test_a_truncated_or_altered_file_is_refused(folder: Path) -> None:
    path = folder / "base.safetensors"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="altered or cut short"):
            open_weights(folder).load("base")
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="no whole safetensors file"):
        load_stage(path)
    path.unlink()
    with pytest.raises(CheckpointError, match="not there"):
        open_weights(folder).load("base")


def rewrite(folder: Path, metadata: dict[str, str], drop: str | None = None, extra: str | None = None) -> Path:
    """The file again, whole and with a fresh index, with other metadata or other tensors."""
    path = folder / "base.safetensors"
    tensors = {name: value for name, value in load_file(path).items() if name != drop}
    if extra:
        tensors[extra] = torch.zeros(1)
    save_file(tensors, path, metadata=metadata)
    write_index(folder, "tiny")
    return folder


def good_metadata() -> dict[str, str]:
    return {
        "schema": "drawbench-cascade/1",
        "stage": json.dumps(to_json(STAGE)),
        "text": json.dumps(to_json(MINILM)),
        "about": "",
    }


def test_another_schema_or_none(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="drawbench-cascade/99"):
        open_weights(rewrite(folder, {**good_metadata(), "schema": "drawbench-cascade/99"})).load("base")
    with pytest.raises(CheckpointError, match="none"):
        open_weights(rewrite(folder, {"format": "pt"})).load("base")


def test_another_configuration(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="no usable configuration"):
        open_weights(rewrite(folder, {**good_metadata(), "stage": "{}"})).load("base")
    wider = dataclasses.replace(STAGE, unet=dataclasses.replace(STAGE.unet, embedding=16))
    weights = open_weights(rewrite(folder, {**good_metadata(), "stage": json.dumps(to_json(wider))})).load("base")
    with pytest.raises(CheckpointError, match="not"):
        weights.network()


def test_missing_and_extra_tensors(folder: Path) -> None:
    weights = open_weights(rewrite(folder, good_metadata(), drop="head.weight", extra="hat.weight")).load("base")
    with pytest.raises(CheckpointError, match=r"lacks head\.weight and has unknown hat\.weight"):
        weights.network()


def test_folders_that_are_no_weights(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no stage sr256; it has base"):
        open_weights(folder).load("sr256")
    with pytest.raises(CheckpointError, match=r"no index\.json"):
        open_weights(tmp_path / "nowhere")
    index = folder / "index.json"
    index.write_text("{")
    with pytest.raises(CheckpointError, match="not JSON"):
        open_weights(folder)
    index.write_text('{"schema": "other/1"}')
    with pytest.raises(CheckpointError, match="not an index"):
        open_weights(folder)
    index.write_text('{"schema": "drawbench-cascade-index/1", "stages": {"base": {}}}')
    with pytest.raises(CheckpointError, match="without its sha256"):
        open_weights(folder)


def test_a_stage_under_another_name(folder: Path) -> None:
    (folder / "base.safetensors").rename(folder / "sr256.safetensors")
    write_index(folder, "tiny")
    with pytest.raises(CheckpointError, match="holds the stage base"):
        open_weights(folder).load("sr256")


def test_hash_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
