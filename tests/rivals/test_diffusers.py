"""The generator `diffusers` on tiny pipelines of random weights, made here: none of their images shows anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import safetensors.torch

pytest.importorskip("diffusers", reason="an optional extra: pip install -r requirements-diffusers.txt")

import diffusers
import torch

from generators import registry
from generators.contract import Failure, FailureKind, Generator, GeneratorError, StopError
from generators.rivals.diffusers import generator as module
from tests.rivals import tiny
from tests.rivals.conftest import draw, failure, requests

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:diffusers"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers"),
]


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny pipeline by its name, made when it is first asked for."""
    place = tmp_path_factory.mktemp("pipelines")

    def made(name: str) -> Path:
        folder = place / name
        if not folder.exists():
            getattr(tiny, name)(folder)
        return folder

    return made


Pipelines = Callable[[str], Path]
Load = Callable[..., Generator]


@pytest.fixture
def load() -> Iterator[Load]:
    """Loads the generator with these parameters."""
    loaded: list[Generator] = []

    def load_pipeline(model: Path | str = "", **parameters: object) -> Generator:
        given = {"model": str(model), "steps": 2, **parameters}
        loaded.append(registry.load("diffusers", given, device="cpu"))
        return loaded[-1]

    yield load_pipeline
    for generator in loaded:
        generator.close()


ARGUMENTS: dict[str, dict[str, object]] = {
    "pixart": {"arguments": '{"use_resolution_binning": false}'},
    "flux": {"width": 16, "height": 8},
    "qwen_image": {"width": 32, "height": 16},
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "stable_diffusion" else pytest.mark.slow) for name in tiny.ONE_STAGE],
)
def test_an_image_depends_on_its_request_alone(load: Load, pipelines: Pipelines, name: str) -> None:
    generator = load(pipelines(name), **ARGUMENTS.get(name, {}))
    alone = draw(generator, "a fox", "a heron", samples=2)
    images = {key: result.image for key, result in alone.items()}
    assert all(image is not None for image in images.values()), alone
    if name == "flux":
        assert images["0/0"].shape == (8, 16, 3)  # type: ignore[union-attr]
    assert len({image.tobytes() for image in images.values() if image is not None}) == 4
    generator.batch_size = 3
    for result in generator.generate(requests(["a fox", "a heron"], 2)[::-1]):
        moved = np.abs(result.image.astype(int) - images[result.key].astype(int)).max()  # type: ignore[union-attr]
        assert moved <= module.DRIFT, result.key
    other = load(pipelines(name), **ARGUMENTS.get(name, {}))
    (again,) = draw(other, "a fox").values()
    assert np.array_equal(again.image, images["0/0"])  # type: ignore[arg-type]
    assert again.provenance["seed"] == alone["0/0"].provenance["seed"]


def declare(folder: Path, name: str, *stages: dict[str, Any]) -> None:
    given = {"schema": "drawbench-pipeline/1", "name": name, "summary": "of the tests", "stages": stages}
    (folder / "pipelines" / f"{name}.json").write_text(json.dumps(given))


@pytest.mark.slow
def test_deepfloyd_if_draws_in_three_stages(load: Load, pipelines: Pipelines, folder: Path) -> None:
    place = pipelines("deepfloyd_if")
    declare(folder, "if", *({"model": str(place / stage)} for stage in ("I", "II", "III")))
    generator = load(pipeline="if", negative_prompt="a dog", batch=2)
    results = draw(generator, "a fox", "a heron")
    assert [result.image.shape for result in results.values() if result.image is not None] == [(128, 128, 3)] * 2
    said = generator.info.provenance["pipeline_classes"]
    assert said == "IFPipeline, IFSuperResolutionPipeline, StableDiffusionUpscalePipeline"
    generator.batch_size = 1
    (alone,) = draw(generator, "a fox").values()
    assert np.abs(alone.image.astype(int) - results["0/0"].image.astype(int)).max() <= module.DRIFT  # type: ignore[union-attr]


@pytest.mark.slow
def test_kandinsky_draws_from_a_prior(load: Load, pipelines: Pipelines, folder: Path) -> None:
    place = pipelines("kandinsky")
    declare(folder, "kandinsky", {"model": str(place / "prior")}, {"model": str(place / "decoder")})
    generator = load(pipeline="kandinsky", width=32, height=64)
    first, second = (draw(generator, prompt)["0/0"].image for prompt in ("a fox", "a heron"))
    assert first is not None and second is not None and first.shape == (64, 32, 3)
    assert not np.array_equal(first, second)


