"""CMMD: the kernel distance by direct sums, closed forms and simulation; the metric on images."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPVisionModelWithProjection

from evaluation.metrics import registry
from evaluation.metrics.distances import gaussian_mmd as module
from evaluation.metrics.distances.cmmd import Cmmd
from evaluation.metrics.distances.gaussian_mmd import SCALE, gaussian_mmd
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.brought_extractors import brought_info, is_brought, load_brought
from evaluation.metrics.features.clip import preparation
from evaluation.metrics.spec import ScoredImage, SetMetric, no_progress
from tests.metrics.pictures import pictures, spoilt
from tests.metrics.tiny import save_clip

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights with one CLIP in it."""
    place = tmp_path_factory.mktemp("weights")
    save_clip(place / "tiny-clip")
    return place


def cmmd(weights: Path) -> Cmmd:
    """The metric as the registry loads it."""
    metric = registry.load("cmmd", {}, device="cpu", weight_folders=[weights])
    assert isinstance(metric, Cmmd) and isinstance(metric, SetMetric)
    return metric


def by_loops(x: Array, y: Array, sigma: float, *, with_self: bool) -> float:
    """The definition, pair by pair."""

    def mean(a: Array, b: Array, same: bool) -> float:
        values = [
            math.exp(-math.fsum((p - q) ** 2 for p, q in zip(a[i], b[j], strict=True)) / (2 * sigma * sigma))
            for i in range(len(a))
            for j in range(len(b))
            if with_self or not same or i != j
        ]
        return math.fsum(values) / len(values)

    return SCALE * (mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False))


@pytest.mark.parametrize("sigma", [10.0, 1.0])
def test_both_statistics_are_the_double_loops(sigma: float) -> None:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(9, 5)), random.normal(0.4, 1.2, size=(7, 5))
    got = gaussian_mmd(x, y, sigma=sigma)
    assert got.value == pytest.approx(by_loops(x, y, sigma, with_self=True), rel=1e-10)
    assert got.unbiased == pytest.approx(by_loops(x, y, sigma, with_self=False), rel=1e-9)
    assert (got.n_1, got.n_2, got.sigma, got.scale) == (9, 7, sigma, 1000)


def test_two_points_by_hand() -> None:
    """x = (0, 0) twice, y = (d, d) twice: 1 + 1 - 2 exp(-d^2 / (2 sigma^2)) in both statistics, and no error."""
    got = gaussian_mmd([[0.0], [0.0]], [[20.0], [20.0]])
    assert got.value == pytest.approx(1000 * 2 * (1 - math.exp(-2)), rel=1e-14)
    assert got.unbiased == pytest.approx(got.value, rel=1e-14) and got.se == 0
    same = gaussian_mmd([[1.0], [4.0]], [[1.0], [4.0]])
    assert same.value == pytest.approx(0, abs=1e-12) and same.unbiased < 0


def closed_form(mean: float, spread_1: float, spread_2: float, d: int, sigma: float) -> float:
    """The squared discrepancy of N(0, s1^2 I) and N(m 1, s2^2 I) in d dimensions, times 1000."""

    def inner(variance: float, shift: float) -> float:
        whole = sigma**2 + variance
        return float((sigma**2 / whole) ** (d / 2) * math.exp(-d * shift**2 / (2 * whole)))

    one, two = spread_1**2, spread_2**2
    return SCALE * (inner(2 * one, 0) + inner(2 * two, 0) - 2 * inner(one + two, mean))


def test_simulation_meets_the_closed_form_of_gaussians_and_its_own_error() -> None:
    random = np.random.default_rng(0)
    truth = closed_form(0.5, 1.0, 1.3, 4, 2.0)
    made = [gaussian_mmd(random.normal(0, 1, (60, 4)), random.normal(0.5, 1.3, (80, 4)), sigma=2.0) for _ in range(300)]
    values = np.array([one.unbiased for one in made])
    assert abs(values.mean() - truth) < 4 * values.std() / math.sqrt(300)
    assert np.mean([one.value for one in made]) > truth + 4 * values.std() / math.sqrt(300)  # the V-statistic's bias
    assert np.mean([one.se for one in made]) == pytest.approx(values.std(ddof=1), rel=0.12)
    covered = np.mean([abs(one.unbiased - truth) < 1.96 * one.se for one in made])
    assert 0.9 < covered < 0.985


def test_blocks_give_what_one_matrix_gives_and_digits_hold_near_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    x, y = random.normal(size=(50, 8)), random.normal(size=(41, 8))
    x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y))
    whole = gaussian_mmd(x, y)
    monkeypatch.setattr(module, "_ROWS", 7)
    parts = gaussian_mmd(x, y)
    for one, other in ((whole.value, parts.value), (whole.unbiased, parts.unbiased), (whole.se, parts.se)):
        assert one == pytest.approx(other, rel=1e-11)
    assert whole.value == pytest.approx(by_loops(x, y, 10.0, with_self=True), rel=1e-9)


