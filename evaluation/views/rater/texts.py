"""What raters read around the questions: what they are shown, an example that fits it, which key does what.

It follows what a protocol shows and which kinds of answers it takes, never its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evaluation.protocols import CAPTION, Protocol, Question
from evaluation.protocols.kinds import Choice, Claim, Points, Ranking, Reasons, Scale, Text, Words

EXAMPLE_CAPTION = "a red ball on top of a blue box"
EXAMPLE_CLAIM = "Is the ball red?"
EXAMPLES = (
    "A red ball lies on top of a blue box.",
    "A red ball lies beside a blue box.",
    "A red ball lies on top of a blue box, in another light.",
    "A blue ball lies on top of a red box.",
)
"""What `example-1.svg` and those after it show."""
NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight")
FEW_QUESTIONS = 3
"""From here on, and where each claim is asked, the pages speak of all questions."""


@dataclass(frozen=True, slots=True)
class ShownWords:
    """What is shown, in words.

    `trial`, `trials`: what one is called, and several. `noun`: the same on the page's counter. `set`: what each set is
    called before its letter; `sets`: several of them. `n_sets`: rated ones. `all_shown`: those and the photograph that
    is not rated. `images`: of a set. `questions`: 1, 2, or 3 for more. `stepped`: whether the rater says when an answer
    is done, as with marked words. `pointed`: whether places in the image are pointed at.
    """

    trial: str
    trials: str
    noun: str
    set: str
    sets: str
    n_sets: int
    all_shown: int
    images: int
    questions: int
    stepped: bool
    pointed: bool

    @property
    def whole(self) -> str:
        """All that is looked at before an answer."""
        if self.n_sets == 1:
            return "it" if self.images == 1 else "them"
        return f"{'both' if self.n_sets == 2 else 'all'} {self.sets}"

    @property
    def asked(self) -> str:
        """How many questions there are."""
        return {1: "1 question", 2: "2 questions"}.get(self.questions, "the questions")


def shown_words(protocol: Protocol, set_size: int) -> ShownWords:
    """The words for what a trial of `protocol` shows, with `set_size` images in a set."""
    n = protocol.shown.sets
    of_sets = protocol.set_size > 1  # what its wordings speak of, whatever a study has
    trial = "comparison" if n > 1 else "set of images" if of_sets else "image"
    asked = len(protocol.questions)
    if any(isinstance(each.answers, Claim) for each in protocol.questions):
        asked = FEW_QUESTIONS
    return ShownWords(
        trial=trial,
        trials="sets of images" if trial == "set of images" else f"{trial}s",
        noun="Set" if trial == "set of images" else trial.capitalize(),
        set="Set" if of_sets else "Image",
        sets="sets" if of_sets else "images",
        n_sets=n,
        all_shown=n + (protocol.shown.reference == "guide"),
        images=set_size,
        questions=min(asked, FEW_QUESTIONS),
        stepped=any(isinstance(each.answers, Words | Points | Reasons | Text) for each in protocol.questions),
        pointed=any(isinstance(each.answers, Points) for each in protocol.questions),
    )


def consent_heading(protocol: Protocol) -> str:
    """What the page of consent asks."""
    kinds = [each.answers for each in protocol.questions]
    if any(isinstance(kind, Ranking) or (isinstance(kind, Choice) and kind.preference) for kind in kinds):
        return "Which images do you prefer?"
    return "What do you think of these images?"


def what_is_seen(protocol: Protocol, words: ShownWords) -> str:
    """The first sentences of the instructions."""
    of_sets = words.sets == "sets"
    if words.n_sets == 1:
        seen = "a set of images" if of_sets else "an image"
    else:
        seen = f"{NUMBERS[words.n_sets]} {'sets of images' if of_sets else 'images'}"
    made = " made from it" if protocol.shown.reference in ("none", "guide") else ""
    with_text = f"You see a text and {seen}{made}." if protocol.shown.prompt == "shown" else f"You see {seen}."
    guide = " A reference photograph beside it shows what is meant; you don't rate the photograph."
    then = f" Look at {words.whole}, then answer {words.asked}."
    return with_text + (guide if words.all_shown > words.n_sets else "") + then


@dataclass(frozen=True, slots=True)
class Explained:
    """A question of the example with what it means: `before`, one of its answers, `after`."""

    text: str
    before: str
    answer: str = ""
    after: str = ""


def explained(question: Question, protocol: Protocol, words: ShownWords) -> Explained:
    """The question as the example asks it, explained by its kind."""
    text = question.as_asked(EXAMPLE_CAPTION, EXAMPLE_CLAIM)
    kind = question.answers
    if isinstance(kind, Choice) and kind.preference:
        return Explained(text, *_preference(question, kind, protocol, words))
    if isinstance(kind, Scale) and kind.unable:
        return Explained(text, "Choose the answer that fits best. If you can't judge it, choose ", kind.unable, ".")
    if isinstance(kind, Claim):
        return Explained(
            text, "You are asked several such questions about an image. Here you would answer ", kind.yes, "."
        )
    if isinstance(kind, Words):
        return Explained(text, "Select each such word. If there is none, select ", kind.none, ".")
    if isinstance(kind, Ranking) and kind.order == "best-worst":
        return Explained(text, "Choose the best one and the worst one. The others are taken to be between them.")
    if isinstance(kind, Ranking):
        ties = " Several can share a rank." if kind.ties else ""
        return Explained(text, f"Select the {words.sets} one after another, the best first.{ties}")
    if isinstance(kind, Points):
        return Explained(text, "Click or tap the places in the image. Without a point you say that there is none.")
    if isinstance(kind, Reasons):
        return Explained(text, "Choose all that apply, or none.")
    if isinstance(kind, Text):
        return Explained(text, "Use your own words." if kind.required else "Use your own words, or leave it empty.")
    return Explained(text, "Choose the answer that fits best.")


def _preference(question: Question, kind: Choice, protocol: Protocol, words: ShownWords) -> tuple[str, str, str]:
    texts = {answer.choice: answer.text for answer in kind.answers}
    one = words.set.lower()
    if CAPTION in question.text:
        wrong = "the ball lies beside the box" + (", or the colours are swapped" if words.sets == "sets" else "")
        about = f"This is about how well the images show what the text says. In {one} B {wrong}, so you would answer "
        return about, texts["left"], "."
    indifferent = texts.get("indifferent")
    if indifferent is None:
        return "This is about how the images look. Choose one even if both look alike to you.", "", ""
    if protocol.shown.prompt == "hidden":
        return "This is about how the images look. If you see no difference, you could answer ", indifferent, "."
    about = f"This is about how good the images look, whatever the text says. Here both {words.sets} are drawn equally "
    return f"{about}well, so you could answer ", indifferent, ", which means no preference."


def examples(words: ShownWords) -> list[dict[str, str]]:
    """The drawings of the instructions, from the left: `name` (none of a single one), `file`, `alt`."""
    if words.sets == "sets" and words.n_sets == 2:
        right = "Four drawings: in each, a red ball lies on top of a blue box."
        wrong = "Four drawings, just as neat: the ball lies beside the box, or the ball is blue and the box red."
        return [
            {"name": "Set A", "file": "evaluation/rater/example-a.svg", "alt": right},
            {"name": "Set B", "file": "evaluation/rater/example-b.svg", "alt": wrong},
        ]
    return [
        {
            "name": f"{words.set} {'ABCD'[at]}" if words.n_sets > 1 else "",
            "file": f"evaluation/rater/example-{at + 1}.svg",
            "alt": EXAMPLES[at],
        }
        for at in range(min(words.n_sets, len(EXAMPLES)))
    ]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A line of the help: keys and what they do."""

    keys: tuple[str, ...]
    text: str


