"""Each contender, with random weights of tiny networks, keeps the generators' contract; and what weights must be."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from generators import conformance, registry
from generators.cascade.configs import MINILM
from generators.cascade.networks import build_unet
from generators.contenders.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from generators.contenders.configs import LATENT_BASE, MATCHER_IMAGE, MATCHER_TEXT
from generators.contenders.folder import AUTOENCODER, CLIP_TEXT, DECODER, LATENT, MADE_OF, PRIOR, NotTrainedError
from generators.contenders.part import save_part
from generators.contenders.prior import Prior, PriorConfig, save_prior
from generators.contract import GeneratorError, ImageRequest
from generators.places import SCENE_CLIP, WEIGHTS
from generators.world.scene_clip.lead import load_matcher
from tests.contenders.tiny import BASE, UNET

SMALL = dataclasses.replace(LATENT_BASE, unet=dataclasses.replace(UNET, image_channels=4, patch=1))
QUICK = {"climb_steps": 4, "looks": 2, "steps": 2, "prior_steps": 2}


def made(network: torch.nn.Module) -> torch.nn.Module:
    """The same with random weights, none of them zero."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of all contenders."""
    place = tmp_path_factory.mktemp("contenders")
    matcher = {SCENE_CLIP: WEIGHTS / SCENE_CLIP}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        autoencoder = made(Autoencoder(AutoencoderConfig((16, 16), (1, 1))))
        assert isinstance(autoencoder, Autoencoder)
        save_autoencoder(place / AUTOENCODER, autoencoder, {})
        beside = {AUTOENCODER: place / AUTOENCODER}
        save_part(place / LATENT, made(build_unet(SMALL, MINILM)), SMALL, MINILM, {}, beside=beside)
        for file, text in ((DECODER, MATCHER_IMAGE), (CLIP_TEXT, MATCHER_TEXT)):
            save_part(place / file, made(build_unet(BASE, text)), BASE, text, {}, beside=matcher)
        prior = made(Prior(PriorConfig(width=32, layers=1)))
        assert isinstance(prior, Prior)
        save_prior(place / PRIOR, prior, {}, beside=matcher)
    return place


def given(name: str, folder: Path) -> dict[str, object]:
    """Few steps, of the parameters that this one has."""
    known = {parameter.name for parameter in registry.get_spec(name).parameters}
    return {"weights": str(folder), **{key: value for key, value in QUICK.items() if key in known}}


contenders = pytest.mark.parametrize("name", MADE_OF)


@contenders
def test_it_keeps_the_contract(name: str, folder: Path) -> None:
    generator = registry.load(name, given(name, folder), size=64, device="cpu")
    assert conformance.check(generator, size=64) == []


@contenders
def test_it_says_which_weights_it_has_without_loading_them(name: str, folder: Path, tmp_path: Path) -> None:
    spec = registry.get_spec(name)
    values = spec.resolve(given(name, folder))
    info = registry.load(name, given(name, folder), size=256, device="cpu").info
    assert info.name == name and registry.identity(spec, values, 256) == (info.version, info.weights_fingerprint)
    # Every file counts, and so does super-resolution.
    assert registry.identity(spec, values, 64) != registry.identity(spec, values, 256)
    for file in set(MADE_OF[name]) - {SCENE_CLIP}:
        other = tmp_path / file
        shutil.copytree(folder, other)
        with (other / file).open("ab") as held:
            held.write(b" ")
        moved = spec.resolve(given(name, other))
        assert registry.identity(spec, moved, 64) != registry.identity(spec, values, 64)


@contenders
def test_weights_that_are_not_there_are_named_with_the_command_that_makes_them(name: str, tmp_path: Path) -> None:
    spec = registry.get_spec(name)
    for ask in (
        lambda: registry.load(name, {"weights": str(tmp_path)}, size=64, device="cpu"),
        lambda: registry.identity(spec, spec.resolve({"weights": str(tmp_path)}), 64),
    ):
        with pytest.raises(NotTrainedError) as caught:
            ask()
        own = [file for file in MADE_OF[name] if file != SCENE_CLIP]  # the matcher ships
        assert len(caught.value.commands) == len(own) and all(file in str(caught.value) for file in own)
        assert all("generators.training.contenders" in command for command in caught.value.commands)


@pytest.mark.parametrize(("name", "file", "beside"), [("latent", LATENT, AUTOENCODER), ("unclip", DECODER, SCENE_CLIP)])
def test_weights_go_with_what_they_were_trained_with(
    name: str, file: str, beside: str, folder: Path, tmp_path: Path
) -> None:
    """Another autoencoder or matcher in its place is refused by name: what it makes of the latents is nothing."""
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    source = WEIGHTS / SCENE_CLIP if beside == SCENE_CLIP else folder / beside
    data = source.read_bytes()
    # The same content in other bytes: a blank more at the end of the header, whose length says so.
    length = int.from_bytes(data[:8], "little")
    (other / beside).write_bytes(
        (length + 8).to_bytes(8, "little") + data[8 : 8 + length] + b" " * 8 + data[8 + length :]
    )
    with pytest.raises(GeneratorError, match=f"{file} was trained with another {beside}"):
        registry.load(name, given(name, other), size=64, device="cpu")


def test_the_climb_raises_the_matchers_score(folder: Path) -> None:
    fit = load_matcher().fit(["A red apple."], "cpu")
    scores = []
    for steps in (1, 12):
        made_one = registry.load("guided-clip", {"weights": str(folder), "climb_steps": steps}, size=64, device="cpu")
        (result,) = made_one.generate([ImageRequest("0", "00000", "A red apple.", 0, 0)])
        assert result.image is not None
        with torch.inference_mode():
            picture = torch.from_numpy(result.image)[None].permute(0, 3, 1, 2).float() / 127.5 - 1
            scores.append(float(fit(picture)))
    assert scores[1] > scores[0]
