"""Reading declarations: a YAML file, or the JSON that a study locked, into a protocol; each fault with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import get_args

from evaluation.analysis.sequential import StoppingRule
from evaluation.protocols.checks import faults
from evaluation.protocols.contract import Protocol
from evaluation.protocols.control_plan import PARTS, ControlPlan
from evaluation.protocols.errors import Path as Place
from evaluation.protocols.errors import PlanError, ProtocolError, path_in_words
from evaluation.protocols.fields import Fields, text_of
from evaluation.protocols.kinds import KINDS, Choice
from evaluation.protocols.kinds.choice import read_answers
from evaluation.protocols.parts import (
    CAPTION,
    NO_SCREENING,
    QUOTED,
    Combinations,
    ControlKind,
    ControlPlace,
    Controls,
    Panels,
    PromptShown,
    Question,
    Reference,
    Repeats,
    Shown,
)
from evaluation.protocols.tree import MOST_BYTES, Item, Value, item_of, item_of_yaml

_KEYS = ("based_on", "answers", *(each.name for each in fields(Protocol) if each.name != "based_on"))
_QUESTION_KEYS = ("id", "text", "short", "caption", "kind")

Known = Callable[[str], Protocol]


def load(data: bytes, source: str, known: Known) -> Protocol:
    """The protocol of a YAML file's bytes.

    Args:
        source: the file's name, for messages.
        known: gives a protocol by name, for `based_on`.

    Raises:
        ProtocolError: with line and column, what is wrong and what is allowed.
    """
    item = item_of_yaml(data, source)
    base = None
    if isinstance(item.value, dict) and "based_on" in item.value:
        place = item.value["based_on"]
        try:
            base = known(text_of(place))
        except ProtocolError as error:
            place.fail(error.reason)
        item = _inherited(item, base)
    return _read(item, checked=True)


def load_file(path: Path, known: Known) -> Protocol:
    """The protocol of a YAML file. Raises ProtocolError, also where the file can't be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProtocolError(f"the file can't be read: {reason}. Check the path", source=str(path)) from error
    return load(data, path.name, known)


def declare(declared: Mapping[str, object], known: Known) -> Protocol:
    """The protocol of a declaration in plain values, as a form makes it.

    Raises:
        ProtocolError: what is wrong; `path` is the part, which `reason` does not name.
    """
    item = item_of(declared)
    if isinstance(item.value, dict) and "based_on" in item.value:
        item = _inherited(item, known(text_of(item.value["based_on"])))
    protocol = _read(item, checked=False)
    for path, reason in faults(protocol):
        raise ProtocolError(reason, path=path)
    return protocol


def read(declared: Mapping[str, object]) -> Protocol:
    """The protocol of JSON as `Protocol.specification` makes it, or as a study locked it earlier.

    What was locked is not judged by later rules: only its form is checked.

    Raises:
        ProtocolError: it is no declaration of a protocol.
    """
    return _read(item_of(declared), checked=False)


def _read(item: Item, *, checked: bool) -> Protocol:
    top = Fields(item, "a protocol", _KEYS)
    shared = read_answers(top.list("answers")) if "answers" in top else None
    controls = _controls(top)
    protocol = Protocol(
        name=top.text("name"),
        title=top.text("title"),
        source=top.text("source", "not published"),
        questions=tuple(_question(each, Choice(shared) if shared else None, checked) for each in top.list("questions")),
        set_size=top.integer("set_size"),
        panels=top.one_of("panels", get_args(Panels)),
        raters_per_panel=top.integer("raters_per_panel"),
        screening=top.text("screening", controls.rule if controls else NO_SCREENING),
        left_open={key: text_of(each) for key, each in top.mapping("left_open").items()},
        shown=_shown(top),
        batch=top.integer("batch") if "batch" in top else None,
        repeats=_repeats(top),
        controls=controls,
        stopping=_stopping(top),
        category_questions={
            category: tuple(text_of(each) for each in _texts(ids))
            for category, ids in top.mapping("category_questions").items()
        },
        instructions=top.text("instructions", "") if "instructions" in top else "",
        language=top.text("language", "en"),
        translations={
            language: {text.strip(): text_of(each) for text, each in _words(words).items()}
            for language, words in top.mapping("translations").items()
        },
        version=top.text("version", "1"),
        based_on=top.text("based_on") if "based_on" in top else "",
        added_controls=_added(top),
    )
    if checked:
        for path, reason in faults(protocol):
            _place(item, path).fail(f"{path_in_words(path)}: {reason}" if path else reason)
    return protocol


def _question(item: Item, shared: Choice | None, checked: bool) -> Question:
    name = "choice"
    if isinstance(item.value, dict) and "kind" in item.value:
        name = Fields(item, "a question", item.value).one_of("kind", list(KINDS))
    elif isinstance(item.value, dict) and "answers" not in item.value and shared is None and checked:
        item.fail(
            f"{path_in_words(item.path)} lacks answers: give it a kind ({', '.join(KINDS)}), or answers of its own, or "
            "the whole protocol answers that all questions share"
        )
    kind = KINDS[name]
    question = Fields(item, f"a question of kind {name}", (*_QUESTION_KEYS, *kind.KEYS))
    own = kind is not Choice or "answers" in question or shared is None
    return Question(
        id=question.text("id"),
        text=question.text("text"),
        short=question.text("short", question.text("id")),
        answers=kind.read(question) if own or shared is None else shared,
        # What was locked before questions declared it has the prompt bare.
        caption=question.text("caption", QUOTED if checked else CAPTION),
    )


