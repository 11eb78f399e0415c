"""The rater's pages: invitation and consent, instructions, trials, the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from evaluation.doors import count_join, count_unknown_key, refuse_guesser
from evaluation.models import Invitation, Rater, StudyStatus
from evaluation.selectors.locked import locked_protocol
from evaluation.selectors.trials import raters_of_browser, session_key_hash, study_is_demonstration
from evaluation.services.rating.enrol import (
    rater_enrol,
    rater_instructed,
    rater_seen,
    refuse_invitation,
    refuse_unless_open,
    refuse_unless_place,
)
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.views.rater.contexts import (
    consent_context,
    instructions_context,
    language_to_confirm,
    page_of,
    trials_context,
)
from evaluation.views.rater.cookie import browser_hashes, browser_keys, keep_keys
from evaluation.views.rater.language import keep_language, language_of, speak, spoken

PARTICIPANT_NAMES = ("PROLIFIC_PID", "participantId", "participant")
SESSION_NAMES = ("SESSION_ID", "assignmentId", "session")
"""What crowd platforms (Prolific, CloudResearch Connect, others) call their participant and session in addresses."""

LONGEST_ID = 200
PLACEHOLDER = re.compile(r"\{\{|\{%|\$\{|\[\[")
"""What platforms write for an id until they know it: `{{%PROLIFIC_PID%}}`, `${participantId}`."""
PENDING = "rater_participant"
"""Where the Django session keeps a platform's ids between the link and the consent."""


View = Callable[..., HttpResponse]


def in_words(view: View) -> View:
    """The page in the rater's language, once the view knows the rater; until then in the browser's."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with spoken(request):
            return view(request, *args, **kwargs)

    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def join(request: HttpRequest, key: str) -> HttpResponse:
    """The invitation: consent, and a place in the study."""
    refuse_guesser(request)
    invitation = Invitation.objects.select_related("study").filter(key=key).first()
    if invitation is None:
        count_unknown_key(request)
        return _message(
            request,
            _("This link does not work"),
            _(
                "There is no invitation at this address. Check that the link is complete, or ask the person who sent "
                "it."
            ),
            status=404,
        )
    if request.META.get("QUERY_STRING") and request.method != "POST":
        # the ids go into a session on the server at once, and out of the address, the history and the logs to come
        count_join(request)
        fault = _fault_of_ids(request)
        if fault is not None:
            return _message(request, _("This link is not complete"), fault, status=400)
        _keep_participant(request, invitation)
        keep_language(request, invitation)
        return redirect("rater:join", key=key)
    language = _language(request, invitation)
    participant, session = _participant(request, invitation)
    back = _rater_here(request, invitation, participant)
    if back is not None:
        return _switched(request, back)
    try:
        if request.method == "POST":
            count_join(request)
            refuse_unless_open(invitation.study)
            confirmed = request.POST.get("reads", "")
            if _must_confirm(invitation, language) and confirmed != "yes":
                return _sent_out(request) if confirmed == "no" else _consent(request, invitation, language, unsaid=True)
            enrolled = rater_enrol(invitation=invitation, participant=participant, session=session, language=language)
            request.session.pop(PENDING, None)
            response = redirect("rater:instructions")
            keep_keys(response, [enrolled.session_key, *browser_keys(request)])
            return response
        refuse_unless_open(invitation.study)
        if not participant:  # a participant may be coming back to a place
            refuse_invitation(invitation)
            refuse_unless_place(invitation.study)
    except RaterError as error:
        return refusal_page(request, error)
    return _consent(request, invitation, language)


def _language(request: HttpRequest, invitation: Invitation) -> str:
    """The language that the rater to be reads; the page is in it from here on. A draft has none to choose from."""
    if invitation.study.status == StudyStatus.DRAFT:
        return ""
    language = language_of(request, invitation, locked_protocol(invitation.study))
    speak(language)
    return language


def _must_confirm(invitation: Invitation, language: str) -> bool:
    """Whether the prompts are in another language, which the rater must say to read."""
    study = invitation.study
    return bool(language_to_confirm(study.specification, locked_protocol(study), language))


def _consent(request: HttpRequest, invitation: Invitation, language: str, *, unsaid: bool = False) -> HttpResponse:
    """The page of consent. `unsaid`: the rater did not say whether the prompts' language is read."""
    context = consent_context(invitation, language) | {"unsaid": unsaid}
    return render(request, "rater/consent.html", context, status=400 if unsaid else 200)


