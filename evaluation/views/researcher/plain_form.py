"""Forms whose errors say what is allowed in plain words; Django's own speak of "slugs" and of "this value"."""

from __future__ import annotations

from typing import Any

from django import forms

EVERY_FIELD = {
    "required": "Fill in this field.",
    "max_length": "Use at most %(limit_value)d characters; there are %(show_value)d.",
    "null_characters_not_allowed": "Remove the NUL character.",
}
WHOLE_NUMBER = {
    "invalid": "Enter a whole number, such as 8.",
    "min_value": "Enter %(limit_value)d or more; %(show_value)d is too small.",
    "max_value": "Enter %(limit_value)d or less; %(show_value)d is too large.",
}
NUMBER = {
    "invalid": "Enter a number, such as 0.1.",
    "min_value": "Enter %(limit_value)g or more; %(show_value)g is too small.",
    "max_value": "Enter %(limit_value)g or less; %(show_value)g is too large.",
}
CHOICE = {
    "required": "Choose one from the list.",
    "invalid_choice": "“%(value)s” is not in the list. Choose one from it.",
    "invalid_pk_value": "“%(pk)s” is not in the list. Choose one from it.",
    "invalid_list": "Choose from the list.",
}
FILE = {
    "required": "Choose a file.",
    "missing": "Choose a file.",
    "invalid": "Choose a file.",
    "empty": "The file is empty. Choose another one.",
}
BY_KIND: tuple[tuple[type[forms.Field], dict[str, str]], ...] = (
    (forms.FloatField, NUMBER),
    (forms.IntegerField, WHOLE_NUMBER),
    (forms.ModelChoiceField, CHOICE),
    (forms.ChoiceField, CHOICE),
    (forms.FileField, FILE),
    (forms.URLField, {"invalid": "Enter a web address, such as https://example.org/done."}),
    (forms.SlugField, {"invalid": "Use letters, digits, - and _, without spaces."}),
)
"""The first kind that fits says it: Django's FloatField is an IntegerField."""


class PlainForm(forms.Form):
    """A form that tells errors in plain words. A subclass that words one itself does so after `super().__init__`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            say_plainly(field)


def say_plainly(field: forms.Field) -> None:
    """Give `field` our error messages."""
    field.error_messages.update(EVERY_FIELD)
    field.error_messages.update(next((words for kind, words in BY_KIND if isinstance(field, kind)), {}))
