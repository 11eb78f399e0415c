"""Each check of the conformance suite can fail and names what fails, with a mutant for each; ours pass."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from common.conformance import Finding, check_spec
from generators.conformance import check
from generators.contract import Failure, FailureKind, GeneratorInfo, GeneratorSpec, ImageRequest, ImageResult, Parameter
from generators.contract_checks import CHECKS
from tests.generators.colours import SPEC, Colours

Results = Callable[["Mutant", Sequence[ImageRequest]], Iterator[object]]


class Mutant(Colours):
    """The good generator, with its `generate` replaced."""

    def __init__(self, results: Results | None = None, info: object = None) -> None:
        super().__init__()
        self.results = results
        self.calls = 0
        if info is not None:
            self.info = cast(GeneratorInfo, info)

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """What the mutant says."""
        self.calls += 1
        if self.results is None:
            return super().generate(requests)
        return cast(Iterator[ImageResult], self.results(self, requests))

    def right(self, request: ImageRequest, move: int = 0) -> ImageResult:
        """The right answer, all pixels moved by some grey levels; a refusal for an empty prompt."""
        if not request.prompt.strip():
            return ImageResult(request.key, failure=Failure(FailureKind.REFUSED, "empty"))
        return ImageResult(request.key, self.image(request) ^ np.uint8(move))


def each(function: Callable[[Mutant, ImageRequest, int, int], object]) -> Results:
    """A mutant that answers request by request: `function(mutant, request, index, how many)`."""

    def results(mutant: Mutant, requests: Sequence[ImageRequest]) -> Iterator[object]:
        for index, request in enumerate(requests):
            yield function(mutant, request, index, len(requests))

    return results


def says_after(extra: Callable[[Mutant, Sequence[ImageRequest]], list[object]]) -> Results:
    """A mutant that says more after the right answers."""

    def results(mutant: Mutant, requests: Sequence[ImageRequest]) -> Iterator[object]:
        yield from (mutant.right(request) for request in requests)
        yield from extra(mutant, requests)

    return results


def late(mutant: Mutant, requests: Sequence[ImageRequest]) -> Iterator[object]:
    """Leaves the last request unanswered."""
    yield from (mutant.right(request) for request in requests[:-1])


def raises(mutant: Mutant, requests: Sequence[ImageRequest]) -> Iterator[object]:
    """Raises for an empty prompt, as for any that is short."""
    for request in requests:
        if not request.prompt.strip():
            raise ValueError("empty prompt")
        yield mutant.right(request)


def mixes(mutant: Mutant, requests: Sequence[ImageRequest]) -> Iterator[object]:
    """An image carries a trace of the other prompts in its batch."""
    trace = len(
        {request.prompt for request in requests} - {"A red cube on a blue table.", "Three cats, one of them asleep."}
    )
    yield from (mutant.right(request, move=min(trace, 1) * 64) for request in requests)


def same_for(**parts: Any) -> Results:
    """A mutant that does not look at some part of the request."""
    return each(
        lambda mutant, request, index, n: (
            replace(
                mutant.right(replace(request, **parts)),
                key=request.key,
            )
            if request.prompt.strip()
            else mutant.right(request)
        )
    )


GOOD = Colours().info

MUTANTS: dict[str, tuple[str, Mutant, str]] = {
    "leaves one out": ("one_result", Mutant(late), "left 1 of 6 requests unanswered"),
    "answers twice": ("one_result", Mutant(says_after(lambda m, r: [m.right(q) for q in r[:1]])), "twice"),
    "answers a stranger": (
        "one_result",
        Mutant(says_after(lambda m, r: [replace(m.right(r[0]), key="who")] if r else [])),
        "answered the key 'who', which was not asked",
    ),
    "gives a dictionary": ("one_result", Mutant(says_after(lambda m, r: [{}] if r else [])), "gave a dict"),
    "draws nothing": (
        "one_result",
        Mutant(each(lambda m, q, i, n: ImageResult(q.key, failure=Failure(FailureKind.REFUSED, "no")))),
        "it drew none of the prompts",
    ),
    "answers nobody": (
        "empty",
        Mutant(lambda m, r: iter([m.right(q) for q in r] or [m.right(ImageRequest("x", "0", "p", 0, 1))])),
        "an empty list",
    ),
    "can't be asked nothing": (
        "empty",
        Mutant(lambda m, r: iter([m.right(q) for q in r] if r[0] else [])),
        "raised IndexError",
    ),
    "draws by the clock": (
        "repeat",
        Mutant(each(lambda m, q, i, n: m.right(q, move=time.perf_counter_ns() % 97))),
        "asked again: 00000/",
    ),
    "draws by place": ("order", Mutant(each(lambda m, q, i, n: m.right(q, move=i))), "asked in reverse order"),
    "draws by batch": ("chunks", Mutant(each(lambda m, q, i, n: m.right(q, move=n == 6))), "asked in other chunks"),
    "mixes its prompts": ("neighbours", Mutant(mixes), "asked beside other prompts"),
    "has one sample": ("samples", Mutant(same_for(sample=0)), "two samples of prompt 00000 are the same image"),
    "can't read": ("prompts", Mutant(same_for(prompt="x", prompt_id="00000")), "two prompts gave the same image"),
    "has one seed": ("seeds", Mutant(same_for(run_seed=7)), "another run seed gave the same images"),
    "raises for odd prompts": ("odd_prompts", Mutant(raises), "the prompt '' made it raise ValueError: empty prompt"),
    "crashes for odd prompts": (
        "odd_prompts",
        Mutant(
            each(
                lambda m, q, i, n: (
                    m.right(q) if q.prompt.isascii() else ImageResult(q.key, failure=Failure(FailureKind.CRASH, "boom"))
                )
            )
        ),
        "made it crash (boom)",
    ),
    "has no version": ("info", Mutant(info=replace(GOOD, version="")), "info has no name or no version"),
    "has an odd tolerance": ("info", Mutant(info=replace(GOOD, tolerance=-1)), "tolerance -1"),
    "has an odd fingerprint": ("info", Mutant(info=replace(GOOD, weights_fingerprint="v1")), "is not a SHA-256"),
    "says nothing of itself": ("info", Mutant(info=replace(GOOD, provenance={})), "provenance is empty"),
    "says what JSON can't": (
        "info",
        Mutant(info=replace(GOOD, provenance={"w": float("nan")})),
        "can't be written as JSON",
    ),
}


def errors(findings: Sequence[Finding]) -> list[Finding]:
    """Those that are no warnings."""
    return [finding for finding in findings if not finding.warning]


def test_a_good_generator_passes_and_is_closed() -> None:
    generator = Colours(16)
    seen: list[str] = []
    assert check(generator, size=16, on_check=seen.append) == []
    assert seen == [name for name, _ in CHECKS]
    assert generator.closed == 2


@pytest.mark.parametrize("name", MUTANTS)
def test_each_mutant_is_caught_by_its_check(name: str) -> None:
    caught_by, mutant, message = MUTANTS[name]
    findings = errors(check(mutant, size=16))
    assert any(finding.check == caught_by and message in finding.message for finding in findings), findings


def test_every_check_has_a_mutant() -> None:
    caught = {check_name for check_name, _, _ in MUTANTS.values()}
    assert {name for name, _ in CHECKS} - caught == {"size", "close"}  # the two tests below


def test_another_size_is_caught() -> None:
    findings = check(Colours(16), size=64)
    assert {finding.check for finding in findings} == {"size"} and "16 x 16 pixels; 64 x 64" in findings[0].message
    assert check(Colours(16), size=0) == []  # images keep their own size


def test_a_second_close_that_raises_is_caught() -> None:
    class Once(Colours):
        def close(self) -> None:
            super().close()
            if self.closed > 1:
                raise RuntimeError("closed already")

    assert [finding.check for finding in check(Once())] == ["close"]


def test_an_info_that_is_none_and_a_batch_of_none() -> None:
    generator = Colours()
    generator.batch_size = 0
    assert errors(check(generator))[0].message == "batch_size is 0"


def test_the_tolerance_is_kept_to() -> None:
    moved = each(
        lambda m, q, i, n: ImageResult(q.key, m.image(q) // 2 + np.uint8(n % 3)) if q.prompt.strip() else m.right(q)
    )
    assert {finding.check for finding in errors(check(Mutant(moved)))} == {"chunks"}
    assert errors(check(Mutant(moved, info=replace(GOOD, tolerance=2.0)))) == []


def test_what_can_not_repeat_or_follow_seeds_says_so_and_is_warned_about() -> None:
    wild = each(lambda m, q, i, n: m.right(q, move=time.perf_counter_ns() % 97))
    findings = check(Mutant(wild, info=replace(GOOD, tolerance=255.0, seeded=False)))
    assert [(finding.check, finding.warning) for finding in findings] == [("seeds", True), ("repeat", True)]


def test_specs_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_spec(SPEC, "tests.generators.colours:SPEC") == []
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "torch.py").write_text("")  # stands in for the real one, which takes seconds
    (tmp_path / "heavy.py").write_text("import torch\n")
    (tmp_path / "falls.py").write_text("raise OSError('no network')\n")
    bad = GeneratorSpec(
        "bad",
        "",
        "heavy.load",
        (
            Parameter("w", "", 3.0, low=4.0),
            Parameter("w", "", 1),
            Parameter("not plain", "", 1),
            Parameter("kinds", "", 1, kind=float),
        ),
    )
    messages = [finding.message for finding in check_spec(bad, "heavy:SPEC")]
    assert messages == [
        "importing heavy imports torch; the web process reads it, keep it light",
        "two parameters have one name",
        "its own default is refused: parameter w: 3.0 is not a number, 4 or more",
        "'not plain' is no plain name, and --set can't give it",
        "kinds: the default is no float",
        "the factory is \"module:callable\", not 'heavy.load'",
    ]
    assert "importing falls alone fails: OSError: no network" in check_spec(SPEC, "falls:SPEC")[0].message


def test_our_own_specs_are_light() -> None:
    from generators import registry

    for entry in registry.entries():
        if entry.source == "built in":
            assert entry.spec is not None
            assert check_spec(entry.spec, entry.reference) == []
