"""The part of a study's form that words questions of the lab's own: its fields, and the protocol that they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from common import limits
from evaluation import protocols
from evaluation.protocols.checks import MOST_CHARACTERS, MOST_NAME, MOST_TRIALS
from evaluation.protocols.kinds.base import MOST_OPTIONS
from evaluation.protocols.parts import MOST_SET_SIZE
from evaluation.protocols.worded import (
    BASES,
    MOST_WORDED,
    Layout,
    Worded,
    WordedKind,
    WordedQuestion,
    field_of,
    protocol_worded,
)
from evaluation.views.researcher.plain_form import PlainForm

LAYOUTS: list[tuple[Layout, str]] = [
    ("single", "One image"),
    ("pair", "Two images, from two generators"),
    ("sets", "Two sets of images, from two generators"),
]
KINDS: list[tuple[WordedKind | str, str]] = [
    ("", "No question"),
    ("preference", "Which of two is preferred"),
    ("choice", "One of several answers"),
    ("scale", "A scale"),
    ("reasons", "Any of several reasons"),
    ("text", "A comment in the rater's words"),
]
FEWEST_ANSWERS = {
    "preference": (2, 4),
    "choice": (2, MOST_OPTIONS),
    "scale": (2, MOST_OPTIONS),
    "reasons": (1, MOST_OPTIONS),
}
"""How many lines each kind takes, at least and at most."""

MOST_CATEGORIES = 20 * (limits.CATEGORY + 1)
PARTS = {
    "name": "own_name",
    "title": "own_title",
    "layout": "own_layout",
    "batch": "own_batch",
    "set_size": "own_set_size",
    "instructions": "own_instructions",
    "raters": "raters_per_panel",
}
"""Where the form has each part of `Worded`."""


@dataclass(frozen=True, slots=True)
class QuestionFields:
    """The fields of one question, each with its name there. `shown`: whether its part of the page is unfolded."""

    number: int
    fields: tuple[tuple[str, forms.BoundField], ...]
    shown: bool


class OwnQuestionsForm(PlainForm):
    """Fields that word a protocol. They count where `own_chosen` says so."""

    own_name = forms.CharField(
        label="Name of the protocol",
        required=False,
        max_length=MOST_NAME,
        help_text="Small letters, digits, - and _, such as hands-2026. You find it again in this list.",
    )
    own_title = forms.CharField(
        label="Title of the protocol", required=False, max_length=limits.TITLE, help_text="For researchers."
    )
    own_layout = forms.ChoiceField(
        label="A trial shows", required=False, choices=LAYOUTS, initial="pair", widget=forms.RadioSelect
    )
    own_set_size = forms.IntegerField(
        label="Images in a set",
        required=False,
        min_value=1,
        max_value=MOST_SET_SIZE,
        help_text=f"For sets. If empty: {protocols.get(BASES['sets']).set_size}.",
    )
    own_hidden = forms.BooleanField(
        label="Hide the prompt from raters", required=False, help_text="Then no question can hold {caption}."
    )
    own_panels = forms.ChoiceField(
        label="Panels",
        required=False,
        choices=[("all", "One panel rates all prompts"), ("category", "Each category has its own raters")],
    )
    own_batch = forms.IntegerField(
        label="Trials per rater, at most",
        required=False,
        min_value=1,
        max_value=MOST_TRIALS,
        help_text="Trials are shared out over batches, each with its own raters. If empty: 30 of images, all of sets.",
    )
    own_instructions = forms.CharField(
        label="Instructions",
        required=False,
        max_length=MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What raters read before the first trial. If empty: a text of ours.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, MOST_WORDED + 1):
            for name, field in _question_fields(number).items():
                self.fields[f"q{number}_{name}"] = field

    @property
    def own_questions(self) -> list[QuestionFields]:
        """The fields of each question, in order."""
        groups = []
        for number in range(1, MOST_WORDED + 1):
            bound = tuple((name, self[f"q{number}_{name}"]) for name in _question_fields(number))
            filled = any(each.errors or each.value() for _, each in bound)
            groups.append(QuestionFields(number, bound, number == 1 or filled))
        return groups

    @property
    def own_bases(self) -> str:
        """The protocols that such a one departs from, in words."""
        names = list(BASES.values())
        return f"{', '.join(names[:-1])} or {names[-1]}"

    def own_protocol(self) -> protocols.Protocol | None:
        """The protocol that was worded; None where it can't be, with the errors beside their fields."""
        values = self.cleaned_data
        if not values.get("own_name"):
            self.add_error("own_name", "Give the protocol a name: small letters, digits, - and _.")
        numbers = [n for n in range(1, MOST_WORDED + 1) if values.get(f"q{n}_kind") or values.get(f"q{n}_text")]
        if not numbers:
            self.add_error("q1_text", "Word at least one question.")
        questions = [self._question(number) for number in numbers]
        if self.errors:
            return None
        worded = Worded(
            name=values["own_name"],
            title=values["own_title"],
            layout=values["own_layout"] or "pair",
            hidden=values["own_hidden"],
            panels=values["own_panels"] or "all",
            set_size=values["own_set_size"],
            raters=values["raters_per_panel"],
            batch=values["own_batch"],
            instructions=" ".join(values["own_instructions"].split()),
            questions=tuple(questions),
        )
        try:
            return protocol_worded(worded)
        except protocols.ProtocolError as error:
            part, at = field_of(error.path)
            field = PARTS.get(part) if at is None else f"q{numbers[at]}_{part}"
            said = error.reason[:1].upper() + error.reason[1:].rstrip(".") + "."
            self.add_error(field if field in self.fields else None, said)
            return None

    def _question(self, number: int) -> WordedQuestion:
        values = {name: self.cleaned_data.get(f"q{number}_{name}") or "" for name in _question_fields(number)}
        kind: Any = values["kind"]  # of the choices, or what is refused below
        answers = lines_of(values["answers"])
        for name, what in (("kind", "Choose how it is answered."), ("text", "Word the question.")):
            if not values[name] and f"q{number}_{name}" not in self.errors:
                self.add_error(f"q{number}_{name}", what)
        if kind == "preference" and not answers:
            answers = protocols.get(BASES["sets"]).questions[0].answers.texts()
        if kind in FEWEST_ANSWERS and not FEWEST_ANSWERS[kind][0] <= len(answers) <= FEWEST_ANSWERS[kind][1]:
            least, most = FEWEST_ANSWERS[kind]
            self.add_error(f"q{number}_answers", f"Give {least} to {most} lines; there {_are(len(answers))}.")
        return WordedQuestion(
            short=values["short"] or f"Question {number}",
            text=values["text"],
            kind=kind,
            answers=answers if kind in FEWEST_ANSWERS else (),
            unable=values["unable"] if kind == "scale" else "",
            categories=lines_of(values["categories"].replace(";", "\n")),
        )


