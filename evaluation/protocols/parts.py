"""The parts of a protocol: what a trial shows, questions, repeats, controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from evaluation.analysis.screening import is_kept
from evaluation.protocols.kinds import Kind

CAPTION = "{caption}"
CLAIM = "{claim}"
QUOTED = f"“{CAPTION}”"
OTHERWISE = "*"
"""In `category_questions`: every category that has no entry of its own."""
NO_SCREENING = "none: every rater's answers are kept"

MOST_QUESTIONS = 12
MOST_SETS = 8
MOST_SET_SIZE = 64
MOST_RATERS = 10_000

PromptShown = Literal["shown", "hidden"]
Reference = Literal["none", "beside", "apart", "guide"]
Combinations = Literal["every", "balanced"]
Panels = Literal["category", "all"]
ControlKind = Literal["known", "same", "swapped"]
ControlPlace = Literal["among", "first"]


def wording(question: Mapping[str, str]) -> str:
    """The wording of a specification's question as raters read it, with `{caption}` where the prompt goes.

    A study that was locked before questions declared their `caption` has it bare, as its raters have seen it so far.
    """
    return question["text"].replace(CAPTION, question.get("caption", CAPTION))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a trial shows.

    `sets`: image sets side by side, of as many generators: 1, a pair, or up to 8. `prompt`: whether raters see it.
    `reference`, the reference photograph of the prompt: `none`; `beside`: it is one of the sets; `apart`: it has trials
    of its own, as if a generator had made it; `guide`: it is shown with every trial and not rated. `combinations`, of
    the generators on a prompt: `every` one, or a `balanced` choice in which each generator stands equally often.
    """

    sets: int = 2
    prompt: PromptShown = "shown"
    reference: Reference = "none"
    combinations: Combinations = "every"

    def to_dict(self) -> dict[str, object]:
        """What differs from a pair of generators with the prompt shown."""
        changed = ((each.name, getattr(self, each.name), each.default) for each in fields(self))
        return {name: value for name, value, default in changed if value != default}


@dataclass(frozen=True, slots=True)
class Question:
    """A question put to raters about a trial.

    `id`: its name in ratings files (`fidelity`, `alignment`). `text`: its exact wording, in which `{caption}` stands
    for the prompt and `{claim}` for the claim that is asked. `short`: a few words for the headings of tables.
    `answers`: the kind of answer. `caption`: how the prompt is set apart in the wording; without quotation marks its
    own full stop would run into the question's mark.
    """

    id: str
    text: str
    short: str
    answers: Kind
    caption: str = QUOTED

    def as_asked(self, caption: str, claim: str = "") -> str:
        """The wording with the prompt and the claim put in; any other brace is left as it is."""
        # one pass from left to right, so that a prompt that holds "{claim}" stays as it is
        parts = wording({"text": self.text, "caption": self.caption}).split(CLAIM)
        return claim.join(part.replace(CAPTION, caption) for part in parts)

    def translated(self, translate: Callable[[str], str]) -> Question:
        """The same with raters' texts put through `translate`."""
        return replace(self, text=translate(self.text), answers=self.answers.translated(translate))

    def to_dict(self, *, shared: bool) -> dict[str, object]:
        """The question as JSON has it; without its answers where they are `shared` by all."""
        declared: dict[str, object] = {"id": self.id, "text": self.text, "short": self.short, "caption": self.caption}
        return declared if shared else {**declared, "kind": self.answers.name, **self.answers.to_dict()}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as one trial asks it. `id`: its name in files; of a claim with the claim's number, `depicts:2`."""

    id: str
    question: Question
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Trials that a rater sees a second time, turned round. `trials`: how many. `apart`: at least so many places on."""

    trials: int
    apart: int


@dataclass(frozen=True, slots=True)
class Controls:
    """Trials whose right answer is known; they count in no result.

    `trials`: in each rater's session. `least_right`: the share of right answers from which a rater is kept, 0 to 1.
    `kind`: `known`: the study brings them; `same`: one set twice, `indifferent` is right; `swapped`: images of another
    prompt, which must lose. `place`: `among` the trials, or `first`, as a qualification.
    """

    trials: int
    least_right: float
    kind: ControlKind = "known"
    place: ControlPlace = "among"

    @property
    def rule(self) -> str:
        """The screening rule in words."""
        n = f"{self.trials} control trial{'s' if self.trials > 1 else ''}"
        if self.least_right == 1:
            return f"raters are kept who answer all of {n} right"
        return f"raters are kept who answer at least {self.least_right * 100:g} % of {n} right"

    def keeps(self, right: int, answered: int) -> bool:
        """Whether a rater is kept with `right` of `answered` control answers."""
        return is_kept(right, answered, self.least_right)
