"""The errors that a user meets: one message that says what is wrong, what is allowed and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from common.errors import UserError


class InputError(UserError):
    """Bad input or a state that forbids what was asked. Nothing was changed.

    Commands print it on standard error and exit with 2, pages show it beside the form, the API answers `status` with
    it as `detail`. `details`: machine-readable facts for JSON (rows, names, counts). `field`: the form field that it
    belongs to, "" for the whole form.
    """

    status = 400

    def __init__(self, message: str, *, field: str = "", details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = dict(details or {})


class NotFoundError(InputError):
    """A thing that was named is not there; the message gives the nearest name."""

    status = 404


class NoRoomError(InputError):
    """No room for what was to be written. Nothing of it stays behind; what was there before stays whole."""

    status = 507


class ConflictError(InputError):
    """What was asked can't be done in the present state (a frozen suite, an open study)."""

    status = 409
