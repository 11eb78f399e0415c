"""What an image's provenance says of its prompt, in words: what was cut off, what was not understood.

A generator may put these keys into the provenance of an `ImageResult`; the sample command and the run's page tell them.
"""

from __future__ import annotations

from collections.abc import Mapping

from common.words import counted

CUT = "prompt_text_cut"
"""The end of the prompt, which was too long to be read."""
UNKNOWN = "prompt_tokens_unknown"
"""How many tokens of the prompt the text encoder does not know."""
UNSEEN = "prompt_words_unseen"
"""The words of the prompt that no caption of the training had, joined by ", "."""


def prompt_notes(provenance: Mapping[str, object]) -> list[str]:
    """Sentences about what of a prompt an image can't show; none where all was read and known."""
    notes = []
    if provenance.get(UNSEEN):
        notes.append(f"Not in the training's captions: {provenance[UNSEEN]}.")
    if provenance.get(CUT):
        notes.append(f"Too long to be read to its end; left out: “{provenance[CUT]}”.")
    unknown = provenance.get(UNKNOWN)
    if isinstance(unknown, int) and unknown > 0:
        notes.append(f"The text encoder does not know {counted(unknown, 'piece')} of the prompt.")
    return notes