def test_input_that_has_no_discrepancy_is_refused() -> None:
    for x, y, message in (
        ([[1.0]], [[1.0], [2.0]], "2 or more"),
        ([[1.0], [2.0]], [[1.0, 2.0], [2.0, 3.0]], "different networks"),
        ([[1.0], [math.nan]], [[1.0], [2.0]], "not finite"),
    ):
        with pytest.raises(MetricError, match=message):
            gaussian_mmd(x, y)
    with pytest.raises(MetricError, match="above 0"):
        gaussian_mmd([[1.0], [2.0]], [[1.0], [2.0]], sigma=0)


def vectors(folder: Path, images: list[Path]) -> Array:
    """Unit vectors by transformers' own vision tower; the images cut and resized here, as the paper's code does."""
    from evaluation.metrics.brought import read_brought
    from evaluation.metrics.features.brought_extractors import CLIP_IMAGES

    model = CLIPVisionModelWithProjection.from_pretrained(folder).eval()
    prepare = preparation(read_brought(CLIP_IMAGES, folder))
    rows = []
    for path in images:
        image = Image.open(path).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side)).resize((32, 32), Image.Resampling.BICUBIC)
        with torch.no_grad():
            row = model(pixel_values=torch.from_numpy(prepare.pixels(square))[None]).image_embeds[0].double().numpy()
        rows.append(row / np.linalg.norm(row))
    return np.stack(rows)


def test_a_run_against_a_folder_and_against_another_run(weights: Path, tmp_path: Path) -> None:
    mine, other = pictures(tmp_path / "run", 9), pictures(tmp_path / "reference", 7, first=50)
    images = [ScoredImage(f"{i:05d}/0", path, "") for i, path in enumerate(sorted(mine.iterdir()))]
    paths = sorted(other.iterdir())
    calls: list[tuple[int, int]] = []
    metric = cmmd(weights)
    result = metric.score(images, other, lambda done, total: calls.append((done, total)))
    folder = weights / "tiny-clip"
    expected = gaussian_mmd(vectors(folder, sorted(mine.iterdir())), vectors(folder, paths))
    assert result["value"] == pytest.approx(expected.value, rel=1e-4)
    assert result["unbiased"] == pytest.approx(expected.unbiased, rel=1e-3, abs=1e-5)
    assert (result["n_1"], result["n_2"], result["skipped"], result["why"]) == (9, 7, [], "")
    assert calls == [(i, 16) for i in range(1, 17)]
    assert result["name"] == metric.label and "not the paper's CLIP" in metric.label
    json.dumps(result, allow_nan=False)

    runs = [ScoredImage(f"{i:05d}/0", path, "") for i, path in enumerate(paths)]
    again = metric.score(images[::-1], runs[::-1], no_progress)
    assert again["value"] == result["value"] and again["images_sha256_1"] == result["images_sha256_1"]


def test_bad_files_are_named_and_too_few_images_say_why(weights: Path, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "run", 3)
    bad = spoilt(folder)
    images = [ScoredImage(path.name, path, "") for path in sorted(folder.iterdir())]
    result = cmmd(weights).score(images, pictures(tmp_path / "reference", 3, first=9), no_progress)
    assert result["n_1"] == 3 and isinstance(result["skipped"], list)
    assert {str(skip["file"]) for skip in result["skipped"] if isinstance(skip, dict)} == set(bad)
    few = cmmd(weights).score([image for image in images if image.key in bad], tmp_path / "reference", no_progress)
    assert few["value"] is None and "two images or more" in str(few["why"])
    with pytest.raises(MetricError, match="compares with a reference"):
        cmmd(weights).score(images, None, no_progress)
    with pytest.raises(MetricError, match="There are no images in the run"):
        cmmd(weights).score([], tmp_path / "reference", no_progress)


def test_the_papers_name_is_kept_for_the_papers_clip(tmp_path: Path) -> None:
    folder = save_clip(tmp_path / "weights" / "large")
    config = json.loads((folder / "config.json").read_text())
    name = f"clip:{folder}"
    assert is_brought(name) and not is_brought("inception")
    assert "ViT-width 32/8-32" in brought_info(name).label
    extractor = load_brought(name, device="cpu")
    config["vision_config"] |= {"hidden_size": 1024, "patch_size": 14, "image_size": 336}
    (folder / "config.json").write_text(json.dumps(config))
    from evaluation.metrics.brought import read_brought
    from evaluation.metrics.features.brought_extractors import CLIP_IMAGES

    assert Cmmd(extractor, read_brought(CLIP_IMAGES, folder)).label.startswith("CMMD (CLIP ViT-L/14-336 as brought")