def _sent_out(request: HttpRequest) -> HttpResponse:
    """For who does not read the prompts' language: no place was taken."""
    return _message(
        request,
        _("Thank you for your interest"),
        _(
            "This study needs people who read its texts well, so you have not joined it. If you came from a "
            "recruitment site, please return your place there."
        ),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def instructions(request: HttpRequest) -> HttpResponse:
    """How it works, with an example that is not from the study."""
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    if request.method == "POST":
        rater_instructed(rater=rater)
        return redirect("rater:trials")
    return render(request, "rater/instructions.html", instructions_context(rater))


@never_cache
@require_safe
@in_words
def trials(request: HttpRequest) -> HttpResponse:
    """The one page on which all trials are rated; its script talks to the hot endpoints."""
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    if rater.finished_at is not None:
        return redirect("rater:end")
    if rater.dropped_at is not None:
        return _dropped(request)
    if rater.study.status != StudyStatus.OPEN:
        return _message(
            request, _("This study is closed"), _("It accepts no more answers. Thank you for those you gave.")
        )
    if rater.instructed_at is None:
        return redirect("rater:instructions")
    rater_seen(rater=rater)
    context = trials_context(page_of(rater)) | {"demonstration": study_is_demonstration(rater.study_id)}
    return render(request, "rater/trials.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def finish(request: HttpRequest) -> HttpResponse:
    """The rater says that this is all; the ratings must be in."""
    if request.method != "POST":  # a reload: the trials' page has the form, or leads to the end
        return redirect("rater:trials")
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    try:
        rater_finish(rater=rater)
    except RaterError as error:
        return redirect("rater:trials") if error.code == "unfinished" else refusal_page(request, error)
    return redirect("rater:end")


@never_cache
@require_safe
@in_words
def end(request: HttpRequest) -> HttpResponse:
    """Thanks, and the platform's completion code: only here, only for a rater whose last rating is committed."""
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    if rater.finished_at is None:
        return redirect("rater:trials")
    return render(
        request,
        "rater/end.html",
        {
            "completion_code": rater.invitation.completion_code if rater.invitation else "",
            "completion_url": rater.invitation.completion_url if rater.invitation else "",
            "contact": rater.study.specification["raters"]["contact"],
            "demonstration": study_is_demonstration(rater.study_id),
        },
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_words
def withdraw(request: HttpRequest) -> HttpResponse:
    """Leave the study; the answers are not used."""
    rater = rater_of(request)
    if rater is None:
        return no_session_page(request)
    if request.method != "POST":
        return render(request, "rater/withdraw.html", {"finished": rater.finished_at is not None})
    try:
        rater_withdraw(rater=rater)
    except RaterError as error:
        return refusal_page(request, error)
    return _message(request, _("You have left the study"), _("Your answers will not be used. Thank you for your time."))


def rater_of(request: HttpRequest) -> Rater | None:
    """The rater whom the browser is at present; the page speaks the rater's language from here on."""
    raters = raters_of_browser(browser_hashes(request))
    if not raters:
        return None
    speak(raters[0].language)
    return raters[0]


def _rater_here(request: HttpRequest, invitation: Invitation, participant: str) -> Rater | None:
    """The rater of the invitation's study that this browser is already, if it is not for another participant."""
    for rater in raters_of_browser(browser_hashes(request)):
        if rater.study_id == invitation.study_id and (not participant or rater.participant == participant):
            return rater
    return None


def _switched(request: HttpRequest, rater: Rater) -> HttpResponse:
    """On to the trials, as `rater`."""
    keys = browser_keys(request)
    response = redirect("rater:trials")
    own = {rater.session_key_hash, *rater.device_key_hashes}
    keep_keys(response, sorted(keys, key=lambda key: session_key_hash(key) not in own))
    return response


def _keep_participant(request: HttpRequest, invitation: Invitation) -> None:
    participant = _first(request, PARTICIPANT_NAMES)
    if participant:
        request.session[PENDING] = {
            "invitation": invitation.key,
            "participant": participant,
            "session": _first(request, SESSION_NAMES),
        }


def _participant(request: HttpRequest, invitation: Invitation) -> tuple[str, str]:
    """The platform's participant and session that came with the link; empty for a plain link."""
    kept = request.session.get(PENDING)
    if not isinstance(kept, dict) or kept.get("invitation") != invitation.key:
        return "", ""
    return str(kept["participant"]), str(kept["session"])


def _first(request: HttpRequest, names: tuple[str, ...]) -> str:
    for name in names:
        value = request.GET.get(name, "").strip()
        if value:
            return value
    return ""


def _fault_of_ids(request: HttpRequest) -> str | None:
    """Why the ids in the link can't be a platform's, None where they can: two people would become one rater."""
    for name in (*PARTICIPANT_NAMES, *SESSION_NAMES):
        values = request.GET.getlist(name)
        what = None
        if len(values) > 1:
            what = _("In its address, {name} is there more than once.")
        elif values and not values[0].strip():
            what = _("In its address, {name} is empty.")
        elif values and len(values[0].strip()) > LONGEST_ID:
            what = _("In its address, {name} has {n} characters; at most {most} are allowed.")
        elif values and PLACEHOLDER.search(values[0]):
            what = _("In its address, {name} is a placeholder that nobody has filled in, as in a preview.")
        if what is not None:
            fault = what.format(name=name, n=len(values[0].strip()), most=LONGEST_ID)
            return fault + " " + _("Open the study from the recruitment site, and tell the site if it happens again.")
    return None


def _message(request: HttpRequest, heading: str, text: str, *, status: int = 200, go_on: bool = False) -> HttpResponse:
    """`go_on`: with a link to where the code of another device is entered."""
    return render(request, "rater/message.html", {"heading": heading, "text": text, "go_on": go_on}, status=status)


def refusal_page(request: HttpRequest, error: RaterError) -> HttpResponse:
    """What stands in a rater's way, as a page."""
    headings = {
        "full": _("This study is full"),
        "closed": _("This study is closed"),
        "not-open": _("This study is not open yet"),
        "expired": _("This invitation has expired"),
        "revoked": _("This invitation is no longer valid"),
        "used-up": _("This invitation has already been used"),
        "finished": _("You have already taken part"),
        "other-session": _("You have already started"),
        "dropped": _("You have left this study"),
    }
    return _message(request, headings.get(error.code, _("This isn't possible")), error.message, status=error.status)


def _dropped(request: HttpRequest) -> HttpResponse:
    return _message(
        request,
        _("Your place was given to someone else"),
        _("You left the study or were away for too long. Another person now has your place. Thank you for your time."),
        status=410,
    )


def no_session_page(request: HttpRequest) -> HttpResponse:
    """The browser holds no rater's key."""
    if browser_keys(request):
        count_unknown_key(request)
    return _message(
        request,
        _("Please open your invitation link"),
        _("No study is open in this browser. Use your link again, in the browser in which you started."),
        status=403,
        go_on=True,
    )
