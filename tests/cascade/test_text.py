"""Text encoders that a user brings: what is whole is read, alike for every kind; what is not is named."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, T5EncoderModel, UMT5EncoderModel

from generators.cascade import text, text_files
from generators.cascade.configs import MINILM, TextConfig
from generators.cascade.text import choose_dtype, has_bfloat16, load_encoder
from generators.cascade.text_files import find_encoder, inspect_folder
from generators.contract import GeneratorError
from tests.cascade.encoders import WIDTH, write_byt5, write_t5, write_umt5

CONFIG = TextConfig("google/t5-v1_1-xxl", WIDTH, 16)
PROMPT = "a red car and two blue dog"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline: whatever looks for a host fails the test."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"the network was asked: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def t5(tmp_path: Path) -> Path:
    return write_t5(tmp_path / "t5")


def test_a_t5_gives_the_states_that_transformers_gives(t5: Path) -> None:
    ids = AutoTokenizer.from_pretrained(t5)(PROMPT, return_tensors="pt")
    wanted = T5EncoderModel.from_pretrained(t5)(**ids).last_hidden_state
    found = load_encoder(CONFIG, folder=str(t5)).encode([PROMPT])
    assert torch.allclose(found.states.tokens, wanted, atol=1e-6)
    assert found.states.mask.all() and found.facts[0].tokens == wanted.shape[1] and not found.facts[0].unknown


def test_of_an_encoder_decoder_in_shards_the_encoder_alone_is_loaded(tmp_path: Path) -> None:
    whole = write_t5(tmp_path / "whole", decoder=True)
    shards = write_t5(tmp_path / "shards", decoder=True, shard="20KB")
    assert len(list(shards.glob("*.safetensors"))) > 2
    one, other = (load_encoder(CONFIG, folder=str(folder)) for folder in (whole, shards))
    assert torch.equal(one.encode([PROMPT]).states.tokens, other.encode([PROMPT]).states.tokens)
    one.load()
    assert one._model is not None
    assert one.files.parameters == other.files.parameters == sum(p.numel() for p in one._model.parameters())


def test_umt5_keeps_the_distances_of_each_layer(tmp_path: Path) -> None:
    folder = write_umt5(tmp_path / "umt5")
    ids = AutoTokenizer.from_pretrained(folder)(PROMPT, return_tensors="pt")
    wanted = UMT5EncoderModel.from_pretrained(folder)(**ids).last_hidden_state
    assert torch.allclose(load_encoder(CONFIG, folder=str(folder)).encode([PROMPT]).states.tokens, wanted, atol=1e-6)


def test_byt5_needs_no_tokenizer_files_and_knows_every_script(tmp_path: Path) -> None:
    encoder = load_encoder(CONFIG, folder=str(write_byt5(tmp_path / "byt5")))
    facts = encoder.encode(["赤い"]).facts[0]
    assert facts.tokens == 7 and facts.unknown == 0  # three bytes a letter, and the end
    long = encoder.encode(["a red car und ein Haus"]).facts[0]
    assert long.tokens == 16 and long.cut == 7 and long.cut_text == "in Haus"


def test_padding_changes_nothing(t5: Path) -> None:
    encoder = load_encoder(CONFIG, folder=str(t5), cached=False)
    together = encoder.encode(["a car", PROMPT]).states
    alone = encoder.encode(["a car"]).states.tokens[0]
    assert together.mask.sum(1).tolist() == [3, 8]
    assert torch.allclose(together.tokens[0, :3], alone, atol=1e-5)


def test_what_is_cut_is_said_with_its_text(t5: Path) -> None:
    facts = load_encoder(CONFIG, folder=str(t5)).encode(["a red car and " * 5 + "the dog"]).facts[0]
    assert facts.tokens == 16 and facts.cut == 7
    assert facts.cut_text.split() == ["and", "a", "red", "car", "and", "the", "dog"]


@pytest.mark.parametrize(("prompt", "unknown"), [("a red car", 0), ("a 赤い car", 1), ("ÄÖ", 1)])
def test_what_the_encoder_does_not_know_is_counted(t5: Path, prompt: str, unknown: int) -> None:
    assert load_encoder(CONFIG, folder=str(t5)).encode([prompt]).facts[0].unknown == unknown


def test_the_encoder_that_ships_takes_no_fingerprint_and_says_what_it_does_not_know() -> None:
    encoder = load_encoder(MINILM)
    assert encoder.fingerprint == "" and encoder.cache is None
    facts = encoder.encode(["a red car \N{GRINNING FACE}", "ein roter Apfel " * 30]).facts
    assert facts[0].unknown == 1 and facts[0].cut == 0
    assert facts[1].cut > 50 and facts[1].cut_text.endswith("ein roter Apfel")


def test_another_width(t5: Path) -> None:
    with pytest.raises(GeneratorError, match=r"width 32; these weights were trained on .* of width 4096"):
        load_encoder(TextConfig("google/t5-v1_1-xxl", 4096, 16), folder=str(t5))
    with pytest.raises(GeneratorError, match="width 384"):
        load_encoder(CONFIG, folder=str(find_encoder("all-MiniLM-L6-v2")))
    with pytest.raises(GeneratorError, match="takes 512 tokens at most"):
        load_encoder(TextConfig("all-MiniLM-L6-v2", 384, 1000))


def drop_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def drop_weights(folder: Path) -> None:
    for path in folder.glob("*.safetensors*"):
        path.unlink()


def truncate(folder: Path) -> None:
    path = sorted(folder.glob("*.safetensors"))[1]
    path.write_bytes(path.read_bytes()[:-100])


def drop_shard(folder: Path) -> None:
    sorted(folder.glob("*.safetensors"))[1].unlink()


def not_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def empty_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {}}')


def no_model(folder: Path) -> None:
    (folder / "config.json").write_text('{"hidden_size": 32}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop_tokenizer, r"has no tokenizer\. Put tokenizer\.json"),
        (drop_weights, r"has no weights\. Put model\.safetensors"),
        (truncate, r"model-00002-of-000\d\d\.safetensors is damaged or cut short"),
        (drop_shard, r"lacks 1 of the \d+ shards .*model-00002"),
        (not_json, "is not JSON"),
        (empty_index, "lists no shards"),
        (no_model, "names no model_type"),
    ],
)
def test_what_is_missing_or_damaged_is_named(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    folder = write_t5(tmp_path / "t5", shard="20KB")
    damage(folder)
    with pytest.raises(GeneratorError, match=message):
        load_encoder(CONFIG, folder=str(folder), later=True)


def test_weights_of_another_model_are_refused_and_not_filled_with_noise(t5: Path) -> None:
    path = t5 / "model.safetensors"
    tensors = load_file(path)
    lost = "encoder.block.1.layer.0.SelfAttention.k.weight"
    save_file({name: value for name, value in tensors.items() if name != lost}, path, metadata={"format": "pt"})
    with pytest.raises(GeneratorError, match=rf"not those of its config\.json \({lost}"):
        load_encoder(CONFIG, folder=str(t5))
    config = json.loads((t5 / "config.json").read_text())
    save_file(tensors, path, metadata={"format": "pt"})
    (t5 / "config.json").write_text(json.dumps({**config, "d_ff": 48}))
    with pytest.raises(GeneratorError, match=r"t5.*(can't be read|not those of its config)"):
        load_encoder(CONFIG, folder=str(t5))


def test_an_old_checkpoint_of_pickles_is_read_as_tensors_alone(t5: Path) -> None:
    states = load_encoder(CONFIG, folder=str(t5)).encode([PROMPT]).states.tokens
    torch.save(load_file(t5 / "model.safetensors"), t5 / "pytorch_model.bin")
    (t5 / "model.safetensors").unlink()
    assert torch.equal(load_encoder(CONFIG, folder=str(t5)).encode([PROMPT]).states.tokens, states)


def test_the_fingerprint_follows_the_files(t5: Path, tmp_path: Path) -> None:
    memo = tmp_path / "memo.json"
    first = inspect_folder(t5).fingerprint(memo)
    assert inspect_folder(t5).fingerprint(memo) == inspect_folder(t5).fingerprint() == first
    path = t5 / "model.safetensors"
    save_file({name: value + 1 for name, value in load_file(path).items()}, path, metadata={"format": "pt"})
    assert inspect_folder(t5).fingerprint(memo) == inspect_folder(t5).fingerprint() != first


def test_dtypes(t5: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = inspect_folder(t5)
    with pytest.raises(GeneratorError, match=r"float16 can't hold .* Use bfloat16"):
        choose_dtype("float16", "cpu", files)
    with pytest.raises(GeneratorError, match='did you mean "bfloat16"'):
        choose_dtype("bfloat", "cpu", files)
    assert choose_dtype("auto", "cpu", files) == (torch.float32, "")
    monkeypatch.setattr(text, "has_bfloat16", lambda device: True)
    assert choose_dtype("bfloat16", "cpu", files) == (torch.bfloat16, "")
    exact = load_encoder(CONFIG, folder=str(t5)).encode([PROMPT]).states.tokens
    coarse = load_encoder(CONFIG, folder=str(t5), dtype="bfloat16").encode([PROMPT]).states.tokens
    assert coarse.dtype == torch.float32 and 0 < (coarse - exact).abs().max() < 0.1
    monkeypatch.setattr(text, "has_bfloat16", lambda device: False)
    encoder = load_encoder(CONFIG, folder=str(t5), dtype="bfloat16")
    assert encoder.dtype == torch.float32 and "does not compute in bfloat16" in encoder.notes["text_dtype_note"]


def test_a_cpu_is_asked_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    for able, wanted in (({"avx512_bf16": True}, True), ({"avx2": True, "avx512_bf16": False}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert has_bfloat16("cpu") is wanted


def test_split_over_devices_is_the_same(t5: Path) -> None:
    whole = load_encoder(CONFIG, folder=str(t5), cached=False).encode([PROMPT]).states.tokens
    pytest.importorskip("accelerate", reason="text_device=split needs the package accelerate")
    split = load_encoder(CONFIG, folder=str(t5), device="split", cached=False).encode([PROMPT]).states.tokens
    assert torch.equal(split.cpu(), whole)


def test_split_without_accelerate_says_what_to_install(t5: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GeneratorError, match="pip install accelerate"):
        load_encoder(CONFIG, folder=str(t5), device="split", cached=False)


def test_a_spiece_model_alone_is_read_or_says_what_it_needs(t5: Path) -> None:
    drop_tokenizer(t5)
    (t5 / "spiece.model").write_bytes(b"\x0a\x05\x0a\x01a")
    with pytest.raises(GeneratorError, match=r"spiece\.model|can't be read"):
        load_encoder(CONFIG, folder=str(t5)).encode([PROMPT])


@pytest.mark.parametrize(("module", "installed"), [("sentencepiece", False), ("google.protobuf", False), ("", True)])
def test_what_a_spiece_model_needs_is_looked_for_and_not_read_from_a_message(
    tmp_path: Path, module: str, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, *, local_files_only: bool) -> None:
        raise ImportError("something is lacking")

    monkeypatch.setattr(text.importlib.util, "find_spec", lambda name: None if name == module else object())
    with pytest.raises(ImportError if installed else GeneratorError) as error:
        text._tokenizer(tmp_path, refuse)
    assert installed or "pip install sentencepiece protobuf" in str(error.value)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ImportError, match="something is lacking"):
        text._tokenizer(tmp_path, refuse)


def in_hub_cache(root: Path, name: str, folder: Path) -> Path:
    """Lay a folder out as the hub's client does."""
    repository = root / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    shutil.copytree(folder, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    return snapshot


def test_a_hub_id_is_looked_up_in_this_machines_cache_alone(
    t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    with pytest.raises(GeneratorError, match=rf"not in this machine's hub cache \({hub}\).*DRAWBENCH_ALLOW_DOWNLOAD"):
        load_encoder(CONFIG)
    snapshot = in_hub_cache(hub, "google/t5-v1_1-xxl", t5)
    assert find_encoder("google/t5-v1_1-xxl") == find_encoder("other", "google/t5-v1_1-xxl") == snapshot
    assert find_encoder("t5-v1_1-xxl") == snapshot
    assert load_encoder(CONFIG).encode([PROMPT]).facts[0].tokens == 8


@pytest.mark.parametrize("allowed", [False, True])
def test_only_the_environment_lets_it_download(t5: Path, monkeypatch: pytest.MonkeyPatch, *, allowed: bool) -> None:
    asked: list[bool] = []

    def download(name: str, *, allow_patterns: list[str], local_files_only: bool = False) -> str:
        asked.append(local_files_only)
        return str(t5)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    if allowed:
        monkeypatch.setenv(text_files.DOWNLOAD, "1")
    find_encoder("google/t5-v1_1-xxl")
    assert asked == [not allowed]


def test_names_that_are_neither_folder_nor_hub_id() -> None:
    with pytest.raises(GeneratorError, match="there is no folder /nowhere/t5"):
        find_encoder("x", "/nowhere/t5")
    with pytest.raises(GeneratorError, match=r"'t5-xxl', which no installed package carries.*config\.json"):
        find_encoder("t5-xxl")


def test_let_go_and_loaded_again(t5: Path) -> None:
    encoder = load_encoder(CONFIG, folder=str(t5), later=True, cached=False)
    assert encoder.bytes_needed == 4 * encoder.files.parameters
    loaded = [encoder.loaded]
    before = encoder.encode([PROMPT]).states.tokens
    loaded.append(encoder.loaded)
    encoder.release()
    loaded.append(encoder.loaded)
    assert loaded == [False, True, False]
    assert torch.equal(encoder.encode([PROMPT]).states.tokens, before)


def test_states_that_are_not_finite_are_refused(t5: Path) -> None:
    path = t5 / "model.safetensors"
    tensors = load_file(path)
    tensors["encoder.final_layer_norm.weight"] = tensors["encoder.final_layer_norm.weight"] * float("inf")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(GeneratorError, match="not finite"):
        load_encoder(CONFIG, folder=str(t5)).encode([PROMPT])