def own_initial(worded: Worded) -> dict[str, object]:
    """What the fields hold for a protocol that was worded."""
    found: dict[str, object] = {
        "own_name": worded.name,
        "own_title": worded.title,
        "own_layout": worded.layout,
        "own_set_size": worded.set_size,
        "own_hidden": worded.hidden,
        "own_panels": worded.panels,
        "own_batch": worded.batch,
        "own_instructions": worded.instructions,
    }
    for number, each in enumerate(worded.questions, start=1):
        parts: Mapping[str, object] = {
            "short": each.short,
            "text": each.text,
            "kind": each.kind,
            "answers": "\n".join(each.answers),
            "unable": each.unable,
            "categories": "; ".join(each.categories),
        }
        found |= {f"q{number}_{name}": value for name, value in parts.items()}
    return found


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a field that are not empty, each with white space folded."""
    return tuple(" ".join(line.split()) for line in text.splitlines() if line.strip())


def _are(n: int) -> str:
    return "is 1" if n == 1 else f"are {n}"


def _question_fields(number: int) -> dict[str, forms.Field]:
    return {
        "text": forms.CharField(
            label="Question",
            required=False,
            max_length=MOST_CHARACTERS,
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text="As raters read it. {caption} stands for the prompt.",
        ),
        "kind": forms.ChoiceField(label="Answered by", required=False, choices=KINDS),
        "answers": forms.CharField(
            label="Answers",
            required=False,
            max_length=MOST_OPTIONS * (MOST_CHARACTERS + 1),
            widget=forms.Textarea(attrs={"rows": 4}),
            help_text="One in a line. Of two sets: left, no preference, right, and both bad if you like; left and "
            "right alone force a choice. Of a scale: the steps from the lowest, counted from 1, or as 0 = None.",
        ),
        "unable": forms.CharField(
            label="“Can't say”",
            required=False,
            max_length=MOST_CHARACTERS,
            help_text="Of a scale: the text of that answer. If empty: there is none.",
        ),
        "short": forms.CharField(
            label="Short name",
            required=False,
            max_length=40,
            help_text="Heads tables and names it in files, such as Hands.",
        ),
        "categories": forms.CharField(
            label="Only for categories",
            required=False,
            max_length=MOST_CATEGORIES,
            help_text="With semicolons between them. If empty: every category.",
        ),
    }