def test_parameters_change_the_image(load: Load, pipelines: Pipelines) -> None:
    plain = draw(load(pipelines("stable_diffusion")), "a fox")["0/0"].image
    assert plain is not None
    for changes in ({"guidance": 1.0}, {"negative_prompt": "a dog"}, {"scheduler": "EulerDiscreteScheduler"}):
        (other,) = draw(load(pipelines("stable_diffusion"), **changes), "a fox").values()
        assert other.image is not None and not np.array_equal(other.image, plain), changes


def test_what_is_withheld_or_black_is_a_failure(
    load: Load, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = load(pipelines("stable_diffusion"))
    pipe = generator._stages[0].pipe  # type: ignore[attr-defined]
    monkeypatch.setattr(pipe, "run_safety_checker", lambda image, device, dtype: (image, [True]))
    assert failure(generator, "a fox") == (
        "filtered",
        "the pipeline's safety filter withheld the image (nsfw_content_detected)",
    )
    monkeypatch.undo()
    monkeypatch.setattr(pipe.image_processor, "postprocess", lambda image, **named: np.zeros((1, 32, 32, 3)))
    assert failure(generator, "a fox")[0] == "filtered" and "black" in failure(generator, "a fox")[1]
    monkeypatch.setattr(pipe.image_processor, "postprocess", lambda image, **named: np.full((1, 32, 32, 3), np.nan))
    assert failure(generator, "a fox")[0] == "filtered"


def test_what_was_cut_off_is_told(load: Load, pipelines: Pipelines) -> None:
    long = "fox " * 30 + "zebra"
    assert "prompt_text_cut" not in draw(load(pipelines("stable_diffusion")), "a fox")["0/0"].provenance
    cut = draw(load(pipelines("stable_diffusion")), long)["0/0"].provenance["prompt_text_cut"]
    assert str(cut).replace(" ", "").endswith("zebra")
    flux = load(pipelines("flux"), width=16, height=16)
    told = draw(flux, long)["0/0"].provenance
    assert "prompt_text_cut" not in told and str(told["prompt_text_cut_by_some"]).replace(" ", "").endswith("zebra")
    flux = load(pipelines("flux"), width=16, height=16, arguments='{"max_sequence_length": 16}')
    assert "prompt_text_cut" in draw(flux, long)["0/0"].provenance


@pytest.mark.slow
def test_what_was_cut_off_is_what_the_pipeline_cut_and_not_what_its_tokenizer_could(
    load: Load, pipelines: Pipelines
) -> None:
    generator = load(pipelines("latent_diffusion"), steps=2, batch=2)
    long = "fox " * 30 + "zebra"  # 97 tokens and more: the pipeline reads 77, the tokenizer 512
    results = draw(generator, "a fox", long)
    assert "prompt_text_cut" not in results["0/0"].provenance
    cut = str(results["1/0"].provenance["prompt_text_cut"]).replace(" ", "").replace("##", "")
    # of 75 tokens between the two special ones, each a letter, 25 times "fox" are read
    assert cut == "fox" * 5 + "zebra"


@pytest.mark.slow
def test_what_the_pipeline_writes_behind_the_prompt_is_not_told_as_cut_off(load: Load, pipelines: Pipelines) -> None:
    """Qwen-Image puts the prompt into a conversation; its tiny tokenizer reads characters."""
    generator = load(pipelines("qwen_image"), **ARGUMENTS["qwen_image"])
    results = draw(generator, "fox " * 100 + "zebra", "fox " * 400 + "zebra")
    assert "prompt_text_cut" not in results["0/0"].provenance
    cut = str(results["1/0"].provenance["prompt_text_cut"]).replace(" ", "")
    assert cut.endswith("foxzebra") and 100 < len(cut) < 1200


def test_a_batch_is_halved_where_memory_is_short(
    load: Load, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = load(pipelines("stable_diffusion"), batch=4)
    drawn = generator._draw  # type: ignore[attr-defined]
    asked: list[int] = []

    def short(batch: Any) -> Any:
        asked.append(len(batch))
        if len(batch) > 1 or batch[0].prompt == "huge":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return drawn(batch)

    monkeypatch.setattr(generator, "_draw", short)
    results = draw(generator, "a fox", "a heron", "huge", "a birch")
    assert asked == [4, 2, 1, 1, 1, 1] and generator.batch_size == 1
    assert [results[f"{at}/0"].image is not None for at in range(4)] == [True, True, False, True]
    assert "too little memory for one image" in results["2/0"].failure.message  # type: ignore[union-attr]


def test_what_a_pipeline_refuses_is_final_and_harms_no_neighbour(
    load: Load, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = load(pipelines("stable_diffusion"), width=36, height=32)
    found, message = failure(odd, "a fox")
    assert found == "invalid" and "can't draw with these arguments" in message and "divisible by 8" in message
    generator = load(pipelines("stable_diffusion"), batch=4)
    drawn, asked = generator._draw, []  # type: ignore[attr-defined]

    def picky(batch: Any) -> Any:
        asked.append(len(batch))
        if any(request.prompt == "odd" for request in batch):
            raise ValueError("this prompt is odd")
        return drawn(batch)

    monkeypatch.setattr(generator, "_draw", picky)
    results = draw(generator, "a fox", "odd", "a heron", "a birch", "a mole")
    assert asked == [4, 1, 1, 1, 1, 1], "those beside it are drawn alone; the next batch is whole again"
    assert [results[f"{at}/0"].image is not None for at in range(5)] == [True, False, True, True, True]
    assert results["1/0"].failure == Failure(
        FailureKind.INVALID, "the pipeline can't draw with these arguments: this prompt is odd"
    )


def test_other_files_make_another_fingerprint(load: Load, pipelines: Pipelines, tmp_path: Path) -> None:
    first = load(pipelines("stable_diffusion")).info.weights_fingerprint
    other = tiny.stable_diffusion(tmp_path / "other")
    assert load(other).info.weights_fingerprint == first, "the same weights in another folder"
    (other / "scheduler" / "note.txt").write_text("x")
    assert load(other).info.weights_fingerprint != first


def test_a_lora_changes_the_image_and_the_fingerprint(load: Load, pipelines: Pipelines, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    base = pipelines("stable_diffusion")
    plain = load(base)
    torch.manual_seed(1)
    unet = plain._stages[0].pipe.unet  # type: ignore[attr-defined]
    unet.add_adapter(peft.LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    weights = peft.utils.get_peft_model_state_dict(unet)
    diffusers.StableDiffusionPipeline.save_lora_weights(tmp_path, unet_lora_layers=weights)
    file = tmp_path / "pytorch_lora_weights.safetensors"
    unet.delete_adapters("default")
    with_lora = load(base, lora=str(file))
    first, other = (draw(generator, "a fox")["0/0"].image for generator in (load(base), with_lora))
    assert first is not None and other is not None and not np.array_equal(first, other)
    assert with_lora.info.weights_fingerprint != plain.info.weights_fingerprint
    file.write_bytes(b"no weights")
    with pytest.raises(GeneratorError, match="can't be loaded"):
        load(base, lora=str(file))


def test_a_lora_of_another_pipeline_is_refused(load: Load, pipelines: Pipelines, tmp_path: Path) -> None:
    """diffusers loads nothing of it, and says so in a log alone."""
    pytest.importorskip("peft")
    key = "transformer.single_transformer_blocks.0.attn.to_q.lora_{}.weight"
    weights = {key.format("A"): torch.zeros(4, 32), key.format("B"): torch.zeros(32, 4)}
    safetensors.torch.save_file(weights, tmp_path / "flux.safetensors")
    with pytest.raises(GeneratorError, match="has nothing for the parts of a StableDiffusionPipeline: it is another's"):
        load(pipelines("stable_diffusion"), lora=str(tmp_path / "flux.safetensors"))


TRUE_4 = {"arguments": '{"true_cfg_scale": 4}'}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters", "says"),
    [
        ("flux", {"guidance": 3.0}, "FluxPipeline passes guidance over: .* guided by arguments=.*true_cfg_scale"),
        ("flux", {"negative_prompt": "a heron"}, "FluxPipeline reads a negative prompt only .* set arguments="),
        ("flux", {"negative_prompt": "a heron", **TRUE_4}, ""),
        ("flux", TRUE_4, ""),
        ("qwen_image", {"guidance": 3.0}, "QwenImagePipeline passes guidance over"),
        ("qwen_image", {"negative_prompt": "a heron"}, ""),
        ("qwen_image", {"arguments": '{"true_cfg_scale": 2}'}, ""),
    ],
)
def test_guidance_is_read_or_refused(
    load: Load, pipelines: Pipelines, name: str, parameters: dict[str, object], says: str
) -> None:
    """Some pipelines pass over what they were given. What is not refused changes the image."""
    if says:
        with pytest.raises(GeneratorError, match=says):
            load(pipelines(name), **ARGUMENTS[name], **parameters)
        return
    images = [draw(load(pipelines(name), **ARGUMENTS[name], **each), "a fox")["0/0"].image for each in ({}, parameters)]
    assert images[0] is not None and images[1] is not None and not np.array_equal(images[0], images[1])


def test_a_pipeline_without_images_ends_the_run(
    load: Load, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = load(pipelines("stable_diffusion"))
    kind = type(generator._stages[0].pipe)  # type: ignore[attr-defined]
    monkeypatch.setattr(kind, "__call__", lambda self, **given: SimpleNamespace(frames=[]))
    with pytest.raises(StopError, match="StableDiffusionPipeline gives no images"):
        draw(generator, "a fox")

    def lacking(self: object, **given: object) -> None:
        None.tokenize("")  # type: ignore[attr-defined]

    monkeypatch.setattr(kind, "__call__", lacking)
    kind_of_failure, message = failure(generator, "a fox")
    assert kind_of_failure == "invalid" and "can't draw with these arguments: 'NoneType' object has no" in message


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"pipeline_class": "StableDifusionPipeline"}, 'did you mean "StableDiffusionPipeline"'),
        ({"pipeline_class": "StableDiffusionImg2ImgPipeline"}, "draws from an image, and the first stage has only a"),
        ({"scheduler": "EulerDiscretScheduler"}, 'did you mean "EulerDiscreteScheduler"'),
        ({"arguments": '{"clipskip": 1}'}, 'takes no argument .clipskip.; did you mean "clip_skip"'),
        ({"arguments": '{"generator": 1}'}, "takes no argument 'generator'"),
        ({"arguments": "[]"}, "arguments is a JSON object"),
        ({"arguments": '{"num_inference_steps": 3}'}, "num_inference_steps is given as the parameter steps"),
        (
            {"negative_prompt": "a heron", "guidance": 1.0},
            "a negative prompt only when it is guided: set guidance above",
        ),
        ({"width": 32}, "give width and height together"),
        ({"offload": "model"}, "is for a GPU"),
        ({"lora": "nowhere.safetensors"}, "there is no LoRA|needs peft"),
        ({"pipeline": "x"}, "is not one of model"),
    ],
)
def test_what_does_not_fit_is_told(
    load: Load, pipelines: Pipelines, folder: Path, parameters: dict[str, object], says: str
) -> None:
    with pytest.raises(GeneratorError, match=says) as error:
        load(pipelines("stable_diffusion"), **parameters)
    assert "\n" not in str(error.value)


def test_what_is_no_pipeline_is_told(load: Load, pipelines: Pipelines, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="say which pipeline"):
        load("")
    with pytest.raises(GeneratorError, match=r"Nothing is downloaded unless .* DRAWBENCH_ALLOW_DOWNLOAD is 1"):
        load("nobody/nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GeneratorError, match="has no model_index.json"):
        load(tmp_path / "empty")
    other = tiny.stable_diffusion(tmp_path / "other")
    weights = other / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    for rest in (whole[: len(whole) // 2], b"", None):
        weights.unlink()
        if rest is not None:
            weights.write_bytes(rest)
        with pytest.raises(GeneratorError, match="can't be loaded.*[^.]\\. Are all its weights there") as error:
            load(other)
        assert "OSError" not in str(error.value)
        weights.touch()
    shutil.move(other / "tokenizer", tmp_path / "tokenizer")
    with pytest.raises(GeneratorError, match="lacks tokenizer, which its model_index.json names; copy or download"):
        load(other)
    shutil.move(tmp_path / "tokenizer", other / "tokenizer")
    index = json.loads((other / "model_index.json").read_text())
    (other / "model_index.json").write_text(json.dumps({**index, "_class_name": "AcmePipeline"}))
    with pytest.raises(GeneratorError, match="of the class 'AcmePipeline', which diffusers"):
        load(other)
    (other / "model_index.json").write_text("{")
    with pytest.raises(GeneratorError, match="this is not JSON"):
        load(other)