def key_rows(protocol: Protocol, words: ShownWords) -> Iterator[KeyRow]:
    """What keys do for the kinds of answers that `protocol` takes, each line once."""
    yield from dict.fromkeys(row for question in protocol.questions for row in _rows(question, protocol, words))
    if len(protocol.questions) > 1 or words.questions == FEW_QUESTIONS:
        yield KeyRow(("↑", "↓"), "Go to the question above or below")


def _rows(question: Question, protocol: Protocol, words: ShownWords) -> Iterator[KeyRow]:
    kind = question.answers
    if protocol.answers:
        told = [f"{each.text}{' (no preference)' * (each.choice == 'indifferent')}" for each in protocol.answers]
        keys = tuple("1234567890-"[: len(told)])
        yield KeyRow(keys, f"Answer the highlighted question: {', '.join(told)}")
    elif isinstance(kind, Words):
        yield KeyRow(("←", "→", "Space", "0"), f"Move from word to word, mark one; “{kind.none}”")
    elif isinstance(kind, Points):
        yield KeyRow(
            ("←", "→", "↑", "↓", "Space", "Del"), "Move the cross on the image, place a point, remove the last"
        )
    elif isinstance(kind, Text):
        yield KeyRow(("Ctrl Enter", "Esc"), "End your comment, or leave its field")
    elif isinstance(kind, Ranking) and kind.order == "whole":
        yield KeyRow(("1", "2", "…"), f"Rank the {words.sets} A, B and so on, the best first")
        if kind.ties:
            yield KeyRow(("=", "T"), "Tie the one that you select next with the last one")
    elif isinstance(kind, Ranking):
        yield KeyRow(("1", "2", "…"), f"Choose {words.set.lower()} A, B and so on: first the best, then the worst")
    else:
        yield KeyRow(("1", "2", "…"), "Answer the highlighted question by the number beside the answer")
