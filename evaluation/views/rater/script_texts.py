"""The texts of the page's script, which holds none of its own: by name, in the language that is spoken at present.

A text that goes with a number stands once for each form that the language has (`Intl.PluralRules` names them), with
`{n}` for the number.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from evaluation.views.rater.texts import ShownWords

Forms = dict[str, str]
SAMPLES = {"one": 1, "few": 2, "many": 5, "other": 100}
"""A number of each form, in languages that have it; where one has not, its number falls to a form that it has."""


def script_texts(words: ShownWords) -> dict[str, str | Forms]:
    """All of them, for a page that shows `words`."""
    return {
        **_page(),
        **_saving(),
        **_images(),
        **_answers(),
        **_zoom(),
        "comparison-of": _place(words),
    }


def _page() -> dict[str, str | Forms]:
    return {
        "loading": _("Loading the images…"),
        "loading-next": _("Loading the next images…"),
        "no-connection": _("No connection to the server. The next images load as soon as it is back."),
        "sending-kept": _("Sending the answers kept in this browser…"),
        "reload": _("Please reload this page."),
        "undo-needs-connection": _("Undo needs a connection. Please try again."),
        "left-less": _("less than a minute left"),
        "left": _forms(lambda n: ngettext("about {n} minute left", "about {n} minutes left", n)),
        "covered": _("Covered"),
        "not-sent": _("This could not be sent. Please try again."),
        "all-done": _("{done} of {total} done"),
        "reference": _("Reference"),
        "reference-photograph": _("Reference photograph"),
        "too-small": _(
            "On this screen each image is {shown} pixels wide, and this study needs at least {needed}. Enlarge the "
            "window or turn your device. Or open your link on a larger screen."
        ),
    }


def _saving() -> dict[str, str | Forms]:
    return {
        "saving": _("Saving…"),
        "saved": _("All answers saved"),
        "answered-elsewhere": _("Already answered in another tab; that answer counts"),
        "waiting": _forms(
            lambda n: ngettext(
                "{n} answer not saved yet: kept in this browser and sent automatically",
                "{n} answers not saved yet: kept in this browser and sent automatically",
                n,
            )
        ),
        "not-saved": _("Not saved: {why}"),
    }


def _images() -> dict[str, str | Forms]:
    return {
        "image-of": _("{name}, image {number} of {total}"),
        "not-loaded": _("Not loaded"),
        "not-loaded-n": _forms(
            lambda n: ngettext("{n} image could not be loaded.", "{n} images could not be loaded.", n)
        ),
    }


def _answers() -> dict[str, str | Forms]:
    return {
        "answered": _("{done} of {total} answered"),
        "best": _("Best"),
        "worst": _("Worst"),
        "tie": _("Tie with the last one"),
        **{f"rank-{place + 1}": text for place, text in enumerate(_ranks())},
        "letters": _("{n} of {most} characters"),
        "letters-optional": _("Optional. {n} of {most} characters"),
        "remove-last": _("Remove the last one"),
        "remove-point": _("Remove point {number}"),
        "enlarge": _("Enlarge"),
        "delete-key": pgettext("key", "Del"),
        "percent": _("{n} %"),
        "place-point": _("Place a point {x} from the left and {y} from the top. Arrow keys move it."),
        "points": _forms(lambda n: ngettext("{placed} of at most {n} point.", "{placed} of at most {n} points.", n)),
        "points-active": _forms(
            lambda n: ngettext(
                "Click or tap the image. {placed} of at most {n} point.",
                "Click or tap the image. {placed} of at most {n} points.",
                n,
            )
        ),
    }


def _ranks() -> tuple[str, ...]:
    return (
        pgettext("rank", "1st"),
        pgettext("rank", "2nd"),
        pgettext("rank", "3rd"),
        pgettext("rank", "4th"),
        pgettext("rank", "5th"),
        pgettext("rank", "6th"),
        pgettext("rank", "7th"),
        pgettext("rank", "8th"),
    )


def _zoom() -> dict[str, str | Forms]:
    """What the buttons beside an enlarged image say."""
    return {
        "other-set": _("Other set"),
        "next-set": _("Next set"),
        "both-sets": _("Both sets"),
        "all-sets": _("All sets"),
        "both-images": _("Both images"),
        "all-images": _("All images"),
    }


def _place(words: ShownWords) -> str:
    if words.trial == "comparison":
        return _("Comparison {number} of {total}")
    return _("Image {number} of {total}") if words.trial == "image" else _("Set {number} of {total}")


def _forms(text: Callable[[int], str]) -> Forms:
    return {form: text(number) for form, number in SAMPLES.items()}
