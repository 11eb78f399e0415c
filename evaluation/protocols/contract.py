"""What a protocol declares: questions, answers, panels, sets, screening, and the choices its source leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

CAPTION = "{caption}"
QUOTED = f"“{CAPTION}”"


def wording(question: Mapping[str, str]) -> str:
    """The wording of a specification's question as raters read it, with `{caption}` where the prompt goes.

    A study that was locked before questions declared their `caption` has it bare, as its raters have seen it so far.
    """
    return question["text"].replace(CAPTION, question.get("caption", CAPTION))


@dataclass(frozen=True, slots=True)
class Question:
    """A question put to raters about the two sets of a trial.

    `id`: its name in ratings files (`fidelity`, `alignment`). `text`: its exact wording, in which `{caption}` stands
    for the prompt. `short`: a few words for the headings of tables. `caption`: how the prompt is set apart in the
    wording; without quotation marks its own full stop would run into the question's mark.
    """

    id: str
    text: str
    short: str
    caption: str = QUOTED

    def as_asked(self, caption: str) -> str:
        """The wording with the prompt put in; any other brace is left as it is."""
        return wording(asdict(self)).replace(CAPTION, caption)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as raters see it. `choice`: `left`, `indifferent` or `right`, as ratings store it."""

    choice: Literal["left", "indifferent", "right"]
    text: str


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to ask people, whole enough that a study declared by it can be run again.

    `set_size`: samples of a run that are shown together for one prompt. `panels`: `category` for a panel of raters of
    its own per category, `all` for one panel over all prompts. `raters_per_panel`: people, each rating every trial of
    the panel. `screening`: the rule by which raters' answers are kept. `source`: where the protocol stands.
    `left_open`: what the source does not say, mapped to what is done here; a study's specification repeats it.
    """

    name: str
    title: str
    source: str
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    set_size: int
    panels: Literal["category", "all"]
    raters_per_panel: int
    screening: str
    left_open: dict[str, str] = field(default_factory=dict)

    @property
    def choices(self) -> tuple[str, ...]:
        """The choices as ratings store them, in the order shown."""
        return tuple(answer.choice for answer in self.answers)

    def question(self, question_id: str) -> Question:
        """The question with this id. Raises KeyError with the ids that there are."""
        for question in self.questions:
            if question.id == question_id:
                return question
        raise KeyError(f"{self.name} has no question {question_id!r}, only {[q.id for q in self.questions]}")

    def specification(self) -> dict[str, object]:
        """The whole declaration as JSON has it, for the specification of a study."""
        declared = asdict(self)
        declared["questions"] = [asdict(question) for question in self.questions]
        declared["answers"] = [asdict(answer) for answer in self.answers]
        return declared
