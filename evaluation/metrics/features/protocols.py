"""Named protocols: all that moves a Frechet distance besides the images, so that values can be told apart.

Published values of one model range from 8.59 to 25.40 by protocol alone; a value without its manifest means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, get_args

from common.words import nearest
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.resize import Recipe

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
"""How the network computes. TF32 exists on NVIDIA's GPUs from Ampere on; elsewhere it is float32."""


@dataclass(frozen=True)
class Protocol:
    """A way to score. `recipe`: from decoded RGB to the network. `drop_last`: None, or the batch of whose rests nothing
    is counted, as the protocol's original code does. `generated` and `reference`: how many images of what the
    protocol means by a published value (COCO); folders of other images are scored with the same steps.
    `n_generated`, `n_reference`: those numbers; None: all there are.
    """

    name: str
    recipe: Recipe
    drop_last: int | None
    generated: str
    reference: str
    source: str
    n_generated: int | None = None
    n_reference: int | None = None
    precision: Precision = "float32"

    def manifest(self, *, network_size: int) -> dict[str, object]:
        """The protocol as data, whole: it goes beside every value."""
        return {
            "name": self.name,
            **asdict(self.recipe),
            "network_size": network_size,
            "drop_last": self.drop_last,
            "colour": "RGB, 8 bits; embedded profiles and EXIF orientation ignored; transparent parts on white",
            "covariance": "divisor n - 1, float64",
            "network": "float32, TF32 off" if self.precision == "float32" else self.precision,
            "generated": self.generated,
            "reference": self.reference,
            "source": self.source,
        }

    def data(self) -> dict[str, Any]:
        """The protocol as JSON, for `protocol_from`."""
        return asdict(self)


def protocol_from(data: Mapping[str, Any]) -> Protocol:
    """The protocol whose `data()` this is.

    Raises:
        MetricError: it is none.
    """
    try:
        found = Protocol(**{**data, "recipe": Recipe(**data["recipe"])})
    except (KeyError, TypeError):
        names = ", ".join(field.name for field in fields(Protocol))
        raise MetricError(
            f"This is not a protocol: it has {', '.join(map(str, data))}, and must have {names}."
        ) from None
    if found.precision not in get_args(Precision):
        raise MetricError(f"There is no precision {found.precision!r}. There are: {', '.join(get_args(Precision))}.")
    return found


_PROTOCOLS = (
    Protocol(
        name="imagen-full",
        recipe=Recipe("crop", "bicubic", 256, "tensorflow1"),
        drop_last=None,
        generated="30,000 captions from a stored list of ids",
        reference="all 40,504 images of COCO val2014",
        source="Saharia et al. 2022, section 4.1: 30,000 prompts against the full validation set",
        n_generated=30_000,
    ),
    Protocol(
        name="dalle-squash",
        recipe=Recipe("squash", "bilinear", "network", "tensorflow1"),
        drop_last=64,
        generated="30,000 captions of COCO val2014",
        reference="COCO val2014",
        source="Ramesh et al. 2021 with the code of DM-GAN: straight to the network's size, last part batch dropped",
        n_generated=30_000,
    ),
    Protocol(
        name="ldm-30k",
        recipe=Recipe("resize_then_crop", "bilinear", 256, "tensorflow1"),
        drop_last=None,
        generated="30,000 captions of COCO val2014",
        reference="30,000 images of COCO val2014",
        source="Rombach et al. 2022 with torch-fidelity (its samples_resize_and_crop)",
        n_generated=30_000,
        n_reference=30_000,
    ),
    Protocol(
        name="gigagan-lanczos-clean",
        recipe=Recipe("crop", "lanczos", 256, "clean"),
        drop_last=None,
        generated="30,000 captions of COCO val2014",
        reference="all 40,504 images of COCO val2014",
        source="Kang et al. 2023: centre crop, Lanczos to 256, then clean-fid (Parmar et al. 2022)",
        n_generated=30_000,
    ),
)

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({protocol.name: protocol for protocol in _PROTOCOLS})
DEFAULT_PROTOCOL = "imagen-full"


def protocol_by_name(name: str) -> Protocol:
    """The protocol called `name`.

    Raises:
        MetricError: there is none; the message has the nearest name.
    """
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    hint = nearest(name, PROTOCOLS) or "."
    raise MetricError(f"There is no protocol {name!r}{hint} There are: {', '.join(PROTOCOLS)}.")
