"""The example of the instructions: its drawings, its questions, and what each of them means."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext

from evaluation.protocols import CAPTION, Protocol, Question
from evaluation.protocols.kinds import Choice, Claim, Points, Ranking, Reasons, Scale, Text, Words
from evaluation.views.rater.language import page_language
from evaluation.views.rater.texts import ShownWords, joined

ANSWER = "{answer}"


@dataclass(frozen=True, slots=True)
class Explained:
    """A question of the example with what it means: `before`, one of its answers, `after`."""

    text: str
    before: str
    answer: str = ""
    after: str = ""


def example_caption(protocol: Protocol) -> str:
    """The text of the example, in the language of the questions that repeat it."""
    with translation.override(page_language(protocol.language)):
        return gettext("a red ball on top of a blue box")


def _example_claim(protocol: Protocol) -> str:
    with translation.override(page_language(protocol.language)):
        return gettext("Is the ball red?")


def explained(question: Question, protocol: Protocol, words: ShownWords) -> Explained:
    """The question as the example asks it, explained by its kind."""
    text = question.as_asked(example_caption(protocol), _example_claim(protocol))
    kind = question.answers
    if isinstance(kind, Choice) and kind.preference:
        return _preference(text, question, protocol, words)
    if isinstance(kind, Scale) and kind.unable:
        told = gettext("Choose the answer that fits best. If you can't judge it, choose {answer}.")
        return _with_answer(text, told, kind.unable)
    if isinstance(kind, Claim):
        told = gettext("You are asked several such questions about an image. Here you would answer {answer}.")
        return _with_answer(text, told, kind.yes)
    if isinstance(kind, Words):
        return _with_answer(text, gettext("Select each such word. If there is none, select {answer}."), kind.none)
    return Explained(text, _plain(kind, words))


def _plain(kind: object, words: ShownWords) -> str:
    if isinstance(kind, Ranking) and kind.order == "best-worst":
        return gettext("Choose the best one and the worst one. The others are taken to be between them.")
    if isinstance(kind, Ranking):
        order = (
            gettext("Select the sets one after another, the best first.")
            if words.sets == "sets"
            else gettext("Select the images one after another, the best first.")
        )
        return joined([order, gettext("Several can share a rank.") if kind.ties else ""])
    if isinstance(kind, Points):
        return gettext("Click or tap the places in the image. Without a point you say that there is none.")
    if isinstance(kind, Reasons):
        return gettext("Choose all that apply, or none.")
    if isinstance(kind, Text) and kind.required:
        return gettext("Use your own words.")
    if isinstance(kind, Text):
        return gettext("Use your own words, or leave it empty.")
    return gettext("Choose the answer that fits best.")


def _with_answer(text: str, told: str, answer: str) -> Explained:
    """`told` with the answer, which is the protocol's, at its place."""
    before, _, after = told.partition(ANSWER)
    return Explained(text, before, answer, after)


def _preference(text: str, question: Question, protocol: Protocol, words: ShownWords) -> Explained:
    kind = question.answers
    assert isinstance(kind, Choice)
    answers = {answer.choice: answer.text for answer in kind.answers}
    indifferent = answers.get("indifferent")
    if CAPTION in question.text:
        about = gettext("This is about how well the images show what the text says.")
        if words.sets == "sets":
            told = gettext(
                "{name}: the ball lies beside the box, or the colours are swapped, so you would answer {answer}."
            )
        else:
            told = gettext("{name}: the ball lies beside the box, so you would answer {answer}.")
        return _with_answer(text, f"{about} {told.replace('{name}', words.named(1))}", answers["left"])
    if indifferent is None:
        return Explained(text, gettext("This is about how the images look. Choose one even if both look alike to you."))
    if protocol.shown.prompt == "hidden":
        told = gettext("This is about how the images look. If you see no difference, you could answer {answer}.")
    elif words.sets == "sets":
        told = gettext(
            "This is about how good the images look, whatever the text says. Here both sets are drawn equally well, so "
            "you could answer {answer}, which means no preference."
        )
    else:
        told = gettext(
            "This is about how good the images look, whatever the text says. Here both images are drawn equally well, "
            "so you could answer {answer}, which means no preference."
        )
    return _with_answer(text, told, indifferent)


def examples(words: ShownWords) -> list[dict[str, str]]:
    """The drawings of the instructions, from the left: `name` (none of a single one), `file`, `alt`."""
    if words.sets == "sets" and words.n_sets == 2:
        alts = (
            gettext("Four drawings: in each, a red ball lies on top of a blue box."),
            gettext("Four drawings, just as neat: the ball lies beside the box, or the ball is blue and the box red."),
        )
        return [
            {"name": words.named(at), "file": f"evaluation/rater/example-{'ab'[at]}.svg", "alt": alt}
            for at, alt in enumerate(alts)
        ]
    shown = (
        gettext("A red ball lies on top of a blue box."),
        gettext("A red ball lies beside a blue box."),
        gettext("A red ball lies on top of a blue box, in another light."),
        gettext("A blue ball lies on top of a red box."),
    )
    return [
        {
            "name": words.named(at) if words.n_sets > 1 else "",
            "file": f"evaluation/rater/example-{at + 1}.svg",
            "alt": alt,
        }
        for at, alt in enumerate(shown[: words.n_sets])
    ]
