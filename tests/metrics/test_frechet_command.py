"""`manage.py frechet` by the contract, with the bundled extractor."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evaluation.metrics.features import jackknife
from evaluation.metrics.features.extractors import load_extractor
from evaluation.metrics.features.images import Decoded, decode_images, list_images
from evaluation.metrics.features.protocols import PROTOCOLS
from evaluation.metrics.frechet import frechet_distance_of_features
from tests.metrics.pictures import picture, pictures, spoilt

ROOT = Path(__file__).resolve().parents[2]


def _frechet(*arguments: object, extractor: str = "efficientnet-lite0") -> dict[str, Any]:
    out = StringIO()
    call_command(
        "frechet", *map(str, arguments), "--extractor", extractor, "--device", "cpu", "--format", "json", stdout=out
    )
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def _refused(*arguments: object, extractor: str = "efficientnet-lite0") -> str:
    with pytest.raises(CommandError) as told:
        _frechet(*arguments, extractor=extractor)
    assert told.value.returncode == 2
    return str(told.value)


def test_the_contracts_form(tmp_path: Path) -> None:
    a, b = pictures(tmp_path / "a", 9), pictures(tmp_path / "b", 7, first=100)
    reasons = spoilt(a)
    picture(4).convert("CMYK").save(b / "print.jpg")
    result = _frechet(a, b)
    assert result["schema"] == "drawbench-frechet/1"
    assert result["name"] == "Frechet distance (EfficientNet-Lite0 features)"
    assert (result["n_1"], result["n_2"]) == (9, 8)
    assert result["extractor"] == "efficientnet-lite0"
    assert result["extractor_sha256"].startswith("57934424")
    assert result["protocol"]["name"] == "imagen-full"
    assert {skip["file"] for skip in result["skipped"]} == {str(a / file) for file in reasons}
    assert all(set(skip) == {"file", "why"} for skip in result["skipped"])
    assert result["converted"] == [{"file": str(b / "print.jpg"), "how": "CMYK converted to RGB without its profile"}]
    assert result["corrected"] is None
    assert "too few for 1280 features" in result["corrected_why"]
    assert "8 images for 1280 features" in result["warnings"][0]

    # Fewer images than features: still the exact value of these features.
    extractor, protocol = load_extractor("efficientnet-lite0", device="cpu"), PROTOCOLS["imagen-full"]
    features = [
        extractor.features_of([i.pixels for i in images if isinstance(i, Decoded)], protocol)
        for images in (list(decode_images(list_images(folder), protocol.recipe, 224, workers=1)) for folder in (a, b))
    ]
    assert result["value"] == pytest.approx(frechet_distance_of_features(*features), rel=1e-5)
    assert _frechet(b, a)["value"] == pytest.approx(result["value"], rel=1e-9)


def test_the_same_images_are_at_zero(tmp_path: Path) -> None:
    a = pictures(tmp_path / "a", 5)
    copy = Path(shutil.copytree(a, tmp_path / "copy"))
    for other in (a, copy, tmp_path / "copy" / ".." / "a"):
        result = _frechet(a, other)
        assert result["value"] == 0.0
        assert result["corrected"] is None
        assert "the same images" in result["corrected_why"]


def test_deterministic_and_protocols_differ(tmp_path: Path) -> None:
    a, b = pictures(tmp_path / "a", 6), pictures(tmp_path / "b", 6, first=50)
    assert (
        _frechet(a, b) == _frechet(a, b, "--cache", tmp_path / "cache") == _frechet(a, b, "--cache", tmp_path / "cache")
    )
    values = {
        name: _frechet(a, b, "--protocol", name)["value"]
        for name in ("imagen-full", "ldm-30k", "gigagan-lanczos-clean")
    }
    assert len(set(values.values())) == 3


def test_corrected_value_where_there_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jackknife, "MIN_RATIO", 0.02)
    a, b = pictures(tmp_path / "a", 30), pictures(tmp_path / "b", 30, first=100)
    corrected = _frechet(a, b)["corrected"]
    assert corrected["estimate"] < corrected["raw"]
    assert corrected["low"] < corrected["estimate"] < corrected["high"]
    assert (corrected["groups"], corrected["df"], corrected["level"]) == ([10, 10], 18, 0.95)


def test_text_for_people(tmp_path: Path) -> None:
    a, b = pictures(tmp_path / "a", 4), pictures(tmp_path / "b", 4, first=50)
    (a / "broken.png").write_bytes(b"x")
    out = StringIO()
    call_command("frechet", str(a), str(b), "--extractor", "efficientnet-lite0", stdout=out)
    text = out.getvalue()
    assert text.startswith("Frechet distance (EfficientNet-Lite0 features): ")
    assert "FID" not in text
    assert "broken.png: this is not an image" in text
    assert "no corrected value" in text


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    a = pictures(tmp_path / "a", 3)
    (tmp_path / "empty").mkdir()
    one = pictures(tmp_path / "one", 1)
    (tmp_path / "bad").mkdir()
    spoilt(tmp_path / "bad")
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"not these")
    assert "There is no folder" in _refused(a, tmp_path / "nothing")
    assert "There are no images" in _refused(tmp_path / "empty", a)
    assert "holds 1 image that can be scored" in _refused(a, one)
    assert "holds no images that can be scored" in _refused(a, tmp_path / "bad")
    assert "is a file" in _refused(a, a / "000.png")
    assert '; did you mean "efficientnet-lite0"' in _refused(a, a, extractor="efficientnet")
    assert '; did you mean "ldm-30k"' in _refused(a, a, "--protocol", "ldm30k")
    assert "--workers must be 1 or more" in _refused(a, a, "--workers", 0)
    told = _refused(a, a, extractor="inception")
    assert "weights-inception-2015-12-05-6726825d.pth" in told
    assert "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2" in told
    found = hashlib.sha256(b"not these").hexdigest()
    assert f"its SHA-256 is {found}" in _refused(a, a, "--weights", weights, extractor="inception")
    assert f"its SHA-256 is {found}" in _refused(a, a, "--weights", weights)


def test_exit_codes_and_streams(tmp_path: Path) -> None:
    """As a process: JSON alone on standard output, progress on standard error; one message and 2 on bad input."""
    a = pictures(tmp_path / "a", 3)
    command = [sys.executable, "manage.py", "frechet", str(a)]
    options = ["--extractor", "efficientnet-lite0", "--format", "json"]
    good = subprocess.run([*command, str(a), *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["value"] == 0.0
    assert "3/3" in good.stderr
    bad = subprocess.run(
        [*command, str(tmp_path / "no"), *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert bad.returncode == 2
    assert bad.stdout == ""
    assert bad.stderr.count("\n") == 1
    assert "There is no folder" in bad.stderr


def test_metrics_load_neither_django_nor_torch_until_they_must() -> None:
    code = (
        "import sys, evaluation.metrics.frechet, evaluation.metrics.features.moments; "
        "import evaluation.metrics.features.jackknife, evaluation.metrics.features.decode; "
        "import evaluation.metrics.distances.score; "
        "print(*[name for name in ('django', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
