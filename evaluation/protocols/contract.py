"""What a protocol declares, whole: what is shown, questions and answers, panels, controls, and the choices its source
leaves open.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from evaluation.analysis.sequential import StoppingRule
from evaluation.protocols.control_plan import ControlPlan
from evaluation.protocols.kinds import Answer, Choice, Claim
from evaluation.protocols.kinds.choice import write_answers
from evaluation.protocols.parts import NO_SCREENING, OTHERWISE, Asked, Controls, Panels, Question, Repeats, Shown


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to ask people, whole enough that a study declared by it can be run again.

    `set_size`: samples of a run that are shown together for one prompt. `panels`: `category` for a panel of raters of
    its own per category, `all` for one panel over all prompts. `raters_per_panel`: people who rate each trial of the
    panel. `batch`: trials of one rater, at most; a panel's trials are shared out over batches, and each batch is
    rated by `raters_per_panel` people (None: each rater rates every trial of the panel). `screening`: the rule by
    which raters' answers are kept. `source`: where the protocol stands. `left_open`: what the source does not say,
    mapped to what is done here; a study's specification repeats it.

    `category_questions`: the ids of the questions that a category asks, `*` standing for every other category; empty:
    all questions everywhere. `language`: of the texts; `translations`: by further language, each text of raters to its
    translation. `instructions`: what raters read before the first trial. `based_on`: the protocol that this one departs
    from. `added_controls`: control trials of a study's own images, which it has unless it says otherwise.
    """

    name: str
    title: str
    source: str
    questions: tuple[Question, ...]
    set_size: int
    panels: Panels
    raters_per_panel: int
    screening: str = NO_SCREENING
    left_open: Mapping[str, str] = field(default_factory=dict)
    shown: Shown = Shown()
    batch: int | None = None
    repeats: Repeats | None = None
    controls: Controls | None = None
    stopping: StoppingRule | None = None
    category_questions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instructions: str = ""
    language: str = "en"
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    version: str = "1"
    based_on: str = ""
    added_controls: ControlPlan | None = None

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers that all questions share, in the order shown; none where they have their own."""
        first = self.questions[0].answers if self.questions else None
        shared = isinstance(first, Choice) and all(each.answers == first for each in self.questions)
        return first.answers if shared and isinstance(first, Choice) else ()

    @property
    def choices(self) -> tuple[str, ...]:
        """The shared answers' ids as ratings store them, in the order shown."""
        return tuple(answer.choice for answer in self.answers)

    def question(self, question_id: str) -> Question:
        """The question with this id, or of this claim's. Raises KeyError with the ids that there are."""
        wanted = question_id.partition(":")[0]
        for question in self.questions:
            if question.id == wanted:
                return question
        raise KeyError(f"{self.name} has no question {question_id!r}, only {[q.id for q in self.questions]}")

    def asked(self, category: str, claims: Sequence[str] = ()) -> tuple[Asked, ...]:
        """What a trial of a prompt asks, in order. `claims`: the prompt's, for questions that ask each of them."""
        ids = self.category_questions.get(category, self.category_questions.get(OTHERWISE))
        found: list[Asked] = []
        for question in self.questions:
            if ids is not None and question.id not in ids:
                continue
            if isinstance(question.answers, Claim):
                found += [Asked(f"{question.id}:{at}", question, claim) for at, claim in enumerate(claims)]
            else:
                found.append(Asked(question.id, question))
        return tuple(found)

    def texts(self) -> Iterator[str]:
        """Every text that raters read, once, in order."""
        texts = [self.instructions] if self.instructions else []
        for question in self.questions:
            texts += [question.text, *question.answers.texts()]
        return iter(dict.fromkeys(texts))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that raters can read it in, its own first."""
        return (self.language, *self.translations)

    def in_language(self, language: str) -> Protocol:
        """The protocol with raters' texts in one of `languages`. Raises KeyError where it is none of them."""
        if language == self.language:
            return self
        words = self.translations[language]

        def translate(text: str) -> str:
            return words.get(text, text)

        return dataclasses.replace(
            self,
            language=language,
            translations={},
            instructions=translate(self.instructions),
            questions=tuple(question.translated(translate) for question in self.questions),
        )

    def specification(self) -> dict[str, object]:
        """The whole declaration as JSON has it, for the specification of a study; what is at its default is left out,
        and answers that all questions share stand once, as `answers`.

        `evaluation.protocols.read` reads it back, and what studies locked before a field existed.
        """
        shared = self.answers
        declared: dict[str, object] = {"name": self.name, "title": self.title, "source": self.source}
        declared["questions"] = [question.to_dict(shared=bool(shared)) for question in self.questions]
        if shared:
            declared["answers"] = write_answers(shared)
        for name in ("set_size", "panels", "raters_per_panel", "screening"):
            declared[name] = getattr(self, name)
        declared["left_open"] = dict(self.left_open)
        further: dict[str, object] = {
            "shown": self.shown.to_dict(),
            "batch": self.batch,
            "repeats": self.repeats and asdict(self.repeats),
            "controls": self.controls and asdict(self.controls),
            "stopping": self.stopping and asdict(self.stopping),
            "category_questions": {category: list(ids) for category, ids in self.category_questions.items()},
            "instructions": self.instructions,
            "language": self.language if self.language != "en" else "",
            "translations": {language: dict(words) for language, words in self.translations.items()},
            "version": self.version if self.version != "1" else "",
            "based_on": self.based_on,
            "added_controls": self.added_controls and self.added_controls.to_dict(),
        }
        return declared | {name: value for name, value in further.items() if value}
