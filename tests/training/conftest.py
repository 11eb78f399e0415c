"""Every test of training knows the tiny cascade, and has one thread: last bits depend on how many there are."""

from collections.abc import Iterator

import pytest
import torch

from generators.cascade import configs
from tests.training.toy import TINY


@pytest.fixture(autouse=True)
def tiny_cascade(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(configs.CASCADES, "tiny", TINY)
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
