"""What an automatic score is: images in, a number for each or one for all, everything it depends on named.

A plug-in author needs this module and `evaluation.metrics.conformance`, nothing else. Nothing here imports torch, so
the web process may import it. The page is docs/writing-a-metric.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from common.parameters import Parameter, ParameterError, ParameterValue, resolve_parameters
from evaluation.metrics.errors import MetricError
from evaluation.suites.types import JsonValue

Kind = Literal["sample", "set"]
Better = Literal["higher", "lower"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with images done and images in all."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric as the registry knows it before it is loaded: an entry point `drawbench.metrics` names one.

    The module that holds it must be light (no torch): the web process reads it for forms and checks.
    `summary`: a line for people. `kind`: "sample" is a number for each image, "set" one for all images of a run.
    `better`: which way is good. `factory`: "package.module:callable", loaded in a worker and called as `MetricFactory`
    says. `parameters`: parsed and checked by the same code as a generator's. `needs_reference`: a set metric that
    compares with a reference (a folder of images, or another run's). `value_range`: the least and the most that a value
    can be, None where there is no such; intervals of means are cut there.
    """

    name: str
    summary: str
    kind: Kind
    better: Better
    factory: str
    parameters: tuple[Parameter, ...] = ()
    needs_reference: bool = False
    value_range: tuple[float | None, float | None] = (None, None)

    @property
    def needs_operator(self) -> bool:
        """Whether it can't be used without a parameter that only the machine's operator may give."""
        return any(parameter.operator_only and parameter.default is None for parameter in self.parameters)

    def resolve(self, given: Mapping[str, object], *, operator: bool = True) -> dict[str, ParameterValue]:
        """All its parameters: those given, checked, and the defaults of the rest, in declared order.

        `operator`: whether they come from who runs the machine (a command); False for web pages and the API.

        Raises:
            MetricError: an unknown name (with the nearest), a missing one, a value that is not allowed, or another
                value than the default where only the operator may give one.
        """
        try:
            return resolve_parameters(f"metric {self.name}", self.parameters, given, operator=operator)
        except ParameterError as error:
            raise MetricError(str(error)) from None


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """An image to be scored. `key`: "PROMPT_ID/SAMPLE", unique in a call. `attributes`: the prompt's (docs/suites.md).

    `path`: the image file, the original upload where there is one.
    """

    key: str
    path: Path
    prompt: str
    category: str = ""
    attributes: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleScore:
    """One image's score. `value`: finite, or None where it does not apply or can't be had, and then `why` says so.

    `detail`: what was seen (boxes, text read ...), ready for JSON.

    Raises:
        MetricError: the value is not finite, or there is none and no reason.
    """

    value: float | None
    why: str = ""
    detail: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.value is not None and not abs(self.value) < float("inf"):
            raise MetricError(f"a score is a finite number or None, not {self.value!r}")
        if self.value is None and not self.why.strip():
            raise MetricError("a score without a value says why there is none")


@runtime_checkable
class SampleMetric(Protocol):
    """A loaded metric that gives each image a number.

    `label`: how the number may be called, its weights named ("CLIP score (CLIP brought by you, sha256 1234abcd)").
    `provenance`: what the number depends on, ready for JSON: weights' hashes, versions, device.
    `score`: one score an image, in the order asked. An image's score depends on that image and its prompt alone. One
    bad file never loses the others: it gets a `SampleScore(None, why)`.
    """

    @property
    def label(self) -> str: ...

    @property
    def provenance(self) -> Mapping[str, JsonValue]: ...

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]: ...


@runtime_checkable
class SetMetric(Protocol):
    """A loaded metric that gives all images of a run one number.

    `score` returns a JSON object with at least `value` (finite or null), `name` (the label) and `why` (null's reason,
    else ""), and everything that the value depends on beside them. It does not depend on the images' order.
    `reference`: the images to compare with, a folder of them, or None where the spec needs none.
    """

    @property
    def label(self) -> str: ...

    @property
    def provenance(self) -> Mapping[str, JsonValue]: ...

    def score(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None, progress: Progress
    ) -> dict[str, JsonValue]: ...


Metric: TypeAlias = "SampleMetric | SetMetric"


class MetricFactory(Protocol):
    """Makes a metric. `parameters`: resolved by its spec. `device`: None for the best there is, else "cpu", "cuda" ...

    `weight_folders`: where weights that users bring are looked for.

    Raises:
        MetricError: what it needs is not there; says what, and where it goes.
    """

    def __call__(
        self, parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
    ) -> Metric: ...


def no_progress(done: int, total: int) -> None:
    """A `Progress` that tells nobody."""
