"""The feature networks as our pipeline feeds them, against their packages' own ways, on the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.extractor import prepare_module
from evaluation.metrics.features.extractors import EXTRACTORS, extractor_by_name, load_extractor
from evaluation.metrics.features.inception import FIDInception
from evaluation.metrics.features.protocols import PROTOCOLS
from evaluation.metrics.features.resize import tensorflow1_bilinear


def _random_inception() -> FIDInception:
    torch.manual_seed(0)
    network = FIDInception().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return network


def test_the_features_are_torch_fidelitys_own_bit_for_bit(tmp_path: Path) -> None:
    """Our way through its layers against its own: resize, network and all, from a weight file."""
    ours = _random_inception()
    torch.save(ours.state_dict(), tmp_path / "random.pth")
    peer = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path=str(tmp_path / "random.pth"))
    assert list(peer.state_dict()) == list(ours.state_dict())
    images = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8)
    with torch.inference_mode():
        expected = peer(images)[0]
        resized = tensorflow1_bilinear(images.float(), 299)
        assert torch.equal(ours(resized), expected)
        fast = prepare_module(ours)(resized.contiguous(memory_format=torch.channels_last))
    assert expected.std() > 0.001
    torch.testing.assert_close(fast, expected, rtol=0, atol=2e-6 * float(expected.abs().max()))


def test_inception_fetches_no_weights_and_misses_none_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise AssertionError("it would fetch weights")

    monkeypatch.setattr("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", fetch)
    network = FIDInception()
    state = network.state_dict()
    del state["Conv2d_1a_3x3.conv.weight"]
    with pytest.raises(RuntimeError, match="Conv2d_1a_3x3.conv.weight"):
        network.load_state_dict(state)


LITE0_DIGITS = {(0, 0): 0.46501422, (0, 600): 0.68092114, (1, 7): 0.09369484, (1, 1279): 0.0}
"""Features of random images, as layers of our own gave them before the porters' took their place."""


def test_efficientnet_lite0_is_its_porters_with_the_digits_it_had() -> None:
    extractor = load_extractor("efficientnet-lite0", device="cpu")
    assert isinstance(extractor.module, EfficientNet)
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (256, 256, 3), dtype=np.uint8) for _ in range(8)]
    got = extractor.features_of(images, PROTOCOLS["imagen-full"])
    assert got.shape == (8, 1280)
    assert {at: float(got[at]) for at in LITE0_DIGITS} == pytest.approx(LITE0_DIGITS, abs=1e-5)
    assert float(got.astype(np.float64).sum()) == pytest.approx(1302.0398211852053, rel=1e-6)


def test_efficientnet_lite0_is_its_porters_own_forward() -> None:
    extractor = load_extractor("efficientnet-lite0", device="cpu")
    peer = EfficientNet.from_name("efficientnet-lite0").eval()
    peer.load_state_dict(extractor.module.state_dict())
    torch.manual_seed(0)
    images = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    with torch.inference_mode():
        expected = peer.extract_features(images.permute(0, 3, 1, 2).float() / 127.5 - 1).mean((2, 3))
    got = torch.from_numpy(extractor.features_of(list(images.numpy()), PROTOCOLS["imagen-full"]))
    assert got.shape == (2, 1280)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_inception_without_weights_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(MetricError) as told:
        load_extractor("inception", folders=[tmp_path / "weights"])
    for words in (
        "weights-inception-2015-12-05-6726825d.pth",
        EXTRACTORS["inception"].sha256,
        str(tmp_path / "weights"),
    ):
        assert words in str(told.value)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights-inception-2015-12-05-6726825d.pth"
    torch.save(_random_inception().state_dict(), path)
    for given in ({"weights": path}, {"folders": [tmp_path]}):
        with pytest.raises(MetricError, match="is not the weight file of inception: its SHA-256 is"):
            load_extractor("inception", **given)
    with pytest.raises(MetricError, match="can't be read"):
        load_extractor("inception", tmp_path / "nothing.pth")


def test_right_weights_are_loaded_and_called_fid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With random weights declared to be the right ones; the file lacks training counters, as the published one may."""
    import hashlib
    from dataclasses import replace
    from types import MappingProxyType

    from evaluation.metrics.features import extractors

    network = _random_inception()
    path = tmp_path / "weights-inception-2015-12-05-6726825d.pth"
    state = {key: value for key, value in network.state_dict().items() if "num_batches" not in key}
    torch.save(state, path, _use_new_zipfile_serialization=False)  # torch before 1.6, as the published file is
    info = replace(EXTRACTORS["inception"], sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(extractors, "EXTRACTORS", MappingProxyType({"inception": info}))
    extractor = load_extractor("inception", folders=[tmp_path], device="cpu")
    assert extractor.info.label == "FID"
    images = torch.randint(0, 256, (1, 256, 256, 3), dtype=torch.uint8)
    with torch.inference_mode():
        expected = network(tensorflow1_bilinear(images.permute(0, 3, 1, 2).float(), 299))
    got = torch.from_numpy(extractor.features_of(list(images.numpy()), PROTOCOLS["imagen-full"]))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_only_inception_may_be_called_fid() -> None:
    assert [info.name for info in EXTRACTORS.values() if info.label == "FID"] == ["inception"]
    assert EXTRACTORS["efficientnet-lite0"].label == "Frechet distance (EfficientNet-Lite0 features)"


def test_unknown_names() -> None:
    with pytest.raises(MetricError, match='; did you mean "inception"'):
        extractor_by_name("Inception")
    with pytest.raises(MetricError, match='; did you mean "inception"'):
        extractor_by_name("fid")
    with pytest.raises(MetricError, match="device 'cuda:99'"):
        load_extractor("efficientnet-lite0", device="cuda:99")
