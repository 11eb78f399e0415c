"""What a declaration must keep beyond its form, with the place of each fault: one list for files and for our own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from common.words import nearest
from evaluation.protocols.contract import Protocol
from evaluation.protocols.errors import Path, listed
from evaluation.protocols.kinds import Choice, Claim
from evaluation.protocols.kinds.base import ID, ID_RULE, Fault
from evaluation.protocols.kinds.text import printable
from evaluation.protocols.parts import (
    CAPTION,
    CLAIM,
    MOST_QUESTIONS,
    MOST_RATERS,
    MOST_SET_SIZE,
    MOST_SETS,
    OTHERWISE,
    Question,
)

MOST_CHARACTERS = 2_000
"""Of a text."""
MOST_NAME = 60
MOST_TRIALS = 10_000
MOST_LANGUAGES = 40

_PLACEHOLDER = re.compile(r"\{[^{}\s]{0,40}\}")
LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def faults(protocol: Protocol) -> Iterator[Fault]:
    """Everything that is wrong with `protocol`, the most telling first: (path, what is wrong and what is allowed)."""
    yield from _names(protocol)
    yield from _numbers(protocol)
    if not protocol.questions:
        yield ("questions",), "a protocol asks at least one question"
    for at, question in enumerate(protocol.questions):
        for path, reason in _question(question, protocol):
            yield ("questions", at, *path), reason
    yield from _sessions(protocol)
    yield from _categories(protocol)
    yield from _translations(protocol)


def _names(protocol: Protocol) -> Iterator[Fault]:
    if not ID.fullmatch(protocol.name[:40]) or not re.fullmatch(r"[a-z0-9_-]+", protocol.name):
        yield ("name",), f'"{protocol.name}" can\'t be the name of a protocol; use {ID_RULE}'
    elif len(protocol.name) > MOST_NAME:
        yield ("name",), f"the name has {len(protocol.name)} characters; at most {MOST_NAME} are allowed"
    if protocol.based_on == protocol.name:
        yield ("based_on",), "a protocol that departs from another needs a name of its own"
    texts = {"title": protocol.title, "source": protocol.source, "screening": protocol.screening}
    texts |= {"version": protocol.version, "instructions": protocol.instructions}
    for name, text in texts.items():
        yield from _text((name,), text, empty=name == "instructions")
    for key, text in protocol.left_open.items():
        yield from _text(("left_open", key), text)
        yield from _text(("left_open", key), key)


def _text(path: Path, text: str, *, empty: bool = False) -> Iterator[Fault]:
    if not text.strip() and not empty:
        yield path, "the text is empty"
    elif text != text.strip():
        yield path, "white space stands around the text; remove it"
    elif len(text) > MOST_CHARACTERS:
        yield path, f"the text has {len(text):,} characters; at most {MOST_CHARACTERS:,} are allowed"
    elif not printable(text):
        yield path, "the text holds a control character or half of a character; remove it"


def _between(path: Path, value: int, least: int, most: int) -> Iterator[Fault]:
    if not least <= value <= most:
        yield path, f"must be from {least} to {most:,}; it is {value}"


def _numbers(protocol: Protocol) -> Iterator[Fault]:
    yield from _between(("shown", "sets"), protocol.shown.sets, 1, MOST_SETS)
    yield from _between(("set_size",), protocol.set_size, 1, MOST_SET_SIZE)
    yield from _between(("raters_per_panel",), protocol.raters_per_panel, 1, MOST_RATERS)
    if len(protocol.questions) > MOST_QUESTIONS:
        yield ("questions",), f"{len(protocol.questions)} questions can't be; at most {MOST_QUESTIONS} are allowed"
    if protocol.shown.reference == "beside" and protocol.shown.sets < 2:
        yield ("shown", "reference"), "a reference photograph beside the images needs 2 sets or more; set shown.sets"
    if protocol.shown.reference == "apart" and protocol.shown.sets != 1:
        yield ("shown", "reference"), "a reference photograph apart has trials of its own; set shown.sets to 1"
    if protocol.shown.reference in ("beside", "apart") and protocol.set_size != 1:
        yield ("set_size",), "there is one reference photograph a prompt, so a set shows 1 image"


def _question(question: Question, protocol: Protocol) -> Iterator[Fault]:
    if not ID.fullmatch(question.id):
        yield ("id",), f'"{question.id}" can\'t be the id of a question; use {ID_RULE}'
    elif [each.id for each in protocol.questions].count(question.id) > 1:
        yield ("id",), f'two questions have the id "{question.id}"; give each its own'
    for key, text in (("text", question.text), ("short", question.short), ("caption", question.caption)):
        yield from _text((key,), text)
    yield from _placeholders(("text",), question, protocol)
    if CAPTION not in question.caption or _PLACEHOLDER.findall(question.caption) != [CAPTION]:
        yield ("caption",), f"how the prompt is set apart must hold {CAPTION} once"
    for text in question.answers.texts():
        for path, reason in _text((), text):
            yield path, f'{reason}: "{text[:40]}"'
        if found := _PLACEHOLDER.search(text):
            yield (), f"placeholders stand in the text of a question alone; {found.group()} stands in an answer"
    yield from question.answers.faults(protocol.shown.sets, protocol.set_size)


def _placeholders(path: Path, question: Question, protocol: Protocol) -> Iterator[Fault]:
    asks_claims = isinstance(question.answers, Claim)
    allowed = [CAPTION] if protocol.shown.prompt == "shown" else []
    allowed += [CLAIM] if asks_claims else []
    for each in _PLACEHOLDER.findall(question.text):
        if each == CAPTION and each not in allowed:
            yield path, f"{CAPTION} would show the prompt, and shown.prompt is hidden"
        elif each == CLAIM and each not in allowed:
            yield path, f"{CLAIM} stands in questions of kind claim alone"
        elif each not in allowed:
            hint = nearest(each, [CAPTION, CLAIM]) or "."
            yield path, f"there is no placeholder {each}{hint} Allowed here: {listed(allowed)}"
    if asks_claims and CLAIM not in question.text:
        yield path, f"a question of kind claim asks each claim; its text must hold {CLAIM}"
    if question.answers.name == "words" and protocol.shown.prompt == "hidden":
        yield ("kind",), "words are marked in the prompt, and shown.prompt is hidden"


def _sessions(protocol: Protocol) -> Iterator[Fault]:
    """Batches, repeats and controls."""
    if protocol.batch is not None:
        yield from _between(("batch",), protocol.batch, 1, MOST_TRIALS)
    if (repeats := protocol.repeats) is not None:
        yield from _between(("repeats", "trials"), repeats.trials, 1, MOST_TRIALS)
        yield from _between(("repeats", "apart"), repeats.apart, 1, MOST_TRIALS)
        if protocol.batch is not None and repeats.apart + repeats.trials - 1 > protocol.batch:
            needed = f"a batch of {repeats.apart + repeats.trials - 1} trials or more; it has {protocol.batch}"
            yield ("repeats",), f"{repeats.trials} repeats at least {repeats.apart} places apart need {needed}"
    if (controls := protocol.controls) is None:
        return
    yield from _between(("controls", "trials"), controls.trials, 1, MOST_TRIALS)
    if not 0 < controls.least_right <= 1:
        yield (
            ("controls", "least_right"),
            f"must be a share over 0 and up to 1, as 0.8 is; it is {controls.least_right:g}",
        )
    kinds = [question.answers for question in protocol.questions]
    indifferent = any(isinstance(kind, Choice) and "indifferent" in kind.ids for kind in kinds)
    if controls.kind == "same" and not indifferent:
        yield (
            ("controls", "kind"),
            "one set shown twice asks for a pair and the answer indifferent; no question has it",
        )
    if controls.kind == "swapped" and protocol.shown.prompt == "hidden":
        yield ("controls", "kind"), "swapped images are told by the prompt, and shown.prompt is hidden"


def _categories(protocol: Protocol) -> Iterator[Fault]:
    ids = [question.id for question in protocol.questions]
    for category, chosen in protocol.category_questions.items():
        path: Path = ("category_questions", category)
        if not chosen:
            yield path, f'the category "{category}" asks nothing; name one question or more'
        for at, each in enumerate(chosen):
            if each not in ids:
                hint = nearest(each, ids) or "."
                yield (*path, at), f'there is no question "{each}"{hint} Questions: {listed(ids)}'
            elif each in chosen[:at]:
                yield (*path, at), f'the question "{each}" stands twice'
    if protocol.category_questions and OTHERWISE in protocol.category_questions:
        named = {each for chosen in protocol.category_questions.values() for each in chosen}
        for at, each in enumerate(ids):
            if each not in named:
                yield ("questions", at), f'no category asks the question "{each}"; name it or leave it out'


def _translations(protocol: Protocol) -> Iterator[Fault]:
    for language in protocol.languages:
        path: Path = ("language",) if language == protocol.language else ("translations", language)
        if not LANGUAGE_TAG.fullmatch(language):
            yield path, f'"{language}" is no language tag; write it as en, de or pt-BR'
    if len(protocol.translations) > MOST_LANGUAGES:
        yield ("translations",), f"at most {MOST_LANGUAGES} languages are allowed"
    if protocol.language in protocol.translations:
        yield ("translations", protocol.language), "this is the language that the texts are in already"
    texts = list(protocol.texts())
    for language, words in protocol.translations.items():
        for text, translation in words.items():
            path = ("translations", language, text)
            if text not in texts:
                hint = nearest(text, texts) or "."
                yield (
                    path,
                    f'the protocol has no text "{text[:60]}"{hint} Keys are its texts, as they stand',
                )
                continue
            yield from _text(path, translation)
            held = _PLACEHOLDER.findall(text)
            if sorted(held) != sorted(_PLACEHOLDER.findall(translation)):
                yield path, f"the translation must hold the same placeholders as the text: {listed(held)}"
        for text in texts:
            if text not in words:
                yield ("translations", language), f'{language} lacks a translation of "{text[:60]}"'
