"""What the contenders learn from, what they begin with, and that the autoencoder and the prior learn."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import IMAGE_CHANNELS, IMAGEN_MINI, ConfigError
from generators.cascade.networks import build_unet
from generators.contenders.autoencoder import (
    Autoencoder,
    AutoencoderConfig,
    autoencoder_loss,
    load_autoencoder,
    save_autoencoder,
)
from generators.contenders.configs import CONTENDERS, MATCHER_IMAGE
from generators.contenders.folder import AUTOENCODER, DECODER, ContenderError
from generators.contenders.part import load_part
from generators.contenders.prior import Prior, PriorConfig, prior_loss, scaled
from generators.contenders.unclip import drawn_embeddings, embedding_states
from generators.places import SCENE_CLIP, TRAINING_CONFIGS, WEIGHTS
from generators.training import checkpoints, contenders, turned
from generators.training.autoencoder_train import AutoencoderTraining, measure, train_autoencoder
from generators.training.config import TrainConfig, load_train_config
from generators.training.fitting import Pace
from generators.training.trainer import Trainer
from generators.world.scene_clip.load import load_scene_clip
from generators.world.scenes.render import Renderer
from tests.training.test_train_scenes import world
from tests.training.toy import TINY, config

SMALL = AutoencoderConfig((16, 16), (1, 1))


def wanted(name: str) -> TrainConfig:
    """The shipped training of a contender."""
    return load_train_config(TRAINING_CONFIGS / f"{name}.json")


@pytest.mark.parametrize("name", ["cpu-base-latent", "cpu-base-unclip", "cpu-base-clip-text"])
def test_each_learns_from_the_scenes_of_the_others(name: str) -> None:
    """The same captions and pictures: what differs is what the network is told or draws."""
    one, other = turned.plain_config(wanted(name)), turned.plain_config(wanted("cpu-base-latent"))
    assert (one.data, one.seed, one.crop, one.cascade) == (other.data, other.seed, 64, IMAGEN_MINI.name)
    assert wanted(name).cascade in CONTENDERS


def test_pictures_become_latents_embeddings_and_captions_what_the_matcher_hears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = world(crop=64, batch=4)
    monkeypatch.setattr(turned, "load_data", lambda *given: data)
    network = Autoencoder(dataclasses.replace(SMALL, scale=2.0))
    save_autoencoder(tmp_path / AUTOENCODER, network, {})
    plain = data.batch(3)
    latents = turned.load(wanted("cpu-base-latent"), print, "cpu", tmp_path).batch(3)
    assert latents.images.shape == (4, 4, 16, 16) and torch.equal(latents.text.tokens, plain.text.tokens)
    embedded = turned.load(wanted("cpu-base-unclip"), print, "cpu", tmp_path).batch(3)
    matcher = load_scene_clip()
    assert torch.equal(embedded.images, plain.images)
    assert torch.allclose(embedded.text.tokens, embedding_states(matcher.network.image(plain.images)).tokens)
    heard = turned.load(wanted("cpu-base-clip-text"), print, "cpu", tmp_path).batch(3)
    assert heard.text.tokens.shape == (4, 4, 192) and bool(heard.text.mask.all())
    assert torch.allclose(heard.text.tokens, matcher.network.text.heard(plain.text))


def test_quoted_characters_are_left_out_where_the_matcher_does_not_know_them() -> None:
    text = TextStates(torch.zeros(2, 7, 3), torch.tensor([[True] * 7, [True] * 4 + [False] * 3]))
    left = turned.without_quoted(text, ["A sign says 'Go'.", "A cat."], 32).mask
    assert left.sum(1).tolist() == [5, 4] and left[0, :5].all()
    assert torch.equal(turned.without_quoted(text, ["A sign says 'Go'.", "A cat."], 0).mask, text.mask)


def test_what_fits_of_another_network_is_taken_over_and_the_rest_begins_anew() -> None:
    """The decoder begins with the cascade's base but for what reads the encoder's states, of another width."""
    trainer = Trainer(wanted("cpu-base-unclip"))
    fresh = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    taken, whole = checkpoints.take_over(trainer, WEIGHTS)
    base = open_weights(WEIGHTS).load("base").tensors
    anew = {name for name, value in trainer.network.state_dict().items() if torch.equal(value, fresh[name])}
    other = {name for name in fresh if fresh[name].shape != base[name].shape}
    assert other == {
        "conditioning.null",
        "conditioning.norm.weight",
        "conditioning.norm.bias",
        "conditioning.project.weight",
    }
    assert other <= anew and whole - taken == sum(fresh[name].numel() for name in other)
    name = "stem.weight"
    assert torch.equal(trainer.network.state_dict()[name], base[name].float())
    with pytest.raises(ConfigError, match="nothing to start from"):
        checkpoints.take_over(trainer, Path("nowhere"))


def test_noise_of_a_step_has_the_networks_channels_and_grids_are_for_pictures() -> None:
    from generators.training.objective import draw

    latents = wanted("cpu-base-latent")
    assert draw(latents, 0, range(3), torch.device("cpu")).eps.shape == (3, 4, 16, 16)
    assert draw(config(), 0, range(3), torch.device("cpu")).eps.shape == (3, IMAGE_CHANNELS, 32, 32)
    with pytest.raises(ConfigError, match="sample_steps is for networks that draw pictures"):
        dataclasses.replace(latents, sample_steps=10)


def test_a_trained_stage_becomes_a_contenders_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(config())
    checkpoints.save(trainer, tmp_path / "run")
    monkeypatch.setattr(contenders, "_words_write", lambda out, config: None)
    contenders.part_write(DECODER, tmp_path / "run", tmp_path, config())
    part = load_part(tmp_path / DECODER, beside={SCENE_CLIP: WEIGHTS / SCENE_CLIP}, device="cpu", dtype=torch.float32)
    assert part.stage.config == TINY.base and part.about["trained"].startswith("0 steps of 8")  # type: ignore[attr-defined]


def test_the_autoencoder_learns_goes_on_and_says_what_it_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On squares: its error falls, a second call goes on from the first, and its latents have unit variance."""
    square = np.full((64, 64, 4), 255, dtype=np.uint8)
    drawings = dict.fromkeys(("apple", "box", "car", "dog", "star", "tree"), square)
    monkeypatch.setattr("generators.training.autoencoder_train.load_sprites", lambda path: drawings)
    pace = Pace(learning_rate=3e-3, warmup=5, cooldown=0.5, weight_decay=0.0, clip=1.0, steps=24)
    training = AutoencoderTraining(
        Path("none"), tmp_path / AUTOENCODER, tmp_path / "run", batch=8, measured=8, pace=pace, config=SMALL
    )
    short = dataclasses.replace(training, pace=dataclasses.replace(pace, steps=6))
    assert train_autoencoder(short, report=lambda line: None)
    before = load_autoencoder(tmp_path / AUTOENCODER)
    assert train_autoencoder(training, report=lambda line: None)
    after = load_autoencoder(tmp_path / AUTOENCODER)
    assert "24 steps of 8" in str(after.about["trained"])
    told, earlier = after.about["measured"], before.about["measured"]
    assert isinstance(told, dict) and isinstance(earlier, dict)
    assert told["psnr"] > earlier["psnr"] and told["latent_std"] == pytest.approx(1, abs=0.15)
    again = measure(after.network, Renderer(drawings), list(drawings), 8, seed=0)
    assert again == told
    (tmp_path / "cut").write_bytes((tmp_path / AUTOENCODER).read_bytes()[:100])
    with pytest.raises(ContenderError, match="is no whole autoencoder file"):
        load_autoencoder(tmp_path / "cut")


