"""Who may import whom: the contracts are there, and the web process really is light."""

import json
import subprocess
import sys
import tomllib
from typing import Any

from drawbench.local.places import CHECKOUT

PURE = ("suites", "protocols", "design", "analysis", "metrics")
"""Packages of `evaluation` that a notebook may use without Django. `metrics` may use torch."""


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _forbidden_to(module: str) -> set[str]:
    return {
        name
        for contract in _contracts()
        if contract["type"] == "forbidden" and module in contract["source_modules"]
        for name in contract["forbidden_modules"]
    }


def test_generators_know_nothing_of_the_platform() -> None:
    assert {"django", "evaluation", "drawbench"} <= _forbidden_to("generators")


def test_pure_packages_know_no_django() -> None:
    for package in PURE:
        if (CHECKOUT / "evaluation" / package / "__init__.py").exists():
            forbidden = _forbidden_to(f"evaluation.{package}")
            assert {"django", "evaluation.models"} <= forbidden, package
            assert package == "metrics" or "torch" in forbidden, package


def test_writes_go_through_services() -> None:
    layers = next(contract["layers"] for contract in _contracts() if contract["type"] == "layers")
    assert [layer for layer in layers if "(" not in layer] == ["services", "selectors", "models"]
    assert all(f"({name})" in layers[0] for name in ("views", "api", "management", "tasks"))


def test_the_web_process_loads_no_torch_and_no_concrete_generator() -> None:
    """Imports everything that answers an address, as granian does, and looks at what is loaded."""
    program = (
        "import json, sys; import drawbench.wsgi; from django.urls import get_resolver; "
        "get_resolver().url_patterns; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    loaded = set(json.loads(answer.stdout))
    heavy = ("torch", "transformers", "safetensors", "sklearn", "generators.cascade.pipeline", "generators.training")
    assert [name for name in heavy if name in loaded] == []
