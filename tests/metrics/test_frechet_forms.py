"""The JSON of every command over Frechet distances, key by key and in order: readers and the contract hold on to it."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from evaluation.metrics.distances.score import score_listings
from evaluation.metrics.distances.set_metrics import FeatureMetric
from evaluation.metrics.features import jackknife, measure
from evaluation.metrics.features.images import Skipped, list_images, skipped_record
from evaluation.metrics.features.measure import Measure
from evaluation.metrics.features.protocols import PROTOCOLS
from evaluation.metrics.spec import ScoredImage, no_progress
from tests.metrics.pictures import pictures
from tests.metrics.projection import projection


def _keys(names: str) -> list[str]:
    return names.split()


FRECHET = _keys(
    "schema name value n_1 n_2 extractor extractor_sha256 features protocol corrected corrected_why images_sha256_1 "
    "images_sha256_2 skipped converted warnings computed_with"
)
CORRECTED = [key for key in FRECHET if key != "corrected_why"]
PROTOCOL = _keys(
    "name shape filter size to_network network_size drop_last colour covariance network generated reference source"
)
WHY = _keys(
    "schema name extractor extractor_sha256 from to gap order steps n_1 n_2 device not_attributed generated reference "
    "notes"
)
PAIRED = _keys(
    "schema name difference difference_why prompts only_in_a only_in_b a b reference extractor extractor_sha256 "
    "protocol"
)
COMPANIONS = _keys("kid precision_recall delta_se influence")
SIDES = _keys("generated reference deviations")


@pytest.fixture(autouse=True)
def _small(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR = tmp_path / "var"
    monkeypatch.setattr(measure, "load_extractor", lambda name, weights, *, folders, device: projection())


def _call(*arguments: object) -> dict[str, Any]:
    out = StringIO()
    options = ("--extractor", "efficientnet-lite0", "--workers", "1", "--format", "json")
    call_command(*map(str, arguments), *options, stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


@pytest.mark.django_db
def test_the_forms_of_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = (pictures(tmp_path / name, 24, first=first) for name, first in (("a", 0), ("b", 100)))
    other = pictures(tmp_path / "other", 22, first=2)  # of the same prompts as most of a
    result = _call("frechet", a, b)
    assert list(result) == CORRECTED and list(result["protocol"]) == PROTOCOL
    assert list(result["computed_with"]) == ["device", "torch", "pillow", "numpy"]
    fid = _call("fid", f"folder:{a}", "--reference", b)
    assert list(fid) == [*CORRECTED, *SIDES, *COMPANIONS] and fid["value"] == result["value"]
    paired = _call("fid", f"folder:{a}", f"folder:{other}", "--reference", b)
    assert list(paired) == [key for key in PAIRED if key != "difference_why"]
    assert list(paired["a"]) == ["kind", "folder", "files", "n", "images_sha256", "skipped"]
    assert (paired["only_in_a"], paired["only_in_b"]) == (["000", "001"], [])
    why = _call("why_differs", a, b, "--to", "gigagan-lanczos-clean")
    assert list(why) == WHY and list(why["from"]) == list(why["to"]) == ["protocol", "value"]
    assert list(why["steps"][0]) == ["step", "before", "after", "value", "difference", "n_1", "n_2"]
    assert why["from"]["value"] == pytest.approx(result["value"], rel=1e-11)
    monkeypatch.setattr(jackknife, "MIN_RATIO", 100)
    assert list(_call("frechet", a, b)) == FRECHET
    assert list(_call("fid", f"folder:{a}", f"folder:{other}", "--reference", b)) == PAIRED


def test_the_forms_of_the_metrics(tmp_path: Path) -> None:
    images = [ScoredImage(path.name, path, "") for path in sorted(pictures(tmp_path / "a", 24).iterdir())]
    b = pictures(tmp_path / "b", 24, first=100)
    own = Measure(projection(), PROTOCOLS["imagen-full"], workers=1)
    beside = {"": [], "kid": ["kid", "frechet", "se"], "precision-recall": ["precision_recall", "frechet"]}
    for companion, keys in beside.items():
        result = FeatureMetric(own, companion).score(images, b, no_progress)
        assert list(result) == [*CORRECTED, "why", *keys]
    # With a cache the features are kept in it, and the number is the same.
    kept = FeatureMetric(replace(own, cache=tmp_path / "cache"), "kid").score(images, b, no_progress)
    assert kept["value"] == FeatureMetric(own, "kid").score(images, b, no_progress)["value"]
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2


def test_a_result_says_what_it_was_measured_with(tmp_path: Path) -> None:
    a, b = (list_images(pictures(tmp_path / name, 24, first=first)) for name, first in (("a", 0), ("b", 100)))
    own = Measure(projection(), PROTOCOLS["imagen-full"], workers=1)
    result = score_listings(a, b, own).result
    assert result.measure == own.record() and result.name == own.extractor.info.label
    assert result.to_dict()["protocol"] == own.protocol.manifest(network_size=own.extractor.info.input_size)
    assert own.under(PROTOCOLS["dalle-squash"]).record().protocol["name"] == "dalle-squash"


def test_skipped_files_are_named_so_that_they_can_be_printed() -> None:
    skipped = [Skipped("a\udcff.png", "the link of a\udcff.png leads nowhere", "0" * 64)]
    wanted = {"file": "folder/a\\xff.png", "why": "the link of a\\xff.png leads nowhere"}
    assert skipped_record(skipped, Path("folder")) == [wanted]
    assert skipped_record(skipped) == [{**wanted, "file": "a\\xff.png"}]
    json.dumps(skipped_record(skipped), ensure_ascii=False).encode()


@pytest.mark.django_db
def test_a_bad_name_is_refused_alike(tmp_path: Path) -> None:
    """Before anything is read or loaded, with the same sentence."""
    a, nothing = pictures(tmp_path / "a", 3), tmp_path / "nothing"
    sentences = set()
    for arguments in (
        ("frechet", a, nothing, "--protocol", "ldm30k"),
        ("fid", "nothing", "--reference", nothing, "--protocol", "ldm30k"),
        ("fid", "nothing", "nor this", "--reference", nothing, "--protocol", "ldm30k"),
        ("why_differs", "nothing", nothing, "--from", "ldm30k", "--to", "imagen-full"),
        ("load_coco", nothing, nothing, "--protocol", "ldm30k"),
    ):
        with pytest.raises(CommandError, match='did you mean "ldm-30k"') as refusal:
            _call(*arguments)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1
