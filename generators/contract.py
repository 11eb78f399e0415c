"""What a generator is: requests in, results out in any order, one result a request, failures as values.

A plug-in author needs this module and `generators.conformance`, nothing else. Nothing here imports torch or a
concrete generator, so the web process may import it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from common.errors import UserError
from common.parameters import Parameter, ParameterError, ParameterValue, resolve_parameters

__all__ = [
    "Failure",
    "FailureKind",
    "Generator",
    "GeneratorError",
    "GeneratorFactory",
    "GeneratorInfo",
    "GeneratorSpec",
    "ImageRequest",
    "ImageResult",
    "Parameter",
    "ParameterValue",
    "StopError",
]


class GeneratorError(UserError):
    """Bad input to a generator or the registry; the message says what is wrong, what is allowed and what to do."""


class StopError(GeneratorError):
    """Nothing more can be drawn for now, whatever is asked: a key that is refused, a quota that is spent, a program
    that
    does not start. Raised within `generate`; what was answered before is kept, the run ends with the message, and it
    can be resumed.
    """


class WeightsMissingError(GeneratorError):
    """A generator whose weights are not made yet. `commands`: what makes them, in order."""

    commands: tuple[str, ...] = ()


class FailureKind(StrEnum):
    """Why a request gave no image. `refused`, `filtered` and `invalid` are answers; the others may be tried again."""

    REFUSED = "refused"  # the generator declined the prompt
    FILTERED = "filtered"  # it drew, and its own filter withheld the image
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    INVALID = "invalid"  # the request or the image that came back can't be used
    CRASH = "crash"

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self in (FailureKind.RATE_LIMITED, FailureKind.TIMEOUT, FailureKind.CRASH)


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that gave no image.

    `message`: for people, one line. `retry_after_s`: seconds to wait before another try where the generator knows.
    """

    kind: FailureKind
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image asked for. The image depends on this request (and the generator's parameters) alone.

    `key`: unique among the requests of a call. `prompt_id`: the prompt's identity in its suite (five digits, from
    "00000"); with `run_seed` and `sample` (from 0) it makes the seed, so rivals share seeds (`generators.seeding`).
    """

    key: str
    prompt_id: str
    prompt: str
    sample: int
    run_seed: int


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """The answer to one request: an image or a failure, never both, never neither.

    `image`: uint8 RGB, (height, width, 3). `seconds`: wall time spent on it, None where a batch can't tell.
    `provenance`: what else a reader needs to make this image again (the seed used, a remote job's id ...).

    Raises:
        GeneratorError: neither or both are given, or the image has another shape or type.
    """

    key: str
    image: NDArray[np.uint8] | None = None
    failure: Failure | None = None
    seconds: float | None = None
    provenance: Mapping[str, ParameterValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.image is None) == (self.failure is None):
            raise GeneratorError(f"result {self.key!r} must hold an image or a failure, and not both")
        if self.image is not None and (
            self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3 or 0 in self.image.shape
        ):
            raise GeneratorError(
                f"result {self.key!r}: an image is uint8 RGB of shape (height, width, 3), "
                f"not {self.image.dtype} of shape {self.image.shape}"
            )


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """A generator as the registry knows it before it is loaded: an entry point `drawbench.generators` names one.

    The module that holds it must be light (no torch): the web process reads it for forms and checks.
    `factory`: "package.module:callable", loaded in a worker and called as
    `factory(parameters, size=..., device=...)`; see `GeneratorFactory`. `sizes`: the square sizes it can make, in
    pixels; empty when images come in the size that they have (a folder). `devices`: the kinds of device it can use;
    with ("cpu",) alone, "auto" never imports torch. `needs`: modules that it imports when it is loaded and that may not
    be installed; `install`: the command that brings them. `price`: "package.module:callable" of a light module, called
    with resolved parameters for what an image is expected to cost in US dollars, or None. `identity`:
    "package.module:callable", light too, called as `identity(parameters, size=...)`: the version and the weights'
    fingerprint that `GeneratorInfo` will have, told without loading anything; empty where only loading tells. `waits`:
    whether it waits for other machines most of its time (a service): its images need no device of ours. `devices_by`:
    "package.module:callable" of a light module, called with resolved parameters for the kinds of device that these
    need; empty where it is always `devices`. `missing`: "package.module:callable" of a light module, called with
    nothing for what else it needs and this process has not (keys, programs), a sentence each.
    """

    name: str
    summary: str
    factory: str
    parameters: tuple[Parameter, ...] = ()
    sizes: tuple[int, ...] = ()
    devices: tuple[str, ...] = ("cpu", "cuda")
    identity: str = ""
    needs: tuple[str, ...] = ()
    install: str = ""
    price: str = ""
    waits: bool = False
    devices_by: str = ""
    missing: str = ""

    @property
    def lacks(self) -> tuple[str, ...]:
        """Those of the modules it `needs` that are not installed here."""
        return tuple(name for name in self.needs if importlib.util.find_spec(name) is None)

    @property
    def needs_operator(self) -> bool:
        """Whether it can't be used without a parameter that only the machine's operator may give."""
        return any(parameter.operator_only and parameter.default is None for parameter in self.parameters)

    def resolve(self, given: Mapping[str, object], *, operator: bool = True) -> dict[str, ParameterValue]:
        """All its parameters: those given, checked, and the defaults of the rest, in declared order.

        `operator`: whether they come from who runs the machine (a command); False for web pages and the API.

        Raises:
            GeneratorError: an unknown name (with the nearest), a missing one, a value that is not allowed, or another
                value than the default where only the operator may give one.
        """
        try:
            return resolve_parameters(f"generator {self.name}", self.parameters, given, operator=operator)
        except ParameterError as error:
            raise GeneratorError(str(error)) from None


@dataclass(frozen=True, slots=True)
class GeneratorInfo:
    """What a loaded generator says of itself, for the manifest.

    `weights_fingerprint`: SHA-256 over the files that its images depend on, "" where it has none.
    `tolerance`: how many grey levels (0 to 255) a pixel may move when the same request is drawn again or in another
    batch; 255 says that it can't repeat an image (a remote service). `seeded`: False where the run seed changes
    nothing (files, a service without seeds). `provenance`: dtype, device, sampler, steps, guidance weights ...
    `image_usd`: what an image is expected to cost in US dollars, None where it costs nothing or nobody knows; an
    `ImageResult` says in its provenance as `cost_usd` what it did cost (`generators.costs`).
    """

    name: str
    version: str
    weights_fingerprint: str
    tolerance: float = 0.0
    provenance: Mapping[str, ParameterValue] = field(default_factory=dict)
    seeded: bool = True
    image_usd: float | None = None


@runtime_checkable
class Generator(Protocol):
    """Makes images from text.

    `generate` answers every request exactly once, in any order; it does not raise for a request that fails, and may
    be called again. `batch_size`: how many requests it likes at once. `close` frees what it holds.
    """

    batch_size: int

    @property
    def info(self) -> GeneratorInfo: ...

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]: ...

    def close(self) -> None: ...


class GeneratorFactory(Protocol):
    """Makes a generator. `parameters`: resolved by its spec. `size`: one of its sizes; `device`: "cpu", "cuda" ...

    Raises:
        GeneratorError: what it needs is not there (weights, a folder, a key), or it can't make `size`.
    """

    def __call__(self, parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Generator: ...
