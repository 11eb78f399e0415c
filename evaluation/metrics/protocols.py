"""Named protocols: all that moves a Frechet distance besides the images, so that values can be told apart.

Published values of one model range from 8.59 to 25.40 by protocol alone; a value without its manifest means nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from evaluation.metrics.errors import MetricError
from evaluation.metrics.resize import Recipe


@dataclass(frozen=True)
class Protocol:
    """A way to score. `recipe`: from decoded RGB to the network. `drop_last`: None, or the batch of whose rests nothing
    is counted, as the protocol's original code does. `generated` and `reference`: how many images of what the
    protocol means by a published value (COCO); folders of other images are scored with the same steps.
    """

    name: str
    recipe: Recipe
    drop_last: int | None
    generated: str
    reference: str
    source: str

    def manifest(self, *, network_size: int) -> dict[str, object]:
        """The protocol as data, whole: it goes beside every value."""
        return {
            "name": self.name,
            **asdict(self.recipe),
            "network_size": network_size,
            "drop_last": self.drop_last,
            "colour": "RGB, 8 bits; embedded profiles and EXIF orientation ignored; transparent parts on white",
            "covariance": "divisor n - 1, float64",
            "network": "float32, TF32 off",
            "generated": self.generated,
            "reference": self.reference,
            "source": self.source,
        }


_PROTOCOLS = (
    Protocol(
        name="imagen-full",
        recipe=Recipe("crop", "bicubic", 256, "tensorflow1"),
        drop_last=None,
        generated="30,000 captions from a stored list of ids",
        reference="all 40,504 images of COCO val2014",
        source="Saharia et al. 2022, section 4.1: 30,000 prompts against the full validation set",
    ),
    Protocol(
        name="dalle-squash",
        recipe=Recipe("squash", "bilinear", "network", "tensorflow1"),
        drop_last=64,
        generated="30,000 captions of COCO val2014",
        reference="COCO val2014",
        source="Ramesh et al. 2021 with the code of DM-GAN: straight to the network's size, last part batch dropped",
    ),
    Protocol(
        name="ldm-30k",
        recipe=Recipe("resize_then_crop", "bilinear", 256, "tensorflow1"),
        drop_last=None,
        generated="30,000 captions of COCO val2014",
        reference="30,000 images of COCO val2014",
        source="Rombach et al. 2022 with torch-fidelity (its samples_resize_and_crop)",
    ),
    Protocol(
        name="gigagan-lanczos-clean",
        recipe=Recipe("crop", "lanczos", 256, "clean"),
        drop_last=None,
        generated="30,000 captions of COCO val2014",
        reference="all 40,504 images of COCO val2014",
        source="Kang et al. 2023: centre crop, Lanczos to 256, then clean-fid (Parmar et al. 2022)",
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
    near = difflib.get_close_matches(name, PROTOCOLS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise MetricError(f"There is no protocol {name!r}.{hint} There are: {', '.join(PROTOCOLS)}.")
