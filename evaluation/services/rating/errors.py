"""What can stand in a rater's way. `code` is for the page's script, the message for the rater."""

from __future__ import annotations

from django.utils.translation import gettext as _

from evaluation.errors import InputError
from evaluation.selectors.trials import RaterSession


class RaterError(InputError):
    """A rater's request that can't be met as things stand."""

    def __init__(self, code: str, message: str, *, status: int = 409) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def refuse_unless_rating(session: RaterSession) -> None:
    """Raise `RaterError` unless the study takes ratings and the rater is still part of it."""
    if session.dropped:
        raise RaterError("dropped", _("You are no longer part of this study, so no more answers can be saved."))
    if session.study_status != "open":
        raise RaterError("closed", _("This study is closed, so no more answers can be saved. Thank you for yours."))


def no_session() -> RaterError:
    """The browser holds no key of the rater's."""
    return RaterError(
        "no-session", _("Your session in this browser has ended. Please open your invitation link again."), status=403
    )
