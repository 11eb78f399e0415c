"""Batches prepared by other processes are those that this one would have made.

Each in a fresh process: it forks, and what earlier tests left open in pytest's own (kombu closes its connections to the
broker in every forked child, and may wait for ever) is no part of a training.
"""

import subprocess
import sys

import pytest

BEGIN = """
import torch
from generators.cascade import configs
from generators.training.ahead import Ahead
from tests.training.toy import TINY, Squares, config

configs.CASCADES["tiny"] = TINY
torch.set_num_threads(1)
"""

SQUARES = """
data = Squares(config())
ahead = Ahead(data, 1)
for step, rank, world in ((3, 0, 1), (4, 0, 1), (9, 0, 1), (10, 1, 2)):
    there, here = ahead.batch(step, rank, world), data.batch(step, rank, world)
    assert torch.equal(there.images, here.images) and there.captions == here.captions, step
"""

SCENES = """
from tests.training.test_train_scenes import world

data = world(crop=64, batch=4)
ahead = Ahead(data, 2)
for step in (2, 3, 9):
    there, here = ahead.batch(step), data.batch(step)
    assert torch.equal(there.images, here.images) and torch.equal(there.text.tokens, here.text.tokens), step
"""

PICTURES = """
import pathlib, tempfile
from PIL import Image
from generators.training.data import load_data
from generators.training.data_config import data_config

folder = pathlib.Path(tempfile.mkdtemp())
for number in range(8):
    Image.new("RGB", (70, 64), (30 * number, 0, 0)).save(folder / f"{number}.png")
    (folder / f"{number}.txt").write_text(f"number {number}")
wanted = config(crop=64, batch=4, cascade="imagen-mini", data=data_config({"kind": "folder", "path": str(folder)}))
data = load_data(wanted)
ahead = Ahead(data, 1)
for step in (1, 2, 5):
    there, here = ahead.batch(step), data.batch(step)
    assert there.captions == here.captions and torch.equal(there.images, here.images), step
    assert torch.equal(there.text.tokens, here.text.tokens), step
"""


@pytest.mark.longest
@pytest.mark.parametrize("kind", [SQUARES, SCENES, PICTURES], ids=["squares", "scenes", "pictures"])
def test_batches_prepared_ahead_are_the_same(kind: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BEGIN + kind], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
