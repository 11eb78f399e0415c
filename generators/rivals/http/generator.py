"""The generator `http`: one request an image, several at a time, with our seed where the service takes one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from common.parameters import ParameterValue
from generators.contract import (
    Failure,
    FailureKind,
    Generator,
    GeneratorError,
    GeneratorInfo,
    ImageRequest,
    ImageResult,
    StopError,
)
from generators.costs import COST
from generators.rivals.declared import secret_of
from generators.rivals.http.calls import Caller, Picture
from generators.rivals.http.client import AnswerError
from generators.rivals.http.settings import Settings, read_settings
from generators.seeding import request_seed

VERSION = "1"

PATIENCE_S = 30.0
"""Seconds that a request waits in its place when the service asked for patience; who must wait longer is told so."""

BACK_OFF_S = 5.0
"""Seconds of patience where a service asks for it and names none."""

UNREACHED = 5
"""So many requests in a row that reach nobody end the run: the next would not either."""


class HttpGenerator:
    """Images of a service. `batch_size`: as many as are under way at once, twice, so that none waits for the
    slowest."""

    def __init__(self, settings: Settings, caller: Caller) -> None:
        self._settings, self._caller = settings, caller
        self._gate = Gate()
        self._unreached = 0
        self.batch_size = 2 * settings.parallel
        service = settings.service
        provenance: dict[str, ParameterValue] = {
            "service": service.name,
            "address": service.address,
            "template_from": service.source,
            "template_tried": service.tried,
            "device": "remote",
        }
        seeded, tolerance = bool(service.max_seed), 0.0 if service.max_seed and service.repeats else 255.0
        if settings.seed_probe:
            seeded, tolerance, provenance["seed_probe"] = self._probe()
        self.info = GeneratorInfo(
            name="http",
            version=VERSION,
            weights_fingerprint=settings.fingerprint,
            tolerance=tolerance,
            provenance=provenance,
            seeded=seeded,
            image_usd=settings.image_usd,
        )

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """One result for each request, as they come.

        Raises:
            StopError: the service refuses the key, the quota is spent, or nobody is there.
        """
        pool = ThreadPoolExecutor(self._settings.parallel, thread_name_prefix="http-image")
        stopped: list[StopError] = []

        def draw(request: ImageRequest) -> ImageResult | None:
            """None where the run is over: what is under way then is paid for, and is kept; the rest is not asked."""
            if stopped:
                return None
            try:
                return self._draw(request)
            except StopError as error:
                stopped.append(error)
                return None

        try:
            for done in as_completed([pool.submit(draw, request) for request in requests]):
                if (result := done.result()) is not None:
                    yield result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if stopped:
            raise stopped[0]

    def close(self) -> None:
        """Close the connections and end the decoding process."""
        self._caller.close()

    def _draw(self, request: ImageRequest) -> ImageResult:
        service = self._settings.service
        most = service.prompt_characters
        if not request.prompt.strip():
            return ImageResult(request.key, failure=Failure(FailureKind.INVALID, "the prompt is empty"))
        if most and len(request.prompt) > most:
            message = f"the prompt has {len(request.prompt):,} characters; {service.name} takes {most:,}"
            return ImageResult(request.key, failure=Failure(FailureKind.INVALID, message))
        if (left := self._gate.wait(PATIENCE_S)) > 0:
            message = f"{service.name} asked for patience"
            return ImageResult(request.key, failure=Failure(FailureKind.RATE_LIMITED, message, retry_after_s=left))
        started = time.perf_counter()
        seed = request_seed(request, "base") % (service.max_seed + 1) if service.max_seed else None
        provenance: dict[str, ParameterValue] = {} if seed is None else {"seed": seed}
        try:
            picture = self._caller.draw(request.prompt, seed)
        except AnswerError as error:
            self._note(error)
            if error.cost_usd:
                provenance[COST] = error.cost_usd
            return ImageResult(request.key, failure=error.failure, provenance=provenance)
        self._unreached = 0
        return ImageResult(
            request.key,
            picture.pixels,
            seconds=time.perf_counter() - started,
            provenance={**provenance, **picture.provenance},
        )

    def _note(self, error: AnswerError) -> None:
        """Hold the others back where the service asks for patience; stop where nobody is there."""
        failure = error.failure
        if failure.kind is FailureKind.RATE_LIMITED or failure.retry_after_s:
            self._gate.hold(BACK_OFF_S if failure.retry_after_s is None else failure.retry_after_s)
        self._unreached = 0 if error.reached else self._unreached + 1
        if self._unreached >= UNREACHED:
            raise StopError(f"{failure.message} ({UNREACHED} times in a row). Start it, and resume the run.")

    def _probe(self) -> tuple[bool, float, str]:
        """Draw one prompt twice with one seed and once with another: whether seeds are followed, and by how much
        not."""
        name = self._settings.service.name
        if not self._settings.service.max_seed:
            return False, 255.0, "the template knows no seeds"
        try:
            first, again, other = (self._caller.draw("A red cube on a blue table.", seed) for seed in (1, 1, 2))
        except AnswerError as error:
            raise GeneratorError(f"the seeds of {name} could not be probed: {error.failure.message}") from None
        same, moved = _distance(first, again), _distance(first, other)
        if same >= 255:
            return bool(moved), 255.0, "the same seed gave another image"
        if not moved:
            return False, 0.0, "another seed gave the same image"
        told = (
            "the same seed gave the same image" if not same else f"the same seed moved pixels by {same:g} grey levels"
        )
        return True, same, f"{told}, another seed another one"


class Gate:
    """Where requests wait while a service asks for patience."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self, patience_s: float) -> float:
        """Wait until it is open, if that is within `patience_s`; else the seconds that it is still closed, at once."""
        deadline = time.monotonic() + patience_s
        while (left := self._until - time.monotonic()) > 0:
            if time.monotonic() + left > deadline:
                return left
            time.sleep(min(left, 0.25))
        return 0.0


def _distance(one: Picture, other: Picture) -> float:
    """The most that a pixel differs, in grey levels; 255 for images of other shapes, or that share no likeness."""
    if one.pixels.shape != other.pixels.shape:
        return 255.0
    moved = abs(one.pixels.astype("int16") - other.pixels.astype("int16"))
    return float(moved.max()) if moved.mean() < 8 else 255.0


def load_service(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Generator:
    """The service that the parameters name. `size`, `device`: say nothing here.

    Raises:
        GeneratorError: no such service, a template or parameter that is wrong, or no key in the environment.
    """
    settings = read_settings(parameters)
    service = settings.service
    key = service.key
    secret = ""
    if key is not None:
        what = f"the service {service.name}"
        secret = secret_of(key.variable, what, optional=key.optional)
    return HttpGenerator(settings, Caller(settings, secret))
