"""What comes in, as the services check it: the gates of `common.text` and `common.numbers`, told as `InputError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DataError

from common.text import TextError, checked
from evaluation.errors import InputError

DOES_NOT_FIT = (
    "Something that was sent does not fit into the database: a text or a number is too large, or holds a character "
    "that can't be kept. Nothing was changed. Shorten it, and send it again."
)


def text_in(text: str, field: str, what: str, *, most: int, lines: bool = False, empty: bool = True) -> str:
    """`text` as it is kept: composed, trimmed, and such as `common.text.checked` lets pass.

    `what`: how the message calls it ("the title"). `most`: characters. `lines`: whether it may have several lines.

    Raises:
        InputError: it can't be taken; `field` is its field.
    """
    try:
        return checked(text, what, most=most, lines=lines, empty=empty)
    except TextError as error:
        raise InputError(str(error), field=field) from error


@contextmanager
def refusals_of_the_database() -> Iterator[None]:
    """What no check before has caught and the database refuses, as bad input: never its own words, which are SQL.

    Raises:
        InputError: in place of `DataError`.
    """
    try:
        yield
    except DataError as error:
        raise InputError(DOES_NOT_FIT) from error
