"""What raters read around the questions: what they are shown, what is asked of them, which key does what.

It follows what a protocol shows and which kinds of answers it takes, never its name. Each text is whole, so that it can
be said in another language; `explained` has the example's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext, gettext_noop, ngettext, pgettext

from evaluation.models import Refusal
from evaluation.protocols import Protocol, Question
from evaluation.protocols.kinds import Choice, Claim, Points, Ranking, Reasons, Text, Words
from evaluation.services.studies.specify import consent_text
from evaluation.views.rater.language import page_language

FEW_QUESTIONS = 3
"""From here on, and where each claim is asked, the pages speak of all questions."""

WARNING = gettext_noop(
    "Some images may show nudity, violence or other things that you may not want to see. They are blurred until you "
    "uncover them, and you can skip any of them."
)
"""As `evaluation.services.studies.care` has it."""

CONSENT = (
    gettext_noop("You look at images that computer programs made from short texts, and say which you prefer."),
    gettext_noop("You look at images and answer questions about them."),
    gettext_noop(
        "Taking part is voluntary. You can stop at any time without giving a reason. If you leave the study, your "
        "answers are not used."
    ),
    gettext_noop(
        "We keep your answers, the time that each one took, how large your screen showed the images, and your ID from "
        "the recruitment site, if any; never your name or email. The answers are analysed and may be published, "
        "without anything that identifies you."
    ),
)
"""The paragraphs of the consent that studies have unless they bring their own, to be translated."""


@dataclass(frozen=True, slots=True)
class ShownWords:
    """What is shown, in words.

    `trial`: what one is, `comparison`, `set of images` or `image`. `set`: what each set is called before its letter, in
    the language of the questions, whose answers name it so; `sets`: `sets` or `images`. `n_sets`: rated ones.
    `all_shown`: those and the photograph that is not rated. `images`: of a set. `questions`: 1, 2, or 3 for more.
    `stepped`: whether the rater says when an answer is done, as with marked words. `pointed`: whether places in the
    image are pointed at.
    """

    trial: str
    set: str
    sets: str
    n_sets: int
    all_shown: int
    images: int
    questions: int
    stepped: bool
    pointed: bool

    def named(self, place: int) -> str:
        """What the set at a place from the left is called."""
        return f"{self.set} {'ABCDEFGH'[place]}"


def shown_words(protocol: Protocol, set_size: int) -> ShownWords:
    """The words for what a trial of `protocol` shows, with `set_size` images in a set."""
    n = protocol.shown.sets
    of_sets = protocol.set_size > 1  # what its wordings speak of, whatever a study has
    asked = len(protocol.questions)
    if any(isinstance(each.answers, Claim) for each in protocol.questions):
        asked = FEW_QUESTIONS
    with translation.override(page_language(protocol.language)):
        name = pgettext("before a letter", "Set") if of_sets else pgettext("before a letter", "Image")
    return ShownWords(
        trial="comparison" if n > 1 else "set of images" if of_sets else "image",
        set=name,
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
        return gettext("Which images do you prefer?")
    return gettext("What do you think of these images?")


def consent_paragraphs(text: str, protocol: Protocol) -> list[str]:
    """A study's consent, translated where it is ours; what researchers wrote stays as they wrote it."""
    told = paragraphs(text)
    return [gettext(each) for each in told] if told == paragraphs(consent_text(protocol)) else told


def warning_paragraphs(text: str) -> list[str]:
    """A study's content warning, translated where it is ours."""
    return [gettext(WARNING)] if text == WARNING else paragraphs(text)


def refusal_choices() -> list[tuple[str, str]]:
    """Why a rater would rather not rate a trial: what is stored, and what is read."""
    told = {
        Refusal.SEXUAL: gettext("Sexual content"),
        Refusal.VIOLENT: gettext("Violence"),
        Refusal.HATEFUL: gettext("Hate or insult"),
        Refusal.OTHER: gettext("Something else"),
        Refusal.UNSAID: gettext("No reason"),
    }
    return [(str(value), text) for value, text in told.items()]


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, between which empty lines stand."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def what_you_do(trials: int, words: ShownWords) -> str:
    """How much is asked of a rater."""
    if words.trial == "comparison":
        told = ngettext("up to {n} comparison", "up to {n} comparisons", trials)
    elif words.trial == "image":
        told = ngettext("up to {n} image", "up to {n} images", trials)
    else:
        told = ngettext("up to {n} set of images", "up to {n} sets of images", trials)
    if words.questions == FEW_QUESTIONS:
        each = gettext("several questions each")
    else:
        each = ngettext("{n} question each", "{n} questions each", words.questions).format(n=words.questions)
    return f"{told.format(n=trials)}, {each}"


def minutes_text(minutes: int) -> str:
    """How long it takes."""
    told = ngettext(
        "about {n} minute; you can pause and continue later",
        "about {n} minutes; you can pause and continue later",
        minutes,
    )
    return told.format(n=minutes)


def begin_text(trials: int, words: ShownWords) -> str:
    """The button with which the trials begin."""
    if words.trial == "comparison":
        told = ngettext("Begin ({n} comparison)", "Begin ({n} comparisons)", trials)
    elif words.trial == "image":
        told = ngettext("Begin ({n} image)", "Begin ({n} images)", trials)
    else:
        told = ngettext("Begin ({n} set of images)", "Begin ({n} sets of images)", trials)
    return told.format(n=trials)


