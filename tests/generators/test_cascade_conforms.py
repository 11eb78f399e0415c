"""The bundled cascade keeps the generators' contract, with the weights that ship."""

import pytest

from generators import registry
from generators.conformance import check
from generators.contract import GeneratorError


@pytest.mark.slow
def test_the_cascade_keeps_the_contract() -> None:
    try:
        generator = registry.load("cascade", {"steps": 2}, size=64, device="cpu")
    except GeneratorError as error:
        pytest.fail(f"the bundled weights must load: {error}")
    assert check(generator, size=64) == []
