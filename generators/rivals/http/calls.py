"""One image of a service: submitted, waited for where it is drawn later, fetched and decoded."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from urllib3.filepost import encode_multipart_formdata

from common.images import DecodeProcess, ImageProblem, Problem
from common.json_in import Json
from common.parameters import ParameterValue
from generators.contract import Failure, FailureKind
from generators.costs import COST
from generators.rivals.http.client import Answer, AnswerError, Client, Sent, host_in
from generators.rivals.http.holes import fill, fill_path, fill_text, first_text, look_up
from generators.rivals.http.judge import cost_usd, judged, kept, state_error, state_of
from generators.rivals.http.settings import Settings
from generators.rivals.http.template import Call
from generators.rivals.sizes import other_size

_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a service gave it. `pixels`: uint8 RGB, (height, width, 3)."""

    pixels: NDArray[np.uint8]
    provenance: Mapping[str, ParameterValue]


class Caller:
    """Draws by calls to one service; from several threads at once. `secret`: the key, which nothing here writes out."""

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings, self._secret = settings, secret
        service = settings.service
        self._own_host = (urlsplit(service.address).hostname or "").lower()
        self._client = Client((self._own_host, *service.hosts), private=service.private, threads=settings.parallel)
        self._decoder, self._decoding = DecodeProcess(), threading.Lock()

    def __repr__(self) -> str:
        return f"Caller({self._settings.service.name})"

    def close(self) -> None:
        """Close the connections and end the decoding process. Harmless twice."""
        self._client.close()
        with self._decoding:
            self._decoder.close()

    def draw(self, prompt: str, seed: int | None) -> Picture:
        """The image of a prompt. `seed`: within what the service takes, None where it takes none.

        Raises:
            AnswerError: why there is none.
            StopError: there will be none for any other prompt either.
        """
        service = self._settings.service
        deadline = time.monotonic() + self._settings.timeout_s
        holes: dict[str, Json] = {**self._settings.holes, "prompt": prompt, "seed": seed}
        holes["workflow"] = fill(self._settings.workflow, holes)
        answer = self._call(service.submit, holes, deadline, self._settings.options)
        content = judged(service, answer, self._secret)
        self._take(service.submit, content, holes)
        if service.poll is not None:
            content = self._wait(content, holes, deadline)
        if service.result is not None:
            content = judged(service, self._call(service.result, holes, deadline), self._secret, of_job=True)
        cost = cost_usd(service, content, self._settings.image_usd)
        provenance: dict[str, ParameterValue] = {**service.says, **kept(service, content, self._secret)}
        if cost is not None:
            provenance[COST] = cost
        try:
            data, n_given = self._image(content, holes, deadline)
            if n_given > 1:
                provenance["images_given"] = n_given
                if self._settings.image_usd is not None:  # all of them were paid for
                    cost = cost_usd(service, content, n_given * self._settings.image_usd)
                    provenance[COST] = cost or 0.0
            return Picture(self._decoded(data), provenance)
        except AnswerError as error:
            error.cost_usd = cost or 0.0
            raise

    def _wait(self, content: Json, holes: dict[str, Json], deadline: float) -> Json:
        """Ask until it is drawn; the answer that says so."""
        service = self._settings.service
        poll = service.poll
        assert poll is not None
        pause = poll.every_s
        message = f"{service.name} had not drawn it after {self._settings.timeout_s:g} s (parameter timeout_s)"
        late = AnswerError(Failure(FailureKind.TIMEOUT, message))
        while True:
            if time.monotonic() + pause > deadline:
                raise late
            time.sleep(pause)
            try:
                answer = self._call(poll.call, holes, deadline)
            except AnswerError as error:
                raise (late if error.failure.kind is FailureKind.TIMEOUT else error) from None
            if answer.status == 429 or answer.status >= 500:  # the job goes on; only the question came too often
                pause = min(_LONGEST_PAUSE_S, answer.retry_after_s or 2 * pause)
                continue
            content = judged(service, answer, self._secret, of_job=True)
            if not poll.state:
                if self._has_image(content, holes):
                    return content
                continue
            state, word = state_of(service, content)
            if state == "done":
                self._take(poll.call, content, holes)
                return content
            if state != "wait":
                raise state_error(service, state, word, content, self._secret)

    def _image(self, content: Json, holes: Mapping[str, Json], deadline: float) -> tuple[bytes, int]:
        """The image's file, and how many the answer has: the first is taken."""
        service, where = self._settings.service, self._settings.service.image
        for path in (fill_text(path, holes) for path in where.base64):
            texts = [value for value in look_up(content, path) if isinstance(value, str) and value]
            if texts:
                return _from_base64(texts[0], service.name), len(texts)
        for path in (fill_text(path, holes) for path in where.address):
            texts = [value for value in look_up(content, path) if isinstance(value, str) and value]
            if texts and texts[0].startswith("data:"):
                return _from_base64(texts[0], service.name), len(texts)
            if texts and not texts[0].startswith(("https://", "http://")):
                message = f"{service.name} named something that is no address of an image"
                raise AnswerError(Failure(FailureKind.INVALID, message))
            if texts:
                return self._fetched(Call(path="{address}", method="GET"), {"address": texts[0]}, deadline), len(texts)
        if where.fetch is not None:
            objects = [each for each in look_up(content, fill_text(where.object, holes)) if isinstance(each, dict)]
            if objects:
                inner = {f"image.{name}": value for name, value in objects[0].items()}
                return self._fetched(where.fetch, {**holes, **inner}, deadline), len(objects)
        raise AnswerError(Failure(FailureKind.INVALID, f"{service.name} answered without an image"))

    def _has_image(self, content: Json, holes: Mapping[str, Json]) -> bool:
        where = self._settings.service.image
        paths = [fill_text(path, holes) for path in (*where.base64, *where.address)]
        if first_text(content, paths):
            return True
        return bool(where.object) and any(True for _ in look_up(content, fill_text(where.object, holes)))

    def _fetched(self, call: Call, holes: Mapping[str, Json], deadline: float) -> bytes:
        answer = self._call(call, holes, deadline, follow=True)
        if answer.status != 200:
            kind = FailureKind.CRASH if answer.status >= 500 or answer.status == 429 else FailureKind.INVALID
            message = f"the image could not be fetched from {answer.host} (status {answer.status})"
            raise AnswerError(Failure(kind, message, retry_after_s=answer.retry_after_s))
        if answer.kind.startswith("text/") or answer.kind == "application/json":
            raise AnswerError(
                Failure(FailureKind.INVALID, f"{answer.host} gave {answer.kind} where the image was expected")
            )
        return answer.body

    def _call(
        self,
        call: Call,
        holes: Mapping[str, Json],
        deadline: float,
        options: Mapping[str, Json] | None = None,
        *,
        follow: bool = False,
    ) -> Answer:
        service = self._settings.service
        address = fill_path(call.path, holes)
        if not address.startswith(("https://", "http://")):
            address = f"{service.address}/{address.lstrip('/')}"
        headers = {name: fill_text(value, holes) for name, value in call.headers.items()}
        host = (urlsplit(address).hostname or "").lower()
        if self._secret and service.key is not None and host_in(host, (self._own_host, *service.key.hosts)):
            headers[service.key.header] = service.key.prefix + self._secret
        body: bytes | None = None
        if call.json is not None:
            filled = cast("dict[str, Json]", fill(call.json, holes))
            body = json.dumps({**filled, **(options or {})}).encode()
            headers["Content-Type"] = "application/json"
        elif call.form is not None:
            filled = cast("dict[str, Json]", fill(call.form, holes))
            fields = {name: _form_value(value) for name, value in {**filled, **(options or {})}.items()}
            body, headers["Content-Type"] = encode_multipart_formdata(fields)
        return self._client.ask(Sent(call.method, address, headers, body), deadline=deadline, follow=follow)

    def _take(self, call: Call, content: Json, holes: dict[str, Json]) -> None:
        for name, path in call.takes.items():
            value = next(iter(look_up(content, fill_text(path, holes))), None)
            if not isinstance(value, str | int) or value == "":
                message = f"{self._settings.service.name} answered without {path}, which says where the image will be"
                raise AnswerError(Failure(FailureKind.INVALID, message))
            holes[name] = value

    def _decoded(self, data: bytes) -> NDArray[np.uint8]:
        name = self._settings.service.name
        with self._decoding:
            pixels = self._decoder.pixels("", data)
        if isinstance(pixels, ImageProblem):
            kind = FailureKind.CRASH if pixels.problem is Problem.TRUNCATED else FailureKind.INVALID
            raise AnswerError(Failure(kind, f"{name} gave a file that is no whole image: {pixels.message}"))
        if (failure := other_size(pixels, self._settings.width, self._settings.height, name)) is not None:
            raise AnswerError(failure)
        return pixels


def _from_base64(text: str, name: str) -> bytes:
    """The bytes of a text in base 64, also of an address that holds its data (data:image/png;base64,...)."""
    text = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise AnswerError(Failure(FailureKind.INVALID, f"{name} gave an image that is not in base 64")) from None


def _form_value(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