def what_is_seen(protocol: Protocol, words: ShownWords) -> str:
    """The first sentences of the instructions."""
    told = [_seen(protocol, words)]
    if words.all_shown > words.n_sets:
        told.append(gettext("A reference photograph beside it shows what is meant; you don't rate the photograph."))
    asked = {
        1: pgettext("answer", "1 question"),
        2: pgettext("answer", "2 questions"),
        FEW_QUESTIONS: pgettext("answer", "the questions"),
    }[words.questions]
    told.append(gettext("Look at {what}, then answer {asked}.").format(what=whole(words), asked=asked))
    return " ".join(told)


def whole(words: ShownWords) -> str:
    """All that is looked at before an answer."""
    if words.n_sets == 1:
        return pgettext("look at", "it") if words.images == 1 else pgettext("look at", "them")
    if words.sets == "sets":
        return pgettext("look at", "both sets") if words.n_sets == 2 else pgettext("look at", "all sets")
    return pgettext("look at", "both images") if words.n_sets == 2 else pgettext("look at", "all images")


def _seen(protocol: Protocol, words: ShownWords) -> str:
    of_sets, n = words.sets == "sets", words.n_sets
    if protocol.shown.prompt == "shown" and protocol.shown.reference in ("none", "guide"):
        if n == 1 and of_sets:
            return gettext("You see a text and a set of images made from it.")
        if n == 1:
            return gettext("You see a text and an image made from it.")
        if of_sets:
            told = ngettext(
                "You see a text and {n} set of images made from it.",
                "You see a text and {n} sets of images made from it.",
                n,
            )
        else:
            told = ngettext(
                "You see a text and {n} image made from it.", "You see a text and {n} images made from it.", n
            )
        return told.format(n=n)
    what = _what(n, of_sets=of_sets)
    if protocol.shown.prompt == "shown":
        return gettext("You see a text and {what}.").format(what=what)
    return gettext("You see {what}.").format(what=what)


def _what(n: int, *, of_sets: bool) -> str:
    if n == 1:
        return pgettext("you see", "a set of images") if of_sets else pgettext("you see", "an image")
    if of_sets:
        return ngettext("{n} set of images", "{n} sets of images", n).format(n=n)
    return ngettext("{n} image", "{n} images", n).format(n=n)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A line of the help: keys and what they do."""

    keys: tuple[str, ...]
    text: str


def key_rows(protocol: Protocol, words: ShownWords) -> Iterator[KeyRow]:
    """What keys do for the kinds of answers that `protocol` takes, each line once."""
    yield from dict.fromkeys(row for question in protocol.questions for row in _rows(question, protocol, words))
    if len(protocol.questions) > 1 or words.questions == FEW_QUESTIONS:
        yield KeyRow(("↑", "↓"), gettext("Go to the question above or below"))


def _rows(question: Question, protocol: Protocol, words: ShownWords) -> Iterator[KeyRow]:
    kind = question.answers
    of_sets = words.sets == "sets"
    space = pgettext("key", "Space")
    if protocol.answers:
        listed = [_answer(each.choice, each.text) for each in protocol.answers]
        told = gettext("Answer the highlighted question: {answers}").format(answers=", ".join(listed))
        yield KeyRow(tuple("1234567890-"[: len(listed)]), told)
    elif isinstance(kind, Words):
        told = gettext("Move from word to word, mark one; “{none}”").format(none=kind.none)
        yield KeyRow(("←", "→", space, "0"), told)
    elif isinstance(kind, Points):
        told = gettext("Move the cross on the image, place a point, remove the last")
        yield KeyRow(("←", "→", "↑", "↓", space, pgettext("key", "Del")), told)
    elif isinstance(kind, Text):
        done = joined([pgettext("key", "Ctrl"), pgettext("key", "Enter")])
        keys = (done, pgettext("key", "Esc"))
        yield KeyRow(keys, gettext("End your comment, or leave its field"))
    elif isinstance(kind, Ranking) and kind.order == "whole":
        order = (
            gettext("Rank the sets A, B and so on, the best first")
            if of_sets
            else gettext("Rank the images A, B and so on, the best first")
        )
        yield KeyRow(("1", "2", "…"), order)
        if kind.ties:
            yield KeyRow(("=", "T"), gettext("Tie the one that you select next with the last one"))
    elif isinstance(kind, Ranking):
        ends = (
            gettext("Choose set A, B and so on: first the best, then the worst")
            if of_sets
            else gettext("Choose image A, B and so on: first the best, then the worst")
        )
        yield KeyRow(("1", "2", "…"), ends)
    else:
        yield KeyRow(("1", "2", "…"), gettext("Answer the highlighted question by the number beside the answer"))


def _answer(choice: str, text: str) -> str:
    return gettext("{answer} (no preference)").format(answer=text) if choice == "indifferent" else text


def joined(texts: Sequence[str]) -> str:
    """Texts, one after another; empty ones are left out."""
    return " ".join(text for text in texts if text)
