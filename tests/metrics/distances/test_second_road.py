"""The same distance by torch-fidelity, whole, and that its traps are not ours."""

from __future__ import annotations

import errno
import hashlib
import json
import sys
import tempfile
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from django.core.management import CommandError, call_command
from PIL import Image
from torch import nn

from evaluation.metrics.distances.second_road import check_engine
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features import extractors, measure
from evaluation.metrics.features.inception import FIDInception
from evaluation.metrics.features.protocols import PROTOCOLS
from tests.metrics.pictures import picture, pictures, spoilt
from tests.metrics.projection import projection


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch-fidelity would keep a cache, and where temporary folders are made."""
    for name in ("TORCH_HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.fixture
def inception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weight file of random weights, declared to be the right one."""
    torch.manual_seed(0)
    network = FIDInception()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    path = tmp_path / "random.pth"
    torch.save(network.state_dict(), path)
    info = replace(extractors.EXTRACTORS["inception"], sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(extractors, "EXTRACTORS", MappingProxyType({**extractors.EXTRACTORS, "inception": info}))
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of six features in place of EfficientNet-Lite0."""
    monkeypatch.setattr(measure, "load_extractor", lambda name, weights, *, folders, device: projection())


def _frechet(*arguments: object, form: str = "json") -> Any:
    out = StringIO()
    call_command("frechet", *map(str, arguments), "--device", "cpu", "--format", form, stdout=out)
    return json.loads(out.getvalue()) if form == "json" else out.getvalue()


def _sides(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of pictures of several sizes, and files among them that are no pictures."""
    a, b = pictures(tmp_path / "a", 6), pictures(tmp_path / "b", 5, first=100)
    spoilt(a)
    picture(7).resize((90, 70)).save(b / "small.jpg")
    return a, b


@pytest.mark.longest
@pytest.mark.slow
def test_fid_by_its_own_whole_calculation(tmp_path: Path, inception: Path) -> None:
    a, b = _sides(tmp_path)
    found = _frechet(a, b, "--extractor", "inception", "--weights", inception, "--engine", "torch-fidelity")
    second = found["second"]
    assert found["name"] == "FID" and second["engine"] == "torch-fidelity 0.4.0"
    assert second["value"] == pytest.approx(found["value"], rel=1e-4) and found["value"] > 0
    assert second["difference"] == second["value"] - found["value"]
    assert (found["n_1"], found["n_2"]) == (6, 6) and len(found["skipped"]) > 0


def test_the_difference_is_printed(tmp_path: Path) -> None:
    a, b = _sides(tmp_path)
    told = _frechet(a, b, "--extractor", "efficientnet-lite0", "--engine", "torch-fidelity", form="text")
    line = next(line for line in told.splitlines() if "torch-fidelity" in line)
    assert line.startswith("  by torch-fidelity 0.4.0: ") and " here (" in line


@pytest.mark.longest
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("protocol", ["imagen-full", "ldm-30k", "dalle-squash"])
def test_every_protocol_that_it_can_follow(tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that drops a part batch leaves out the same images on both roads."""
    dropping = replace(PROTOCOLS[protocol], drop_last=4 if PROTOCOLS[protocol].drop_last else None)
    monkeypatch.setattr(
        "evaluation.metrics.features.protocols.PROTOCOLS", MappingProxyType({**PROTOCOLS, protocol: dropping})
    )
    a, b = _sides(tmp_path)
    found = _frechet(a, b, "--extractor", "efficientnet-lite0", "--protocol", protocol, "--engine", "torch-fidelity")
    assert (found["n_1"], found["n_2"]) == ((4, 4) if protocol == "dalle-squash" else (6, 6))
    assert found["second"]["value"] == pytest.approx(found["value"], rel=1e-4) and found["value"] > 0


@pytest.mark.usefixtures("small")
def test_it_keeps_nothing_and_gives_no_old_value_back(tmp_path: Path) -> None:
    """Its cache would: its key is the folder's name."""
    a, b = _sides(tmp_path)
    options = ("--extractor", "efficientnet-lite0", "--engine", "torch-fidelity")
    first = _frechet(a, b, *options)
    for file in a.iterdir():
        file.unlink()
    pictures(a, 6, first=300)
    other = _frechet(a, b, *options)
    assert abs(other["second"]["value"] - first["second"]["value"]) > 1e-3 * first["value"]
    assert other["second"]["value"] == pytest.approx(other["value"], rel=1e-4)
    assert list((tmp_path / "TORCH_HOME").rglob("*")) == [] and list((tmp_path / "TMPDIR").iterdir()) == []


def _refused(*arguments: object) -> str:
    with pytest.raises(CommandError) as told:
        _frechet(*arguments)
    assert told.value.returncode == 2
    return str(told.value)


@pytest.mark.usefixtures("small")
def test_what_it_cannot_do_is_told_before_anything_is_scored(tmp_path: Path) -> None:
    a, b = _sides(tmp_path)
    here = (a, b, "--extractor", "efficientnet-lite0")
    assert 'did you mean "torch-fidelity"?' in _refused(*here, "--engine", "torchfidelity")
    clean = _refused(*here, "--protocol", "gigagan-lanczos-clean", "--engine", "torch-fidelity")
    assert "It can compute imagen-full, dalle-squash, ldm-30k." in clean
    with pytest.raises(MetricError, match="float32"):
        check_engine("torch-fidelity", replace(PROTOCOLS["imagen-full"], precision="tf32"))


@pytest.mark.usefixtures("small")
def test_a_full_disk_and_a_missing_package_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = _sides(tmp_path)
    here = (a, b, "--extractor", "efficientnet-lite0", "--engine", "torch-fidelity")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        assert "TMPDIR" in _refused(*here)
    assert list((tmp_path / "TMPDIR").iterdir()) == []
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    assert "pip install -r requirements.txt" in _refused(*here)


def test_a_paired_test_has_no_second_program() -> None:
    with pytest.raises(CommandError, match="--engine is for one run"):
        call_command("fid", "one", "two", "--reference", "three", "--engine", "torch-fidelity")
