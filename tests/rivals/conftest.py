"""A service of the tests and a folder of an operator's own templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from generators import registry
from generators.contract import Generator, ImageRequest, ImageResult
from tests.rivals.server import KEY, Service

Load = Callable[..., Generator]


@pytest.fixture
def service() -> Iterator[Service]:
    """A service at a port of this machine."""
    running = Service()
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's folder."""
    place = tmp_path / "rivals"
    for kind in ("services", "programs", "pipelines"):
        (place / kind).mkdir(parents=True)
    monkeypatch.setenv("DRAWBENCH_RIVALS", str(place))
    return place


def declare(folder: Path, name: str, kind: str = "services", **fields: Any) -> None:
    """Write an operator's file."""
    (folder / kind / f"{name}.json").write_text(json.dumps({"name": name, **fields}))


def openai_like(service: Service, **changes: Any) -> dict[str, Any]:
    """A template of the service's images schema."""
    return {
        "schema": "drawbench-service/1",
        "summary": "of the tests",
        "source": "the tests",
        "address": f"{service.address}/v1",
        "private": True,
        "key": {"variable": "TESTS_KEY"},
        "submit": {
            "path": "images/generations",
            "json": {"model": "{model}", "prompt": "{prompt}", "n": 1, "size": "{size}", "seed": "{seed}"},
        },
        "image": {"base64": ["data.*.b64_json"]},
        "rules": [
            {"outcome": "refused", "status": 400, "path": "error.code", "values": ["moderation_blocked"]},
            {"outcome": "quota", "path": "error.code", "values": ["insufficient_quota"]},
        ],
        "kept": {"model_snapshot": "model", "usage_output_tokens": "usage.output_tokens"},
        "prompt_characters": 500,
        "max_seed": 4294967295,
        "repeats": True,
        **changes,
    }


@pytest.fixture
def load(service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Loads the generator of a template, by default of the service's images schema; `template` changes that."""
    monkeypatch.setenv("TESTS_KEY", KEY)
    loaded: list[Generator] = []

    def load_service(template: dict[str, Any] | None = None, **parameters: object) -> Generator:
        declare(folder, "tests", **{**openai_like(service), **(template or {})})
        loaded.append(registry.load("http", {"service": "tests", **parameters}))
        return loaded[-1]

    yield load_service
    for generator in loaded:
        generator.close()


def requests(prompts: Sequence[str], samples: int = 1, run_seed: int = 7) -> list[ImageRequest]:
    """Requests, keyed "prompt number/sample"."""
    return [
        ImageRequest(f"{number}/{sample}", f"{number:05d}", prompt, sample, run_seed)
        for number, prompt in enumerate(prompts)
        for sample in range(samples)
    ]


def draw(generator: Generator, *prompts: str, samples: int = 1) -> dict[str, ImageResult]:
    """The results by key."""
    return {result.key: result for result in generator.generate(requests(prompts, samples))}


def failure(generator: Generator, prompt: str) -> tuple[str, str]:
    """The kind and message of the failure that a prompt meets."""
    (result,) = draw(generator, prompt).values()
    assert result.failure is not None, "it gave an image"
    return str(result.failure.kind), result.failure.message
