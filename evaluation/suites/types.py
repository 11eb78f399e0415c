"""What a suite of prompts is, before any database: the data, its limits and its one error."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from common import limits
from common.errors import UserError
from common.text import composed

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Attributes: TypeAlias = "Mapping[str, JsonValue]"

MAX_PROMPT_CHARACTERS = limits.PROMPT
MAX_CATEGORY_CHARACTERS = limits.CATEGORY
MAX_NAME_CHARACTERS = limits.SUITE_NAME
MAX_PROMPTS = 250_000
"""Above COCO's largest use, all 202,654 captions of the 2014 validation images."""

NO_CATEGORY = "All prompts"
"""The category of every prompt of a suite that names none, so that results still have one group."""


class SuiteError(UserError):
    """A suite that can't be used. The message says what is wrong, what is allowed and what to do next."""


@dataclass(frozen=True, slots=True)
class PromptData:
    """One prompt of a suite.

    number: place in the suite, from 0; uploaded images are matched by it.
    text: what generators draw and raters read; one line, composed, 1 to MAX_PROMPT_CHARACTERS characters.
    category: likewise, 1 to MAX_CATEGORY_CHARACTERS characters.
    attributes: a JSON object; what a program may check in an image (`scene.py`), where the prompt came from, or empty.
    """

    number: int
    text: str
    category: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuiteData:
    """A suite as read from a file or made.

    source_format: one of `formats.FORMATS`, or "made" for a suite that came from no file.
    notes: sentences for the person who loads it: what was left out, sampled or not recognised.
    """

    name: str
    prompts: tuple[PromptData, ...]
    source_format: str
    notes: tuple[str, ...] = ()

    @property
    def categories(self) -> dict[str, int]:
        """Prompts per category, in the order in which the categories first appear."""
        return dict(Counter(prompt.category for prompt in self.prompts))


def fold(text: str) -> str:
    """White space (Unicode's, line ends and no-break blanks included) folded to single blanks and trimmed, and the text
    in Unicode's composed form."""
    return composed(" ".join(text.split()))
