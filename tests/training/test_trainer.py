"""The step: it learns, it is the same in micro-batches, it survives bad gradients and little memory."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generators.cascade.configs import ConfigError
from generators.places import TRAINING_CONFIGS
from generators.training import objective
from generators.training.config import load_train_config
from generators.training.objective import draw, stage_loss
from generators.training.trainer import MAX_SKIPPED, Diverged, Trainer
from tests.training.toy import Squares, config


def losses(trainer: Trainer, data: Squares, steps: int) -> list[float]:
    return [trainer.step(data, step / steps) for step in range(steps)]


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


def test_it_learns_one_batch_by_heart() -> None:
    wanted = config(learning_rate=5e-3, text_drop=0.0)
    taken = losses(Trainer(wanted), Squares(wanted, fixed=True), 100)
    assert np.mean(taken[-20:]) < 0.5 * np.mean(taken[:5])


def test_it_learns_a_world_of_two_colours() -> None:
    """After a few seconds the text decides the colour: the denoised image of pure noise is redder for "red"."""
    wanted = config()
    trainer, data = Trainer(wanted), Squares(wanted)
    taken = losses(trainer, data, 80)
    assert np.mean(taken[-20:]) < 0.75 * np.mean(taken[:10])
    z = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1, 1)
    with torch.no_grad():
        x0 = -trainer.network(z, torch.ones(2), data.text([0, 1]), torch.ones(2, dtype=torch.bool))  # v at t = 1
    redness = (x0[:, 0] - x0[:, 2]).mean(dim=(1, 2))
    assert redness[0] > 0.1 and redness[1] < -0.1


@pytest.mark.parametrize("stage", ["base", "sr256"])
def test_micro_batches_take_the_same_step(stage: str) -> None:
    """8 images at once, or 3, 3 and 2: parameters agree to 2e-5 after three steps, a fiftieth of what they moved."""
    wanted = config(stage=stage, max_aug=0.0 if stage == "base" else 1.0, learning_rate=1e-3)
    whole, pieces = Trainer(wanted), Trainer(dataclasses.replace(wanted, micro_batch=3))
    before = weights(whole)
    one, other = losses(whole, Squares(wanted), 3), losses(pieces, Squares(wanted), 3)
    assert one == pytest.approx(other, rel=1e-5)
    assert furthest(weights(whole), before) > 1e-3
    assert furthest(weights(whole), weights(pieces)) < 2e-5


def test_blocks_computed_again_give_the_same_gradient() -> None:
    wanted = config()
    kept, again = Trainer(wanted), Trainer(dataclasses.replace(wanted, checkpoint_blocks=True))
    losses(kept, Squares(wanted), 2), losses(again, Squares(wanted), 2)
    assert furthest(weights(kept), weights(again)) == 0
    assert set(weights(kept)) == set(weights(again))


def test_noise_belongs_to_a_row_and_not_to_who_draws_it() -> None:
    """Rows 0..39 at once, and cut across the blocks in which noise is drawn; another seed is other noise."""
    wanted = config(stage="sr256", batch=40, max_aug=1.0)
    device = torch.device("cpu")
    whole = draw(wanted, 5, range(40), device)
    for rows in (range(7), range(7, 20), range(16, 32), range(39, 40)):
        part = draw(wanted, 5, rows, device)
        for name in ("t", "keep", "eps", "aug_level", "aug_eps"):
            assert torch.equal(getattr(part, name), getattr(whole, name)[rows.start : rows.stop]), name
    assert whole.eps.std() == pytest.approx(1.0, abs=0.02)
    assert len({float(row[0, 0, 0]) for row in whole.eps}) == 40
    for other in (
        draw(wanted, 6, range(40), device),
        draw(config(stage="sr256", batch=40, seed=4), 5, range(40), device),
    ):
        assert not torch.equal(other.eps, whole.eps) and not torch.equal(other.t, whole.t)


def test_times_are_spread_evenly_over_the_whole_batch() -> None:
    t = draw(config(batch=8), 0, range(8), torch.device("cpu")).t.sort().values
    assert t.diff() == pytest.approx([(objective.MAX_T - objective.MIN_T) / 8] * 7, abs=1e-5)


def test_times_of_edm_are_log_normal() -> None:
    """ln(sigma / alpha) has mean -1.2 and standard deviation 1.2 (Karras et al. 2022, table 1)."""
    t = draw(config(batch=4096, weighting="edm"), 0, range(4096), torch.device("cpu")).t.double()
    ratio = torch.log(torch.tan(t * math.pi / 2))
    assert float(ratio.mean()) == pytest.approx(-1.2, abs=0.02) and float(ratio.std()) == pytest.approx(1.2, abs=0.03)


def test_the_loss_by_hand() -> None:
    """A network that answers 0: the loss is the mean over rows of w(t) mean(v^2), by a loop over rows."""

    class Silent(nn.Module):
        def forward(self, z: Tensor, *given: object) -> Tensor:
            return torch.zeros_like(z)

    wanted = config(batch=4)
    batch, drawn = Squares(wanted).batch(0), draw(config(batch=4), 0, range(4), torch.device("cpu"))
    expected = 0.0
    for image, eps, t in zip(batch.images, drawn.eps, drawn.t.tolist(), strict=True):
        alpha, sigma = math.cos(math.pi * t / 2), math.sin(math.pi * t / 2)
        v = alpha * eps - sigma * image
        expected += min(5 * sigma**2, 1.0) * float(v.square().mean()) / 4
    assert float(stage_loss(Silent(), wanted.network, batch, drawn)) == pytest.approx(expected, rel=1e-5)
    plain = stage_loss(Silent(), wanted.network, batch, drawn, "none")
    assert float(plain) > 1.05 * expected


class Spoiled(Squares):
    """Its batches are no numbers, in the steps named."""

    steps: range = range(0)

    def batch(self, step: int, rank: int = 0, world: int = 1):  # type: ignore[no-untyped-def]
        held = super().batch(step, rank, world)
        return dataclasses.replace(held, images=held.images * math.nan) if step in self.steps else held


def test_a_bad_gradient_is_left_out_and_counted() -> None:
    wanted = config()
    trainer, data = Trainer(wanted), Spoiled(wanted)
    data.steps = range(2, 4)
    losses(trainer, data, 2)
    before = weights(trainer)
    assert math.isnan(trainer.step(data, 0.0)) and math.isnan(trainer.step(data, 0.0))
    assert furthest(weights(trainer), before) == 0
    assert (trainer.progress.step, trainer.progress.skipped, trainer.progress.in_row) == (4, 2, 2)
    assert math.isfinite(trainer.step(data, 0.0))
    assert (trainer.progress.skipped, trainer.progress.in_row) == (2, 0)
    assert all(bool(value.isfinite().all()) for value in trainer.ema.weights.values())


def test_nothing_but_bad_gradients_ends_it() -> None:
    wanted = config()
    trainer, data = Trainer(wanted), Spoiled(wanted)
    data.steps = range(1000)
    with pytest.raises(Diverged, match=f"{MAX_SKIPPED} steps in a row.*learning_rate"):
        losses(trainer, data, 100)
    assert trainer.progress.step == MAX_SKIPPED


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
def test_too_little_memory_means_smaller_micro_batches(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = config(learning_rate=1e-3)
    said: list[str] = []
    plenty, little = Trainer(wanted), Trainer(wanted, report=said.append)
    room = 3

    def loss(network: nn.Module, stage: object, batch, drawn, weighting) -> Tensor:  # type: ignore[no-untyped-def]
        if len(batch.images) > room:
            raise error
        return stage_loss(network, wanted.network, batch, drawn)

    losses(plenty, Squares(wanted), 2)
    monkeypatch.setattr("generators.training.trainer.stage_loss", loss)
    losses(little, Squares(wanted), 2)
    assert little.micro == 2 and [line.split(": ")[1].split(";")[0] for line in said] == [
        "from here in micro-batches of 4",
        "from here in micro-batches of 2",
    ]
    assert furthest(weights(plenty), weights(little)) < 2e-5
    room = 0
    with pytest.raises(ConfigError, match="no memory left for micro-batches of 1"):
        losses(little, Squares(wanted), 1)


def test_another_error_is_not_taken_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def loss(*given: object) -> Tensor:
        raise RuntimeError("a shape that does not fit")

    monkeypatch.setattr("generators.training.trainer.stage_loss", loss)
    wanted = config()
    with pytest.raises(RuntimeError, match="does not fit"):
        Trainer(wanted).step(Squares(wanted), 0.0)


def test_a_processor_without_bfloat16_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": False})
    assert not Trainer(config(bf16=True), report=said.append).bf16
    assert said == ["this cpu has no bfloat16: float32 instead"]
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"amx_bf16": True})
    assert Trainer(config(bf16=True), report=said.append).bf16 and len(said) == 1


def test_the_papers_base_trains_with_adafactor_and_its_others_with_adam() -> None:
    """[F]: Adafactor for the base, Adam for super-resolution, each at 1e-4; a step of each on a small network."""
    for stage, optimiser in (
        ("base", torch.optim.Adafactor),
        ("sr256", torch.optim.AdamW),
        ("sr1024", torch.optim.AdamW),
    ):
        paper = load_train_config(TRAINING_CONFIGS / f"xxl-{stage}.json")
        assert paper.learning_rate == 1e-4 and paper.batch == 2048 and paper.weight_decay == 0.0
        small = config()
        wanted = dataclasses.replace(
            small, optimiser=paper.optimiser, betas=paper.betas, weight_decay=paper.weight_decay, clip=paper.clip,
            learning_rate=paper.learning_rate, parallel=paper.parallel, decay=paper.decay, weighting=paper.weighting,
        )  # fmt: skip
        trainer = Trainer(wanted)
        assert type(trainer.optimiser) is optimiser
        before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        trainer.step(Squares(wanted), 0.25)
        moved = [name for name, value in trainer.network.state_dict().items() if not torch.equal(value, before[name])]
        assert moved and all(torch.isfinite(value).all() for value in trainer.network.state_dict().values())


def test_adafactor_learns_and_keeps_less() -> None:
    wanted = config(optimiser="adafactor", learning_rate=5e-2)
    trainer = Trainer(wanted)
    taken = losses(trainer, Squares(wanted, fixed=True), 40)
    assert np.mean(taken[-5:]) < 0.92 * np.mean(taken[:5])
    numbers = sum(parameter.numel() for parameter in trainer.network.parameters())
    kept = sum(
        value.numel()
        for state in trainer.optimiser.state.values()
        for value in state.values()
        if torch.is_tensor(value)
    )
    assert kept < numbers


def test_the_learning_rate_warms_up_and_cools_down() -> None:
    trainer = Trainer(config())
    assert trainer.learning_rate(0.0) == pytest.approx(3e-3 / 5)
    trainer.progress.step = 100
    assert trainer.learning_rate(0.4) == pytest.approx(3e-3)
    assert trainer.learning_rate(0.75) == pytest.approx(1.5e-3)
    assert trainer.learning_rate(1.0) == 0.0
    cosine = Trainer(config(decay="cosine", cooldown=1.0, warmup=0))
    rates = [cosine.learning_rate(done) / 3e-3 for done in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([1.0, 0.85355, 0.5, 0.14645, 0.0], abs=1e-4)
