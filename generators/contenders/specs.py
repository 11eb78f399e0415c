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

_UPSAMPLED = _of_the_cascade("sr_steps", "aug_level", "aug_level_1024", "sr_start_noise", "dtype")
_FOLDERS = (
    Parameter("weights", "folder of the contender's own weights; empty for those that ship", "", operator_only=True),
    Parameter(
        "upsamplers",
        "folder of a cascade whose super-resolution enlarges; empty for the one that ships",
        "",
        operator_only=True,
    ),
)
_STAGE = _of_the_cascade("guidance", "guidance_low", "guidance_high", "steps", "sampler", "spacing", "eta")

CLIP_TEXT = GeneratorSpec(
    name="cascade-clip-text",
    summary="The cascade's base on the scene CLIP's text states, not the frozen language model's.",
    factory="generators.contenders.clip_text:load",
    identity="generators.contenders.identity:clip_text",
    parameters=(*_STAGE, *_of_the_cascade("thresholding"), *_UPSAMPLED, *_FOLDERS),
    sizes=SIZES,
)
"""Imagen's comparison of text encoders [4.4, figure 4b]: CLIP's text against T5's."""

UNCLIP = GeneratorSpec(
    name="unclip",
    summary="DALL-E 2's shape: a prior from text to an image embedding, and a decoder of embeddings.",
    factory="generators.contenders.unclip:load",
    identity="generators.contenders.identity:unclip",
    parameters=(
        Parameter("prior_guidance", "guidance weight of the prior; 1 is none", 1.0, low=1.0, high=30.0),
        Parameter("prior_steps", "sampling steps of the prior", 16, low=1, high=1000),
        Parameter("candidates", "embeddings drawn, of which the one nearest to the text is kept", 2, low=1, high=64),
        *_STAGE,
        *_of_the_cascade("thresholding"),
        *_UPSAMPLED,
        *_FOLDERS,
    ),
    sizes=SIZES,
)

LATENT = GeneratorSpec(
    name="latent",
    summary="Latent diffusion's shape: a denoiser of an autoencoder's 16x16x4 latents.",
    factory="generators.contenders.latent:load",
    identity="generators.contenders.identity:latent",
    parameters=(*_STAGE, *_UPSAMPLED, *_FOLDERS),
    sizes=SIZES,
)

GUIDED_CLIP = GeneratorSpec(
    name="guided-clip",
    summary="VQ-GAN+CLIP's shape: an autoencoder's latents moved until the scene CLIP likes the picture.",
    factory="generators.contenders.guided_clip:load",
    identity="generators.contenders.identity:guided_clip",
    parameters=(
        Parameter("climb_steps", "steps of the optimiser", 120, low=1, high=10_000),
        Parameter("climb_rate", "its learning rate", 0.1, low=0.0001, high=10.0),
        Parameter("looks", "copies of the picture, shifted and tinted, that each step looks at", 4, low=1, high=64),
        Parameter("pull", "how strongly latents are kept to unit variance", 1.0, low=0.0, high=1000.0),
        *_UPSAMPLED,
        *_FOLDERS,
    ),
    sizes=SIZES,
)
