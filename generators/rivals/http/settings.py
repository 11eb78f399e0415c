"""The parameters of the generator `http` beside the template that they choose: checked, and made into holes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.json_in import Json, JsonError, read_json
from common.parameters import ParameterValue
from generators.contract import GeneratorError
from generators.places import SERVICES
from generators.rivals.declared import faults, names
from generators.rivals.http.template import Service, changed, read_service, workflow_path
from generators.sizes import check_sides

HOLES = ("model", "width", "height", "size", "steps", "guidance", "negative_prompt", "quality")
"""Holes that parameters fill; `prompt`, `seed` and `workflow` are filled for each image."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A service as a run uses it. `holes`: what the parameters fill, None where a hole is left empty. `options`:
    further
    fields of the body. `fingerprint`: SHA-256 over the template and the workflow. `image_usd`: the price, None if
    unknown.
    """

    service: Service
    holes: Mapping[str, Json]
    options: Mapping[str, Json]
    workflow: Json
    fingerprint: str
    image_usd: float | None
    parallel: int
    timeout_s: float
    seed_probe: bool
    width: int = 0
    height: int = 0


def image_usd(parameters: Mapping[str, ParameterValue]) -> float | None:
    """What an image is expected to cost, in US dollars; None where neither parameters nor template say.

    Raises:
        GeneratorError: the service takes no such parameters: whoever asks for a run learns it before it waits.
    """
    return read_settings(parameters).image_usd


def services_missing() -> list[str]:
    """What is wrong with the templates, and the keys that this process has not (`GeneratorSpec.missing`)."""
    without: list[str] = []

    def look_at(name: str) -> None:
        key = read_service(name).key
        if key is not None and not key.optional and not os.environ.get(key.variable, "").strip():
            without.append(f"{name} ({key.variable})")

    told = faults(look_at, names("services", SERVICES))
    return [f"no key in this environment for: {', '.join(without)}", *told] if without else told


def read_settings(parameters: Mapping[str, ParameterValue]) -> Settings:
    """The template and the parameters together.

    Raises:
        GeneratorError: they do not fit: a size that the service does not take, a parameter that its template has no
        hole
            for, a field that is missing.
    """
    service = read_service(str(parameters["service"]))
    if parameters["address"]:
        service = changed(service, address=str(parameters["address"]))
    width, height = int(parameters["width"]), int(parameters["height"])
    _check_size(service, width, height)
    given: dict[str, Json] = {
        "model": str(parameters["model"]) or None,
        "width": width or None,
        "height": height or None,
        "size": f"{width}x{height}" if width else None,
        "steps": int(parameters["steps"]) or None,
        "guidance": float(parameters["guidance"]) or None,
        "negative_prompt": str(parameters["negative_prompt"]) or None,
        "quality": str(parameters["quality"]) or None,
    }
    workflow, workflow_sha256 = _workflow(service, str(parameters["workflow"]))
    _check_used(service, given, workflow)
    holes: dict[str, Json] = {**dict.fromkeys(HOLES), **service.holes}
    holes |= {name: value for name, value in given.items() if value is not None}
    for name in service.needs:
        if holes.get(name) is None:
            where = f"the parameter {name}" if name in given else f"{name}: set it in an own template (field holes)"
            raise GeneratorError(f"the service {service.name} needs {where}")
    price = float(parameters["image_usd"])
    digest = hashlib.sha256(f"{service.sha256}\0{service.address}\0{workflow_sha256}".encode()).hexdigest()
    return Settings(
        service=service,
        holes=holes,
        options=_options(service, str(parameters["options"])),
        workflow=workflow,
        fingerprint=digest,
        image_usd=service.price.image_usd if price < 0 else price,
        parallel=int(parameters["parallel"]),
        timeout_s=float(parameters["timeout_s"]),
        seed_probe=bool(parameters["seed_probe"]),
        width=width,
        height=height,
    )


def _check_size(service: Service, width: int, height: int) -> None:
    sides = service.sides
    check_sides(width, height)
    if not width:
        if sides.needed:
            raise GeneratorError(f"the service {service.name} needs width and height")
        return
    for name, side in (("width", width), ("height", height)):
        if not sides.low <= side <= sides.high or side % sides.multiple:
            raise GeneratorError(
                f"{name} {side}: the service {service.name} takes multiples of {sides.multiple} from {sides.low} to "
                f"{sides.high} pixels"
            )
    if max(width, height) > sides.ratio * min(width, height):
        raise GeneratorError(
            f"{width} x {height} pixels: the service {service.name} takes sides of at most {sides.ratio:g} to 1"
        )


def _check_used(service: Service, given: Mapping[str, Json], workflow: Json) -> None:
    """A parameter that was given and has no hole would change nothing, and nobody would notice."""
    sent = service.submit
    text = f"{sent.path} {sent.json} {sent.form} {sent.headers} {workflow}"
    for name, value in given.items():
        holes = ("{size}", "{width}", "{height}") if name in ("size", "width", "height") else (f"{{{name}}}",)
        if value is not None and not any(hole in text for hole in holes):
            raise GeneratorError(
                f"the service {service.name} takes no {name.replace('_', ' ')}: its template has no hole {holes[0]}"
            )


def _options(service: Service, text: str) -> Mapping[str, Json]:
    """Further fields of the request. Not those that the template writes: its prompt, seed and number of images stay."""
    if not text:
        return {}
    try:
        options = read_json(text)
    except JsonError as error:
        raise GeneratorError(f"parameter options: {error}") from None
    if not isinstance(options, dict):
        raise GeneratorError('parameter options is a JSON object: {"style": "natural"}')
    written = service.submit.json if service.submit.json is not None else service.submit.form
    for name in options:
        if name in (written or {}):
            raise GeneratorError(
                f"parameter options: the template of {service.name} writes the field {name} itself. Use the parameter "
                "that fills it, or copy the template and change it there"
            )
    return options


def _workflow(service: Service, named: str) -> tuple[Json, str]:
    wanted = "{workflow}" in str(service.submit.json)
    path = Path(named).expanduser() if named else workflow_path(service)
    if not wanted:
        if named:
            raise GeneratorError(f"the service {service.name} takes no workflow")
        return None, ""
    if path is None:
        raise GeneratorError(
            f"the service {service.name} needs a workflow in API format: name its file in an own template (field "
            "workflow), or with a command by the parameter workflow"
        )
    try:
        data = path.read_bytes()
        workflow = read_json(data)
    except OSError as error:
        raise GeneratorError(f"the workflow {path} can't be read: {(error.strerror or str(error)).lower()}") from None
    except JsonError as error:
        raise GeneratorError(f"the workflow {path}: {error}") from None
    if not isinstance(workflow, dict) or "{prompt}" not in str(workflow):
        raise GeneratorError(
            f'the workflow {path} has no hole for the prompt: save it in API format and write "{{prompt}}" where the '
            "text stands"
        )
    return workflow, hashlib.sha256(data).hexdigest()
