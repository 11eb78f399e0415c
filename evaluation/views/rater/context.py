"""What the rater's page is made from: a protocol, the size of shown images, and the addresses that its script asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.protocols import CAPTION, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterPage:
    """The page of trials. `rater`: the key that its script sends. `set_size`: images in a set. `width`, `height`: of
    every image, in pixels.

    `addresses`: of `next`, `rate`, `undo`, `skip`, `end` and `images` (with KEY for an image's key), which the script
    asks; of `finish`, where its form goes; of `reload`; of `withdraw`, empty where nobody can leave.
    """

    protocol: Protocol
    rater: str
    set_size: int
    width: int
    height: int
    addresses: Mapping[str, str]


def trials_context(page: RaterPage) -> dict[str, object]:
    """The context of `rater/trials.html`."""
    protocol, addresses = page.protocol, page.addresses
    return {
        "questions": [{"id": each.id, "text": each.as_asked(CAPTION)} for each in protocol.questions],
        "answers": [
            {"choice": answer.choice, "text": answer.text, "key": number}
            for number, answer in enumerate(protocol.answers, start=1)
        ],
        "config": {
            "rater": page.rater,
            "questions": [question.id for question in protocol.questions],
            "choices": list(protocol.choices),
            "width": page.width,
            "height": page.height,
            **{name: addresses[name] for name in ("images", "next", "rate", "undo", "skip", "end")},
        },
        "addresses": addresses,
    }