def test_the_autoencoders_loss_is_of_pixels_and_of_edges() -> None:
    network = Autoencoder(SMALL)
    flat = torch.zeros(1, 3, 64, 64)
    edge = flat.clone()
    edge[..., 32:] = 0.5
    eps = torch.zeros(1, 4, 16, 16)
    for parameter in network.out_of[-1].parameters():
        torch.nn.init.zeros_(parameter)  # it draws nothing at all: grey
    plain, seen = autoencoder_loss(network, flat, eps), autoencoder_loss(network, edge, eps)
    # Half of the picture is 0.5 off; of the differences across, one in 63 columns is.
    assert float((seen - plain).detach()) == pytest.approx(0.25 + 0.5 / 63, abs=2e-3)


def test_the_prior_learns_which_embedding_goes_with_a_prompt() -> None:
    """Two prompts, two embeddings: after some steps what is drawn for a prompt is nearest to its own."""
    torch.manual_seed(0)
    pictures = torch.nn.functional.normalize(torch.randn(2, 16), dim=1)
    said = torch.nn.functional.normalize(torch.randn(2, 16), dim=1)
    text = TextStates(torch.randn(2, 3, 8), torch.ones(2, 3, dtype=torch.bool))
    prior = Prior(PriorConfig(text_width=8, embedding=16, width=32, layers=1))
    optimiser = torch.optim.Adam(prior.parameters(), lr=3e-3)
    keep = torch.ones(2, dtype=torch.bool)
    for _ in range(150):
        loss = prior_loss(prior, scaled(pictures), text, scaled(said), torch.rand(2), keep, torch.randn(2, 16))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    prior.eval()
    with torch.no_grad():
        drawn = drawn_embeddings(prior, torch.randn(2, 16), text, scaled(said), steps=8)
        cosines = torch.nn.functional.normalize(drawn, dim=1) @ pictures.T
    assert cosines.argmax(1).tolist() == [0, 1] and float(cosines.diag().min()) > 0.8


