"""Two processes take the steps of one, with all weights each (DDP) or half (FSDP), and share its checkpoints."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import ConfigError
from generators.training import checkpoints
from generators.training.distributed import World, join
from generators.training.ema import snapshots_in
from generators.training.trainer import Trainer
from tests.training.toy import Squares, config
from tests.training.worker import HALF, STEPS, scenario

TOLERANCE = 2e-5
"""Of a parameter after six steps, in which parameters move by some 4e-3: sums are taken in another order."""

KINDS = ("ddp-micro", "fsdp-blocks")

TRIES = 3
"""torch's collectives over gloo, which only tests use, can end a process by a segmentation fault (seen once, inside of
wait_tensor). What our own code does wrong ends in an exception, and is not tried again."""

pytestmark = pytest.mark.xdist_group("distributed")  # the trainings are made once


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Tensor], dict[str, Tensor]]]:
    """The folder of all trainings, and the weights and average of one process after all steps."""
    from generators.cascade import configs
    from tests.training.toy import TINY

    folder = tmp_path_factory.mktemp("distributed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(configs.CASCADES, "tiny", TINY)
        wanted = scenario("one")
        one, data = Trainer(wanted), Squares(wanted)
        before = {name: value.clone() for name, value in one.network.state_dict().items()}
        for step in range(STEPS):
            if step == HALF:
                checkpoints.save(one, folder / "one")
            one.step(data, 0.0)
        checkpoints.save(one, folder / "one-whole")
    launched = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for _ in range(TRIES):
        for path in folder.iterdir():
            if path.name not in ("one", "one-whole"):
                shutil.rmtree(path)
        done = subprocess.run(
            [*launched, "-m", "tests.training.worker", "scenarios", str(folder)],
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        if "SIGSEGV" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr[-4000:]
    yield folder, {name: value.clone() for name, value in one.network.state_dict().items()}, before


def resumed(folder: Path, name: str) -> Trainer:
    """In this one process, from what two have saved."""
    trainer = Trainer(scenario("one"))
    checkpoints.resume(trainer, folder / name)
    return trainer


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    assert set(one) == set(other)
    return max(float((value - other[name]).abs().max()) for name, value in one.items())


@pytest.mark.longest
@pytest.mark.parametrize("name", KINDS)
def test_two_processes_take_the_steps_of_one(
    name: str, trained: tuple[Path, dict[str, Tensor], dict[str, Tensor]]
) -> None:
    """All six steps in two processes, the second half of them in two: by network, averages and what is written."""
    folder, wanted, before = trained
    assert furthest(wanted, before) > 100 * TOLERANCE
    alone = resumed(folder, "one-whole")
    for stored in (name, f"{name}-resumed"):
        found = resumed(folder, stored)
        assert found.progress.step == STEPS
        assert furthest(found.network.state_dict(), wanted) < TOLERANCE, stored
        for std, average in found.averages.items():
            assert furthest(average.weights, alone.averages[std].weights) < TOLERANCE, (stored, std)
    (snapshot,) = {held.step for held in snapshots_in(folder / name)}
    assert snapshot == STEPS and (folder / name / "samples" / f"{STEPS:09d}.png").is_file()
    for stored in (name, f"{name}-resumed"):
        written = open_weights(folder / stored).load("base").tensors
        assert furthest({key: value.float() for key, value in written.items()}, alone.ema.weights) < 1e-3


@pytest.mark.longest
def test_shards_in_bfloat16_go_the_same_way(
    trained: tuple[Path, dict[str, Tensor], dict[str, Tensor]],
) -> None:
    """Three digits are no basis for a comparison of weights: the way that they went is within a fifth of its length."""
    folder, wanted, before = trained
    found = Trainer(scenario("one-bf16"))
    checkpoints.resume(found, folder / "fsdp-bf16")
    state = found.network.state_dict()
    off = sum(float((state[name] - value).square().sum()) for name, value in wanted.items())
    way = sum(float((before[name] - value).square().sum()) for name, value in wanted.items())
    assert 0 < off < 0.2**2 * way


@pytest.mark.longest
@pytest.mark.parametrize("name", KINDS)
def test_one_process_goes_on_with_what_two_have_saved(
    name: str, trained: tuple[Path, dict[str, Tensor], dict[str, Tensor]]
) -> None:
    """The optimiser's state came along whole: two more steps stay together."""
    folder, *_ = trained
    one, two = resumed(folder, "one-whole"), resumed(folder, name)
    for trainer in (one, two):
        trainer.step(Squares(trainer.config), 0.0)
        trainer.step(Squares(trainer.config), 0.0)
    assert furthest(one.network.state_dict(), two.network.state_dict()) < 2 * TOLERANCE


def test_batches_that_can_not_be_shared_and_optimisers_that_can_not_be_split() -> None:
    second = World(1, 3, torch.device("cpu"))
    with pytest.raises(ConfigError, match="8 can't be shared evenly by 3 processes"):
        Trainer(config(), second)
    with pytest.raises(ConfigError, match="adafactor.*ddp"):
        Trainer(config(optimiser="adafactor", parallel="fsdp"), World(0, 2, torch.device("cpu")))


def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert join() == World(0, 1, torch.device("cpu"))
    with pytest.raises(ConfigError, match="no CUDA"):
        join("cuda")
    with pytest.raises(ConfigError, match="none that torch knows"):
        join("toaster")


def test_the_batches_of_two_are_the_batch_of_one() -> None:
    data = Squares(config())
    whole, parts = data.batch(4), [data.batch(4, rank, 2) for rank in range(2)]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    assert parts[0].captions + parts[1].captions == whole.captions