def _shown(top: Fields) -> Shown:
    if "shown" not in top:
        return Shown()
    part = Fields(top.get("shown"), "what is shown", [each.name for each in fields(Shown)])
    return Shown(
        part.integer("sets", Shown().sets),
        part.one_of("prompt", get_args(PromptShown), "shown"),
        part.one_of("reference", get_args(Reference), "none"),
        part.one_of("combinations", get_args(Combinations), "every"),
    )


def _repeats(top: Fields) -> Repeats | None:
    if "repeats" not in top:
        return None
    part = Fields(top.get("repeats"), "repeats", ("trials", "apart"))
    return Repeats(part.integer("trials"), part.integer("apart"))


def _controls(top: Fields) -> Controls | None:
    if "controls" not in top:
        return None
    part = Fields(top.get("controls"), "controls", [each.name for each in fields(Controls)])
    return Controls(
        part.integer("trials"),
        part.number("least_right"),
        part.one_of("kind", get_args(ControlKind), "known"),
        part.one_of("place", get_args(ControlPlace), "among"),
    )


def _added(top: Fields) -> ControlPlan | None:
    if "added_controls" not in top:
        return None
    part = Fields(top.get("added_controls"), "added control trials", PARTS)
    try:
        return ControlPlan.from_dict({name: each.value for name, each in part.items.items()})
    except PlanError as error:
        part.items.get(error.part, part.item).fail(error.message)


def _stopping(top: Fields) -> StoppingRule | None:
    if "stopping" not in top:
        return None
    part = Fields(top.get("stopping"), "a stopping rule", [each.name for each in fields(StoppingRule)])
    try:
        return StoppingRule(
            part.integer("max_raters"),
            part.integer("min_raters", StoppingRule.min_raters),
            margin=part.number("margin") if "margin" in part else None,
            half_width=part.number("half_width") if "half_width" in part else None,
            alpha=part.number("alpha") if "alpha" in part else StoppingRule.alpha,
        )
    except ProtocolError:
        raise
    except ValueError as error:
        part.item.fail(f"the stopping rule: {error}")


def _texts(item: Item) -> tuple[Item, ...]:
    if not isinstance(item.value, tuple):
        item.fail(f"{path_in_words(item.path)} must be a list of ids of questions, as [fidelity, alignment]")
    return item.value


def _words(item: Item) -> Mapping[str, Item]:
    if not isinstance(item.value, dict):
        item.fail(f"{path_in_words(item.path)} must map each text of the protocol to its translation")
    return item.value


def _place(item: Item, path: Place) -> Item:
    """Where a fault's path stands in the file; answers that all questions share stand at the top."""
    found = item.nearest_to(path)
    if path[:1] == ("questions",) and path[2:3] == ("answers",) and len(found.path) == 2:
        shared = item.nearest_to(path[2:])
        return shared if shared.path else found
    return found


def _inherited(item: Item, base: Protocol) -> Item:
    """The tree of a declaration with what its base declares where it says nothing itself.

    A key that is given stands for the base's whole; of `questions`, an entry with the id of one of the base's takes
    from that what it leaves out, unless it changes the kind.
    """
    assert isinstance(item.value, dict)
    inherited = item_of(base.specification())
    assert isinstance(inherited.value, dict)
    from_base = {
        key: _at(each, item)
        for key, each in inherited.value.items()
        if key not in ("name", "based_on", "translations", "version") and key not in item.value
    }
    if "controls" in item.value and "screening" not in item.value:
        from_base.pop("screening", None)  # the rule follows from the controls that are given
    merged: dict[str, Item] = {**from_base, **item.value}
    if "questions" in item.value and isinstance(item.value["questions"].value, tuple):
        known = {each.id: _whole(each, item, shared=bool(base.answers)) for each in base.questions}
        given = item.value["questions"]
        merged["questions"] = _with(given, tuple(_filled(each, known) for each in item.value["questions"].value))
    return _with(item, merged)


def _whole(question: Question, item: Item, *, shared: bool) -> dict[str, Item]:
    """A base's question as items that stand at `item`'s place."""
    value = _at(item_of(question.to_dict(shared=shared)), item).value
    assert isinstance(value, dict)
    return value


def _filled(entry: Item, known: Mapping[str, dict[str, Item]]) -> Item:
    if not isinstance(entry.value, dict) or "id" not in entry.value:
        return entry
    taken = known.get(entry.value["id"].text.strip())
    if taken is None:
        return entry
    changed = "kind" in entry.value and "kind" in taken and entry.value["kind"].text != taken["kind"].text
    kept = {key: each for key, each in taken.items() if not changed or key in _QUESTION_KEYS}
    return _with(entry, {**kept, **entry.value})


def _with(item: Item, value: Value) -> Item:
    return Item(value, item.path, item.text, item.line, item.column, item.source)


def _at(item: Item, place: Item) -> Item:
    """`item` and all in it, as standing where `place` stands."""
    value = item.value
    if isinstance(value, dict):
        value = {key: _at(each, place) for key, each in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_at(each, place) for each in value)
    return Item(value, item.path, item.text, place.line, place.column, place.source)