def test_a_dropped_prompt_says_nothing_to_the_prior() -> None:
    prior = Prior(PriorConfig(text_width=8, embedding=16, width=32, layers=1))
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    z, t, keep = torch.ones(1, 16), torch.tensor([0.5]), torch.tensor([False])
    one, other = (TextStates(torch.randn(1, 3, 8), torch.ones(1, 3, dtype=torch.bool)) for _ in range(2))
    assert torch.equal(prior(z, t, one, z, keep), prior(z, t, other, 2 * z, keep))
    assert not torch.equal(prior(z, t, one, z, ~keep), prior(z, t, other, z, ~keep))


def test_the_embedding_is_told_in_tokens_that_are_projected_each_by_itself() -> None:
    width = MATCHER_IMAGE.width // MATCHER_IMAGE.max_tokens
    states = embedding_states(torch.nn.functional.normalize(torch.randn(5, width), dim=1))
    assert states.tokens.shape == (5, MATCHER_IMAGE.max_tokens, MATCHER_IMAGE.width) and bool(states.mask.all())
    assert bool((states.tokens.reshape(5, -1, MATCHER_IMAGE.max_tokens, width).ne(0).any(-1).sum(2) == 1).all())
    assert float(states.tokens.square().sum() / (5 * MATCHER_IMAGE.width)) == pytest.approx(1, abs=1e-4)


def test_what_the_contenders_train_has_the_size_that_is_said() -> None:
    """3 M a denoiser of latents, as large as the base the others."""
    sizes = {
        name: sum(one.numel() for one in build_unet(whole.base, whole.text).parameters()) / 1e6
        for name, whole in CONTENDERS.items()
    }
    assert 3.0 < sizes["mini-latent"] < 4.5 and 5.2 < sizes["mini-unclip"] < 5.4 and 5.2 < sizes["mini-clip-text"] < 5.4
    assert sum(one.numel() for one in Prior(PriorConfig()).parameters()) / 1e6 == pytest.approx(5.1, abs=0.2)
