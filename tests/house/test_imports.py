"""Who may import whom: the contracts are there, and the web process really is light."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from common.places import CHECKOUT
from tests.house.production import production_environment

PURE = ("suites", "protocols", "design", "analysis", "metrics")
"""Packages of `evaluation` that a notebook may use without Django. `metrics` may use torch."""

SHOW_MODULES = (
    "import json, sys; from django.urls import get_resolver; get_resolver().url_patterns; "
    "print(json.dumps(sorted(sys.modules)))"
)
"""The rest of a program that has made a Django application: everything that answers an address, and what is loaded."""


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
    program = f"import drawbench.wsgi; {SHOW_MODULES}"
    answer = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    loaded = set(json.loads(answer.stdout))
    heavy = ("torch", "transformers", "safetensors", "sklearn", "generators.cascade.pipeline", "generators.training")
    assert [name for name in heavy if name in loaded] == []


@pytest.mark.parametrize(
    "program", ["import drawbench.wsgi", "import drawbench.celery, drawbench.wsgi, evaluation.tasks"]
)
def test_in_production_nothing_of_the_embedded_servers_is_loaded(program: str) -> None:
    """The web application, and a worker: their servers are named in the environment."""
    assert _local_modules(program, production_environment()) == []


def test_a_local_instance_looks_for_its_embedded_servers(tmp_path: Path) -> None:
    environment = production_environment(without="DRAWBENCH_CACHE") | {"DRAWBENCH_PRODUCTION": "0"}
    loaded = _local_modules("import drawbench.wsgi", environment | {"DRAWBENCH_VAR": str(tmp_path / "var")})
    assert "drawbench.local.instance" in loaded


def test_the_linter_keeps_the_embedded_servers_out_of_every_other_module() -> None:
    others = {f"drawbench.{path.stem}" for path in (CHECKOUT / "drawbench").glob("*.py") if path.stem != "__init__"}
    assert {name for name in others if "drawbench.local" not in _forbidden_to(name)} == set()
    assert all("drawbench.local" in _forbidden_to(room) for room in ("common", "evaluation", "generators"))


def _local_modules(program: str, environment: Mapping[str, str]) -> list[str]:
    command = [sys.executable, "-c", f"{program}; {SHOW_MODULES}"]
    answer = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return [name for name in json.loads(answer.stdout) if name.startswith("drawbench.local")]
