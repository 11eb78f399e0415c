"""What matching is given and what it has to say: prompts, open questions, and notes on how names were read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PromptRef:
    """A prompt to match: its id in the suite ("00012"), its text and its category, "" without one."""

    prompt_id: str
    text: str
    category: str = ""

    @property
    def number(self) -> int | None:
        """Its id as a number, None where the id is none."""
        return int(self.prompt_id) if self.prompt_id.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the names leave open. `option`: the field of `layout.Reading` that answers it."""

    option: str
    text: str
    choices: tuple[str, ...]


@dataclass(slots=True)
class Findings:
    """What is to be said of the whole: how names were read, and what they leave open."""

    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
