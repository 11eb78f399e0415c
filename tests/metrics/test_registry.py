"""Metrics by name: from plug-ins, broken, unknown; parameters, loading, and what importing costs."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from common.parameters import Parameter
from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import MetricSpec, SampleMetric, SampleScore, ScoredImage, SetMetric

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "tests" / "plugins"

Install = Callable[..., Path]


def grey(path: Path, level: int) -> Path:
    """A small picture of one grey level, written there."""
    path.parent.mkdir(exist_ok=True)
    Image.new("L", (8, 8), level).save(path)
    return path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a package of entry points for this test: `install("pkg", name="module:attribute", ...)`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def installed(package: str, **points: str) -> Path:
        folder = site / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "\n".join(f"{name} = {reference}" for name, reference in points.items())
        (folder / "entry_points.txt").write_text(f"[drawbench.metrics]\n{lines}\n")
        return site

    return installed


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test metrics are installed."""
    monkeypatch.syspath_prepend(str(PLUGINS))


def test_the_registry_and_all_specs_import_no_torch() -> None:
    script = (
        "import sys; from evaluation.metrics import registry; "
        "assert all(not e.error for e in registry.entries()), registry.entries(); "
        "heavy = {'torch', 'transformers', 'django', 'rapidocr_onnxruntime', 'cv2', 'onnxruntime'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_built_in_metric_says_what_it_is_and_can_be_imported() -> None:
    for name, reference in registry.BUILT_IN.items():
        spec = registry.get_spec(name)
        assert spec.kind in ("sample", "set") and spec.better in ("higher", "lower") and spec.summary.endswith(".")
        assert not spec.needs_reference or spec.kind == "set"
        assert callable(registry.plugins.import_reference(spec.factory)), reference


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_is_found_loaded_and_scores(tmp_path: Path) -> None:
    entry = next(entry for entry in registry.entries() if entry.name == "testbright")
    assert (entry.source, entry.error) == ("testmetric 1.0", "")
    metric = registry.load("testbright", {"scale": "2"}, device="cpu")
    assert isinstance(metric, SampleMetric)
    images = [
        ScoredImage("00000/0", grey(tmp_path / "white.png", 255), "white"),
        ScoredImage("00001/0", tmp_path / "none.png", "nothing"),
    ]
    white, nothing = metric.score(images)
    assert white == SampleScore(2.0, detail={"mean": 255.0})
    assert nothing.value is None and "can't be read" in nothing.why

    spread = registry.load("testspread", {})
    assert isinstance(spread, SetMetric)
    calls: list[tuple[int, int]] = []
    black = ScoredImage("00000/0", grey(tmp_path / "r" / "black.png", 0), "black")
    for reference in ([black], tmp_path / "r"):
        result = spread.score(images, reference, lambda done, total: calls.append((done, total)))
        assert (result["value"], result["n"], calls[-2:]) == (1.0, 1, [(1, 2), (2, 2)])


@pytest.mark.usefixtures("plugin")
def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(MetricError) as caught:
        registry.get_spec("testbrigt")
    assert str(caught.value).startswith('unknown metric "testbrigt"; did you mean "testbright"? Metrics: ')
    assert "testspread" in str(caught.value)
    with pytest.raises(MetricError, match=r"metric testbright has no parameter 'scael'; did you mean \"scale\"\?"):
        registry.load("testbright", {"scael": 2})
    with pytest.raises(MetricError, match=r"parameter scale: 0 is not a number from 0\.1 to 100"):
        registry.load("testbright", {"scale": 0})


@pytest.mark.usefixtures("plugin")
def test_files_of_the_server_are_named_by_commands_only() -> None:
    spec = registry.get_spec("testbright")
    assert not spec.needs_operator
    with pytest.raises(MetricError, match="weights of metric testbright names files .* only a command"):
        spec.resolve({"weights": "/etc/passwd"}, operator=False)
    assert spec.resolve({"weights": "/etc/passwd"})["weights"] == "/etc/passwd"
    needs = MetricSpec("n", "", "sample", "higher", "a:b", (Parameter("file", "", kind=str, operator_only=True),))
    assert needs.needs_operator


@pytest.mark.parametrize(
    ("source", "reference", "message"),
    [
        ("raise RuntimeError('no licence')", "broken_metric:SPEC", "RuntimeError: no licence"),
        ("import sys; sys.exit(3)", "broken_metric:SPEC", "SystemExit: 3"),
        ("SPEC = 3", "broken_metric:SPEC", "is a int, not a evaluation.metrics.spec.MetricSpec"),
        ("", "broken_metric:SPEC", "AttributeError"),
        ("", "nowhere:SPEC", "No module named 'nowhere'"),
        (
            "from evaluation.metrics.spec import MetricSpec\nSPEC = MetricSpec('other', '', 'set', 'lower', 'a:b')",
            "broken_metric:SPEC",
            'the entry point is called "bad" and its spec "other"',
        ),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_a_broken_plug_in_is_listed_with_its_error_and_harms_no_other(
    install: Install, monkeypatch: pytest.MonkeyPatch, source: str, reference: str, message: str
) -> None:
    (install("brokenpkg", bad=reference) / "broken_metric.py").write_text(source)
    monkeypatch.delitem(sys.modules, "broken_metric", raising=False)
    found = {entry.name: entry for entry in registry.entries()}
    assert message in found["bad"].error and found["bad"].spec is None
    assert found["testbright"].spec is not None
    with pytest.raises(MetricError, match=r'metric "bad" \(brokenpkg 1.0\) can\'t be used'):
        registry.load("bad", {})
    monkeypatch.delitem(sys.modules, "broken_metric", raising=False)


@pytest.mark.usefixtures("plugin")
def test_names_are_unique(install: Install) -> None:
    install("thief", testbright="testmetric:BRIGHT")
    with pytest.raises(MetricError, match=r'the name "testbright" is also claimed by (thief|testmetric) 1\.0'):
        registry.get_spec("testbright")


@pytest.mark.usefixtures("plugin")
def test_a_factory_that_fails_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    testmetric = importlib.import_module("testmetric")
    with pytest.raises(MetricError, match="the weights /nowhere are not there"):
        registry.load("testbright", {"weights": "/nowhere"})
    monkeypatch.setattr(testmetric, "load_bright", lambda parameters, device, weight_folders: 1 / 0)
    with pytest.raises(MetricError, match='metric "testbright" could not be loaded: ZeroDivisionError'):
        registry.load("testbright", {})
    monkeypatch.setattr(testmetric, "load_bright", lambda parameters, device, weight_folders: object())
    with pytest.raises(MetricError, match=r"gave a object, which lacks one of label.*SampleMetric"):
        registry.load("testbright", {})


def test_a_score_is_finite_or_says_why_there_is_none() -> None:
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(MetricError, match="finite"):
            SampleScore(value)
    with pytest.raises(MetricError, match="says why"):
        SampleScore(None)
    assert SampleScore(None, "no text in the prompt").detail == {}
