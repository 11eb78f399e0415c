"""Giving answers of every kind by mouse, by keyboard and by touch, and what must then be in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Locator, Page, expect

from evaluation.protocols import AnswerValue, Protocol
from evaluation.protocols.kinds import Choice, Claim, Kind, Points, Ranking, Reasons, Scale, Text, Words

Way = Literal["mouse", "keyboard", "touch"]

OPTION_KEYS = "1234567890-="
COMMENT = "Die Hände, ידיים"


@dataclass(frozen=True, slots=True)
class Hand:
    """A rater's hand on a page. `way`: how it gives answers."""

    page: Page
    way: Way

    def press(self, control: Locator) -> None:
        """Click or tap a control."""
        if self.way == "touch":
            control.tap()
        else:
            control.click()

    def key(self, *names: str) -> None:
        """Press keys, one after another."""
        for name in names:
            self.page.keyboard.press(name)

    @property
    def by_keys(self) -> bool:
        """Whether it has a keyboard alone."""
        return self.way == "keyboard"

    def go_on(self) -> None:
        """To what is next, once all is answered."""
        if self.by_keys:
            self.key("Enter")
        else:
            self.press(self.page.get_by_role("button", name="Next"))


def answer(hand: Hand, kind: Kind, at: int, sets: int) -> AnswerValue:
    """Answer the active question; what the database must have for it. `at`: another answer for each number."""
    field = hand.page.locator("fieldset.active")
    expect(field).to_contain_class(f"of-{kind.name}")
    return _GIVE[type(kind)](hand, field, kind, at, sets)


def _one_of(hand: Hand, field: Locator, values: list[AnswerValue], at: int) -> AnswerValue:
    n = at % len(values)
    if hand.by_keys:
        hand.key(OPTION_KEYS[n])
    else:
        hand.press(field.get_by_role("radio").nth(n))
    return values[n]


def _choice(hand: Hand, field: Locator, kind: Choice, at: int, sets: int) -> AnswerValue:
    return _one_of(hand, field, list(kind.ids), at)


def _scale(hand: Hand, field: Locator, kind: Scale, at: int, sets: int) -> AnswerValue:
    return _one_of(hand, field, [*kind.values, *(["unable"] if kind.unable else [])], at)


def _claim(hand: Hand, field: Locator, kind: Claim, at: int, sets: int) -> AnswerValue:
    return _one_of(hand, field, list(kind.options), at)


def _ranking(hand: Hand, field: Locator, kind: Ranking, at: int, sets: int) -> AnswerValue:
    order = [(at + place) % sets for place in range(sets)]
    if kind.order == "best-worst":
        for row, place in (("Best", order[0]), ("Worst", order[-1])):
            if hand.by_keys:
                hand.key(OPTION_KEYS[place])
            else:
                hand.press(field.get_by_role("radiogroup", name=row).get_by_role("radio").nth(place))
        return [[order[0]], sorted(order[1:-1]), [order[-1]]]
    for number, place in enumerate(order if kind.ties else order[:-1]):  # the last one's place is clear
        joins = kind.ties and number == sets - 1
        if hand.by_keys:
            hand.key(*(["="] if joins else []), OPTION_KEYS[place])
            continue
        if joins:
            hand.press(field.get_by_role("button", name="Tie"))
        hand.press(field.locator(".order button").nth(place))
    return [*([each] for each in order[:-2]), sorted(order[-2:])] if kind.ties else [[each] for each in order]


def _words(hand: Hand, field: Locator, kind: Words, at: int, sets: int) -> AnswerValue:
    if at % 2:  # no word
        if hand.by_keys:
            hand.key("0")
        else:
            hand.press(field.get_by_role("button", name=kind.none))
        marked = []
    elif hand.by_keys:
        hand.key("ArrowRight", "Space", "ArrowRight", "Space", "Space", "ArrowRight", "Space")
        marked = [1, 3]
    else:
        for word in (3, 1, 2, 2):
            hand.press(field.locator(f"[data-word='{word}']"))
        marked = [1, 3]
    return list(marked)


def _points(hand: Hand, field: Locator, kind: Points, at: int, sets: int) -> AnswerValue:
    if at % 2:  # there is none
        return []
    if hand.by_keys:
        hand.key("ArrowUp", "ArrowLeft", "ArrowLeft", "Space", "Space", "Delete", "ArrowDown", "Space")
        return [[0.46, 0.48], [0.46, 0.5]]
    box = hand.page.locator(".pad").bounding_box()
    assert box is not None
    for x, y in ((0.25, 0.5), (0.75, 0.25)):
        place = box["x"] + box["width"] * x, box["y"] + box["height"] * y
        if hand.way == "touch":
            hand.page.touchscreen.tap(*place)
        else:
            hand.page.mouse.click(*place)
    hand.press(hand.page.get_by_role("button", name="Remove point 1"))
    return [0.75, 0.25]


def _reasons(hand: Hand, field: Locator, kind: Reasons, at: int, sets: int) -> AnswerValue:
    chosen = [each for n, each in enumerate(kind.ids) if n != at % len(kind.ids)]
    for tag in reversed(chosen):
        if hand.by_keys:
            hand.key(OPTION_KEYS[kind.ids.index(tag)])
        else:
            hand.press(field.get_by_role("checkbox").nth(kind.ids.index(tag)))
    return list(chosen)


def _text(hand: Hand, field: Locator, kind: Text, at: int, sets: int) -> AnswerValue:
    area = field.get_by_role("textbox")
    if at % 2 and not kind.required:
        return ""
    if hand.by_keys:
        area.focus()
    else:
        hand.press(area)
    hand.page.keyboard.type(f" {COMMENT} ")
    if hand.by_keys:
        hand.key("Escape")
    return COMMENT


_GIVE: dict[type[Kind], Callable[..., AnswerValue]] = {
    Choice: _choice,
    Scale: _scale,
    Claim: _claim,
    Ranking: _ranking,
    Words: _words,
    Points: _points,
    Reasons: _reasons,
    Text: _text,
}


def trial(hand: Hand, protocol: Protocol, at: int, *, claims: int = 0) -> dict[str, AnswerValue]:
    """Answer every question of the comparison shown, and go on; by question what the database must have."""
    page = hand.page
    page.wait_for_selector("fieldset.active:not([disabled])")
    given: dict[str, AnswerValue] = {}
    asked = protocol.asked("Colors", ["a claim"] * claims)
    for number, each in enumerate(asked):
        field = page.locator(f"fieldset[data-question='{each.id}']")
        if not hand.by_keys and "active" not in (field.get_attribute("class") or ""):
            hand.press(field.locator("legend"))  # what a rater does who is done with the one before
        given[each.id] = answer(hand, each.question.answers, at + number, protocol.shown.sets)
        stepped = isinstance(each.question.answers, Words | Points | Reasons | Text)
        if hand.by_keys and stepped and number < len(asked) - 1:
            hand.key("Enter")
    hand.go_on()
    return given
