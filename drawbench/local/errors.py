"""The one error of the embedded services: a sentence for the person at the terminal."""


class LocalError(Exception):
    """The services can't do what was asked. Its text says what is wrong and what to do next; no traceback is needed."""
