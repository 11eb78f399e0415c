"""The one error of the embedded services: a sentence for the person at the terminal."""

from common.errors import UserError


class LocalError(UserError):
    """The services can't do what was asked. Its text says what is wrong and what to do next; no traceback is needed."""
