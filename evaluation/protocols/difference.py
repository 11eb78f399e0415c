"""In what one protocol departs from another, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from evaluation.protocols.contract import Protocol
from evaluation.protocols.parts import Question

_WORDS = {
    "set_size": "images per set",
    "panels": "panels",
    "raters_per_panel": "raters per trial",
    "batch": "trials per rater",
    "shown": "shown",
    "repeats": "repeats",
    "controls": "control trials",
    "added_controls": "added control trials",
    "stopping": "stopping rule",
    "screening": "screening",
    "instructions": "instructions",
    "language": "language",
    "version": "version",
    "category_questions": "questions by category",
}
"""What a part of the specification is called; names, titles and sources are no departures."""

_NAMES = ("name", "title", "source", "based_on", "questions", "answers", "left_open", "translations")


def departures(base: Protocol, protocol: Protocol) -> tuple[str, ...]:
    """Each departure of `protocol` from `base` as one line; none where raters are asked the same way."""
    return tuple(_Lines(base, protocol).all())


class _Lines:
    """What differs between two protocols, line by line."""

    def __init__(self, base: Protocol, protocol: Protocol) -> None:
        self.base, self.protocol = base, protocol

    def all(self) -> Iterator[str]:
        base, protocol = self.base, self.protocol
        was = base.specification() | {"shown": asdict(base.shown)}
        now = protocol.specification() | {"shown": asdict(protocol.shown)}
        for part in dict.fromkeys((*_WORDS, *was, *now)):
            if part not in _NAMES:
                yield from self._changed(_WORDS.get(part, part), was.get(part), now.get(part))
        yield from self._questions()
        if base.left_open and not protocol.left_open:
            yield f"left open: nothing is declared, where {base.name} declares {', '.join(base.left_open)}"
            base = replace(base, left_open={})
        for key in dict.fromkeys((*base.left_open, *protocol.left_open)):
            yield from self._changed(f"left open, {key}", base.left_open.get(key), protocol.left_open.get(key))
        for language in dict.fromkeys((*base.translations, *protocol.translations)):
            if language not in protocol.translations:
                yield f"translation {language}: left out"
            elif language not in base.translations:
                yield f"translation {language}: added"
            elif base.translations[language] != protocol.translations[language]:
                yield f"translation {language}: worded differently"

    def _questions(self) -> Iterator[str]:
        was = {question.id: question for question in self.base.questions}
        now = {question.id: question for question in self.protocol.questions}
        for each in was:
            if each not in now:
                yield f"question {each}: left out"
        for each, question in now.items():
            if each not in was:
                yield f'question {each}: added, "{question.text}" ({question.answers.name})'
            else:
                yield from self._question(was[each], question)
        kept = [each for each in now if each in was]
        if kept != [each for each in was if each in now]:
            yield f"order of the questions: {', '.join(now)}"

    def _question(self, was: Question, now: Question) -> Iterator[str]:
        before, after = was.to_dict(shared=False), now.to_dict(shared=False)
        for key in dict.fromkeys((*before, *after)):
            name = {"short": "heading", "kind": "kind of answer", "caption": "prompt set apart"}.get(key, key)
            yield from self._changed(f"question {now.id}, {name}", before.get(key), after.get(key))

    def _changed(self, name: str, was: object, now: object) -> Iterator[str]:
        """A line for a changed value; of mappings a line for each key that changed."""
        if was == now:
            return
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            for key in dict.fromkeys((*was, *now)):
                yield from self._changed(f"{name}, {str(key).replace('_', ' ')}", was.get(key), now.get(key))
        else:
            yield f"{name}: {_words(now)}, where {self.base.name} has {_words(was)}"


def _words(value: object) -> str:
    """A value of the specification in words: texts in quotation marks, lists with semicolons."""
    if value is None or value == "":
        return "none"
    if isinstance(value, Mapping):
        if set(value) <= {"choice", "tag", "value", "text"}:
            ids = [str(value[key]) for key in ("choice", "tag", "value") if key in value]
            return " ".join([*ids, *([f'"{value["text"]}"'] if value.get("text") else [])])
        parts = ((str(key).replace("_", " "), each) for key, each in value.items() if each is not None)
        return ", ".join(f"{key} {_words(each)}" for key, each in parts)
    if isinstance(value, list | tuple):
        return "; ".join(_words(each) for each in value)
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)
