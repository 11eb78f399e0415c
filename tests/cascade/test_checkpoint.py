"""Weights on disk: what is whole loads, and everything else is refused with a reason."""

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from common.commands import run_command
from common.hashes import file_sha256
from generators.cascade import checkpoint, weights_info
from generators.cascade.checkpoint import CheckpointError, load_stage, open_weights, save_stage, write_index
from generators.cascade.config_json import to_json
from generators.cascade.configs import IMAGEN_MINI, MINILM, UNetConfig
from generators.cascade.generator import BUNDLED
from generators.cascade.networks import build_unet

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


def test_the_same_content_has_the_same_bytes_every_time(folder: Path) -> None:
    """The library alone writes its metadata in an order drawn anew for each file."""
    state = load_stage(folder / "base.safetensors").tensors
    written = set()
    for _ in range(12):
        save_stage(folder / "again.safetensors", state, STAGE, MINILM, "d\u00e9j\u00e0 vu \U0001f600")
        written.add(file_sha256(folder / "again.safetensors"))
    assert len(written) == 1
    assert load_stage(folder / "again.safetensors").about == "d\u00e9j\u00e0 vu \U0001f600"
    with safe_open(folder / "again.safetensors", framework="pt") as held:
        assert list(held.metadata()) and set(held.keys()) == set(state)


def test_the_weights_that_ship_keep_their_fingerprints() -> None:
    """Results of theirs are on record under these, and they load as they always did."""
    wanted = {
        BUNDLED: "277fff24f7bb46588c21c3b255ba90e42c3f615d6aaf2bbde5888f2796138080",
        BUNDLED / "wider": "f96a4a6716306104276df24353f7b7d3032281bf4a54b9ae6d6930ef1018e05e",
    }
    for place, fingerprint in wanted.items():
        held = open_weights(place)
        assert held.fingerprint(tuple(held.hashes)) == fingerprint
        assert all(held.load(stage).parameters > 0 for stage in held.hashes)


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


def swap_file(folder: Path, name: str) -> None:
    """Have the index name another file for the base."""
    index = folder / "index.json"
    held = json.loads(index.read_text())
    held["stages"]["base"]["file"] = name
    index.write_text(json.dumps(held))


def test_the_index_names_the_file(folder: Path) -> None:
    (folder / "base.safetensors").rename(folder / "base-v2.safetensors")
    swap_file(folder, "base-v2.safetensors")
    assert open_weights(folder).load("base").stage == STAGE
    swap_file(folder, "gone.safetensors")
    with pytest.raises(CheckpointError, match=r"gone\.safetensors is not there"):
        open_weights(folder).load("base")


@pytest.mark.parametrize(
    "name", ["../../base.safetensors", "/etc/passwd", "..", "", "sub/base.safetensors", "../sub/x", "../..", "../"]
)
def test_an_index_leads_to_no_other_folder_but_the_one_above(folder: Path, name: str) -> None:
    swap_file(folder, name)
    with pytest.raises(CheckpointError, match="the name of a file beside it is wanted"):
        open_weights(folder)


def test_the_index_names_another_stages_file(folder: Path) -> None:
    other = dataclasses.replace(STAGE, diffusion=IMAGEN_MINI.base.diffusion)
    text = dataclasses.replace(MINILM, max_tokens=8)
    save_stage(folder / "other.safetensors", build_unet(other, text).state_dict(), other, text, "")
    swap_file(folder, "other.safetensors")
    with pytest.raises(CheckpointError, match="altered or cut short"):
        open_weights(folder).load("base")


def test_a_head_is_read_without_the_weights(folder: Path) -> None:
    head = open_weights(folder).head("base")
    assert head.stage == STAGE and head.text == MINILM and head.about == "a test's"
    assert head.parameters == sum(value.numel() for value in build_unet(STAGE, MINILM).state_dict().values())
    assert head.bytes == (folder / "base.safetensors").stat().st_size


def test_altered_after_it_was_read_once(folder: Path) -> None:
    weights = open_weights(folder)
    weights.load("base")
    path = folder / "base.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    os.utime(path, (1, 1))
    with pytest.raises(CheckpointError, match="altered or cut short"):
        weights.load("base")


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL)
def test_a_full_disk_leaves_the_last_good_file(folder: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "base.safetensors").read_bytes()

    def half(path: Path, tensors: object, metadata: object) -> None:
        path.write_bytes(before[:100])
        raise error

    monkeypatch.setattr(checkpoint, "save_tensors", half)
    state = build_unet(STAGE, MINILM).state_dict()
    with pytest.raises(CheckpointError, match="the disk is full; the file that was there stays"):
        save_stage(folder / "base.safetensors", state, STAGE, MINILM, "new")
    with pytest.raises(CheckpointError, match="the disk is full; nothing is left of it"):
        save_stage(folder / "sr256.safetensors", state, STAGE, MINILM, "new")
    assert sorted(path.name for path in folder.iterdir()) == ["base.safetensors", "index.json"]
    assert open_weights(folder).load("base").about == "a test's"


def test_a_full_disk_leaves_the_last_good_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "index.json").read_bytes()

    def full(source: Path, target: Path) -> None:
        raise FULL[0]

    monkeypatch.setattr("common.files.os.replace", full)
    with pytest.raises(CheckpointError, match="the disk is full"):
        write_index(folder, "other")
    assert (folder / "index.json").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["base.safetensors", "index.json"]


def test_permission_denied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told as such on reading and on writing; no file's mode is changed, since root may do anything."""

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save_tensors", refuse)
        with pytest.raises(CheckpointError, match="can't be written: permission denied; the file that was there stays"):
            save_stage(folder / "base.safetensors", build_unet(STAGE, MINILM).state_dict(), STAGE, MINILM, "")
    weights = open_weights(folder)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "file_sha256", refuse)
        with pytest.raises(CheckpointError, match=r"base\.safetensors can't be read: permission denied"):
            weights.load("base")
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "safe_open", refuse)
        with pytest.raises(CheckpointError, match=r"base\.safetensors can't be read: permission denied"):
            weights.head("base")
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(CheckpointError, match=r"index\.json can't be read: permission denied"):
        open_weights(folder)


def test_the_command_says_what_a_folder_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(weights_info.main, [str(folder), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (stage,) = told["stages"]
    assert told["cascade"] == "tiny" and stage["sha256"] == file_sha256(folder / "base.safetensors")
    assert stage["configuration"]["unet"]["channels"] == [8] and stage["error"] is None
    assert run_command(weights_info.main, [str(folder)]) == 0
    out = capsys.readouterr().out
    assert "noise -> 64 pixels" in out and f"{stage['parameters']:,} parameters" in out and MINILM.encoder in out


def test_the_command_says_what_can_not_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "base.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    assert run_command(weights_info.main, [str(folder)]) == 2
    assert "can't be used: weights: base.safetensors is no whole safetensors file" in capsys.readouterr().out
    assert run_command(weights_info.main, [str(folder / "nowhere")]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "has no index.json" in captured.err


def test_the_weights_that_ship_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(weights_info.main, [str(BUNDLED), "--format", "json"]) == 0
    assert [stage["stage"] for stage in json.loads(capsys.readouterr().out)["stages"]] == ["base", "sr256", "sr1024"]
