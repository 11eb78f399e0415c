"""The contenders as the registry sees them. No torch here: the web process reads this."""

from __future__ import annotations

from generators.cascade import spec as cascade
from generators.contract import GeneratorSpec, Parameter

SIZES = cascade.SPEC.sizes


def _of_the_cascade(*names: str) -> tuple[Parameter, ...]:
    """The cascade's parameters of these names, in this order."""
    own = {parameter.name: parameter for parameter in cascade.SPEC.parameters}
    return tuple(own[name] for name in names)


NO_SR_TEXT = GeneratorSpec(
    name="cascade-no-sr-text",
    summary="The bundled cascade, but its super-resolution is not told the prompt.",
    factory="generators.contenders.no_sr_text:load",
    identity="generators.cascade.weights_index:identity",
    parameters=tuple(parameter for parameter in cascade.SPEC.parameters if parameter.name != "sr_guidance"),
    sizes=SIZES,
)
"""What the text in super-resolution is worth: Imagen tells every stage the prompt [2.4]."""
