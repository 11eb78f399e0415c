"""What a study declares of its crowd: the terms that raters are told, the questions about them, refused images."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

PAY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,2})?) ([A-Z]{3})")
"""As `2.50 GBP`: for a rater who finishes."""
NONE = "none"
"""What is written where there is none of something, so that it is declared and not forgotten."""


@dataclass(frozen=True, slots=True)
class Pay:
    """What a rater who finishes gets: `amount` of `currency` (three letters, ISO 4217)."""

    amount: Decimal
    currency: str

    def shown(self, share: float = 1.0) -> str:
        """The whole, or a share of it between 0 and 1, in hundredths."""
        return f"{self.amount * Decimal(str(share)):.2f} {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The terms of a study whose raters come from a recruitment site, each "none" where there is none.

    `platform`: a key of `evaluation.recruiting.PLATFORMS`. `approval`: by which board. `pay`: as `PAY`. `retention`:
    how long participants' ids are kept. `withdrawal`: how a rater withdraws, and until when.
    """

    platform: str
    approval: str
    pay: str
    retention: str
    withdrawal: str

    def to_dict(self) -> dict[str, str]:
        """As a specification has it."""
        return asdict(self)

    @property
    def paid(self) -> Pay | None:
        """The pay; None where none is declared."""
        return pay_of(self.pay)


@dataclass(frozen=True, slots=True)
class AboutQuestion:
    """A question about the rater: `id`, which exports call `rater_id`, its text, and its closed answers."""

    id: str
    text: str
    answers: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """As a specification has it."""
        return {"id": self.id, "text": self.text, "answers": list(self.answers)}

    @property
    def line(self) -> str:
        """As it is written: its id alone where it is one of ours."""
        known = STANDARD.get(self.id)
        return self.id if known == self else f"{self.id}: {' | '.join((self.text, *self.answers))}"


STANDARD: Mapping[str, AboutQuestion] = {
    each.id: each
    for each in (
        AboutQuestion(
            "age", "How old are you?", ("18 to 24", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 or older")
        ),
        AboutQuestion(
            "region",
            "Where do you live?",
            ("Africa", "Asia", "Europe", "Latin America and the Caribbean", "Northern America", "Oceania"),
        ),
        AboutQuestion(
            "language",
            "What is your first language?",
            (
                *("Arabic", "Bengali", "Chinese", "English", "French", "German", "Hindi", "Portuguese", "Spanish"),
                "another language",
            ),
        ),
        AboutQuestion(
            "colour_vision",
            "Do you find it hard to tell some colours apart?",
            ("no", "yes, some colours", "I don't know"),
        ),
    )
}
"""Questions that a study may choose by their names."""


def pay_of(text: str) -> Pay | None:
    """`text` as pay; None where it says that there is none, or nothing of the form."""
    found = PAY.fullmatch(text)
    return Pay(Decimal(found[1]), found[2]) if found else None


def declared_crowd(specification: Mapping[str, Any]) -> Crowd | None:
    """The terms of a study's crowd; None where it was made for no recruitment site."""
    found = specification.get("raters", {}).get("crowd")
    return Crowd(**found) if isinstance(found, Mapping) else None


def declared_about(specification: Mapping[str, Any]) -> tuple[AboutQuestion, ...]:
    """The questions about the rater that a study declares."""
    found = specification.get("raters", {}).get("about", ())
    return tuple(AboutQuestion(each["id"], each["text"], tuple(each["answers"])) for each in found)
