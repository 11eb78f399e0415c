"""Which protocols a study can be held under: what the rater's page and the database can show and store so far."""

from __future__ import annotations

from evaluation import protocols
from evaluation.errors import InputError

CHOICES = ("left", "indifferent", "right")
"""What a rating's row can hold."""


def served(protocol: protocols.Protocol) -> bool:
    """Whether studies can be held under `protocol`: pairs of sets, the prompt shown, three answers, all trials, in one
    language and with our own instructions.
    """
    further = (protocol.batch, protocol.repeats, protocol.controls, protocol.category_questions)
    return (
        protocol.shown == protocols.Shown()
        and protocol.choices == CHOICES
        and not any((*further, protocol.instructions, protocol.translations))
    )


def served_names() -> tuple[str, ...]:
    """The names of the protocols that come with the program and that studies can be held under."""
    return tuple(name for name in protocols.names() if served(protocols.get(name)))


def refuse_unserved(protocol: protocols.Protocol) -> None:
    """Raise InputError for a protocol that studies can't be held under."""
    if not served(protocol):
        known = ", ".join(served_names())
        raise InputError(
            f"Studies can't be held under the protocol \"{protocol.name}\" yet: raters' pages show two sets and the "
            f"prompt, and every question takes the answers {', '.join(CHOICES)}. Choose {known}, or a protocol "
            "of your own of this form.",
            field="protocol",
        )
