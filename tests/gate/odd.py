"""Texts and numbers that no column takes, for tests that try them everywhere."""

from __future__ import annotations

BAD_CHARACTERS = {
    "NUL": "\x00",
    "ESCAPE": "\x1b",
    "DELETE": "\x7f",
    "a C1 control": "\x85",
    "half a character": "\ud800",
    "an override": "\u202e",
    "an embedding": "\u202a",
    "an open isolate": "\u2066",
    "an end of no isolate": "\u2069",
    "no character": "\ufffe",
}
"""What may stand in no text, by name."""

SENDABLE = {name: letter for name, letter in BAD_CHARACTERS.items() if name != "half a character"}
"""Those that a form can send: UTF-8 has no half characters."""

ODD_NUMBERS: tuple[object, ...] = (
    *(10**30, -(10**30), 2**63, -(2**63) - 1, 10**400, "9" * 400, "9" * 5000, "1e999", "-1e999", "1e400"),
    *(
        "nan",
        "NaN",
        "inf",
        "Infinity",
        "-inf",
        "1_000",
        "\u0663",
        "\u00b2",
        "0x10",
        "1,5",
        "",
        " ",
        "\x00",
        True,
        [1],
        {},
    ),
)
"""What is no number that a column takes, or none at all."""


def code(letter: str) -> str:
    """As messages name it."""
    return f"U+{ord(letter):04X}"
