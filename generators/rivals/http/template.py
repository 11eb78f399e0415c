"""The template of an image service: what is sent, where the image lies in the answer, and what its refusals look like.

A template is a JSON file (docs/rivals.md describes every field). Texts in it may have holes, `{prompt}`; a field whose
hole is left empty is not sent. A path says where something lies in an answer: `data.0.url`, where `*` is any entry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from common.strict import FROM_CODE
from generators.contract import GeneratorError
from generators.places import SERVICES
from generators.rivals.declared import checked_build, read

SCHEMA = "drawbench-service/1"

Outcome = Literal["refused", "filtered", "invalid", "crash", "rate_limited", "timeout", "key", "quota"]
"""What a rule makes of an answer: a failure of that kind, or with `key` and `quota` the end of the run."""
State = Literal["wait", "done", "refused", "filtered", "invalid", "crash"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path`: below the service's address, or a whole address (one that the service gave, in a hole).

    `json`: the body; or `form`: the fields of a multipart one. `takes`: hole -> where the answer has its value, for the
    calls that follow.
    """

    path: str
    method: Literal["GET", "POST"] = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    takes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poll:
    """How a service that draws later is asked whether it has. `state`: where its answer says how far it is; `states`:
    what its words mean. Without a state it has drawn when the image is there. `every_s`: seconds between two asks.
    """

    call: Call
    every_s: float = 1.0
    state: str = ""
    states: dict[str, State] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Where:
    """Where the image is: as text in base 64, at an address, or by a call with `{image.NAME}` from an object."""

    base64: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    object: str = ""
    fetch: Call | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """An answer that has one of `values` at `path` (any value but none and false where the list is empty), and this
    `status` where one is named, is an `outcome`.
    """

    outcome: Outcome
    status: int = 0
    path: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """The environment variable that holds the key, and the header that carries it. `hosts`: who gets it beside the
    service's own host. `optional`: it also goes without.
    """

    variable: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    hosts: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars: of an image, or by tokens (path in the answer -> dollars a million); `image_usd` is then the
    estimate."""

    image_usd: float | None = None
    usd_per_million: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sides:
    """The sizes that it takes: sides from `low` to `high` pixels, multiples of `multiple`, the longer one at most
    `ratio` times the shorter. `needed`: it has no size of its own.
    """

    multiple: int = 1
    low: int = 16
    high: int = 16_384
    ratio: float = 64.0
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its template describes it.

    `source`: where this is known from; `tried`: whether it was tried. `address`: below which the calls go, https; http
    only where `private` (a machine of one's own, or of the house's network). `hosts`: others from which its images may
    be fetched, `*.example.com` for all below. `holes`: hole -> its value where the parameter of that name is left
    empty.
    `needs`: holes that must be given. `max_seed`: the largest seed, 0 where it takes none; `repeats`: whether the same
    seed gives the same image. `kept`: name -> where the answer has something for the image's provenance; `says`: name
    -> what is known of all its images (a watermark). `result`: the call that brings the answer once it has drawn.
    """

    schema: str
    name: str
    summary: str
    source: str
    address: str
    submit: Call
    image: Where
    tried: bool = False
    private: bool = False
    hosts: tuple[str, ...] = ()
    key: Key | None = None
    poll: Poll | None = None
    result: Call | None = None
    rules: tuple[Any, ...] = ()
    message: tuple[str, ...] = ("error.message", "message", "detail", "error", "detail.0.msg")
    kept: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    holes: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    price: Price = Price()
    sides: Sides = Sides()
    prompt_characters: int = 0
    max_seed: int = 0
    repeats: bool = False
    workflow: str = ""
    sha256: str = field(default="", metadata=FROM_CODE)
    folder: str = field(default="", metadata=FROM_CODE)


def read_service(name: str) -> Service:
    """The service called `name`: of the operator's folder, or one that ships.

    Raises:
        GeneratorError: there is none, or its template is wrong; the message says where and what is allowed.
    """
    path, given, sha256 = read("services", name, SERVICES)
    return service_from(given, str(path), sha256=sha256, folder=str(path.parent))


def service_from(given: Mapping[str, object], what: str, *, sha256: str = "", folder: str = "") -> Service:
    """A template as it was read. `what`: how messages name it.

    Raises:
        GeneratorError: a field is missing, unknown, of another type, or makes no sense.
    """
    fields: dict[str, object] = {**given, "sha256": sha256, "folder": folder}
    if given.get("schema") != SCHEMA:
        raise GeneratorError(f'{what}: the field schema must be "{SCHEMA}", not {given.get("schema")!r}')
    for name, kind in (("submit", Call), ("result", Call), ("key", Key), ("price", Price), ("sides", Sides)):
        if given.get(name) is not None:
            fields[name] = checked_build(kind, given[name], f"{what}: {name}")
    for name, nest, inner in (("poll", Poll, "call"), ("image", Where, "fetch")):
        if given.get(name) is not None:
            fields[name] = _nested(nest, given[name], inner, f"{what}: {name}")
    rules = given.get("rules", ())
    if isinstance(rules, Sequence) and not isinstance(rules, str):
        fields["rules"] = tuple(checked_build(Rule, rule, f"{what}: rules: {at}") for at, rule in enumerate(rules))
    service = checked_build(Service, fields, what)
    _check(service, what)
    return service


def changed(service: Service, *, address: str) -> Service:
    """The same service at another address, which the operator gave: it may be a machine of one's own.

    Raises:
        GeneratorError: it is no address.
    """
    other = dataclasses.replace(service, address=address.rstrip("/"), private=True)
    _check(other, f"parameter address {address!r}")
    return other


def workflow_path(service: Service) -> Path | None:
    """The workflow that the template names, beside it; None where it names none."""
    return Path(service.folder, service.workflow) if service.workflow else None


def _nested(kind: type[Any], given: object, inner: str, what: str) -> object:
    if isinstance(given, Mapping) and given.get(inner) is not None:
        given = {**given, inner: checked_build(Call, given[inner], f"{what}: {inner}")}
    return checked_build(kind, given, what)


def _check(service: Service, what: str) -> None:
    try:
        parts = urlsplit(service.address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment or parts.username:
        raise GeneratorError(f"{what}: the address {service.address!r} is not of the form https://host/path")
    if parts.scheme == "http" and not service.private:
        raise GeneratorError(
            f"{what}: http carries the key and the prompts unprotected; say https, or private: true for a machine of "
            "your own"
        )
    if not (service.image.base64 or service.image.address or service.image.fetch):
        raise GeneratorError(f"{what}: image says no place of the image: base64, address or fetch")
    if (service.submit.json is None) == (service.submit.form is None):
        raise GeneratorError(f"{what}: submit has json or form, one of both")
