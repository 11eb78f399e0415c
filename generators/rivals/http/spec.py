"""What is known of the generator `http` before it is loaded. Its services are those that ship and the operator's
own."""

from __future__ import annotations

from generators.contract import GeneratorSpec, Parameter
from generators.places import SERVICES
from generators.rivals.declared import names


def spec() -> GeneratorSpec:
    """The spec, with the services that there are now."""
    return GeneratorSpec(
        name="http",
        summary="An image service over HTTP: OpenAI's images schema, or any other by a template.",
        factory="generators.rivals.http.generator:load_service",
        waits=True,
        parameters=(
            Parameter("service", "which service; the operator may declare more", kind=str, choices=_services()),
            Parameter("model", "the service's name of the model; if empty: as the template says", ""),
            Parameter("width", "pixels; 0: the service's own", 0, low=0, high=16_384),
            Parameter("height", "pixels; 0: the service's own", 0, low=0, high=16_384),
            Parameter("steps", "sampling steps, where the service takes them; 0: its own", 0, low=0, high=1000),
            Parameter("guidance", "guidance, where the service takes it; 0: its own", 0.0, low=0.0, high=100.0),
            Parameter("negative_prompt", "what the image must not show, where the service takes it", ""),
            Parameter("quality", "the service's word for its quality, where it has one", ""),
            Parameter("options", 'further fields of the request, as JSON: {"style": "natural"}', ""),
            Parameter(
                "image_usd", "price of an image in US dollars; -1: as the template says", -1.0, low=-1.0, high=1e4
            ),
            Parameter("parallel", "requests at the same time", 4, low=1, high=64),
            Parameter("timeout_s", "seconds that one image may take", 120.0, low=1.0, high=3600.0),
            Parameter("seed_probe", "draw three images at loading, to find whether seeds are followed", False),
            Parameter("address", "another address of the service, https://host/path", "", operator_only=True),
            Parameter("workflow", "file of a ComfyUI workflow in API format, with holes", "", operator_only=True),
        ),
        sizes=(),
        devices=("cpu",),
        needs=("urllib3",),
        install="pip install -r requirements-web.txt",
        price="generators.rivals.http.settings:image_usd",
        missing="generators.rivals.http.settings:services_missing",
    )


def _services() -> tuple[str, ...]:
    return names("services", SERVICES)


def __getattr__(name: str) -> object:
    """SPEC as it is now: a template that was added is there at once."""
    if name == "SPEC":
        return spec()
    raise AttributeError(name)
