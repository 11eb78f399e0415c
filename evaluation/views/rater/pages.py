"""The rater's pages: invitation and consent, instructions, trials, the end."""

from __future__ import annotations

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
from evaluation.recruiting import PLATFORMS, Ids, ids_of
from evaluation.selectors.crowd import declared_about
from evaluation.selectors.locked import locked_protocol
from evaluation.selectors.trials import raters_of_browser, session_key_hash, study_is_demonstration
from evaluation.services.rating.enrol import (
    is_to_qualify,
    not_qualified_text,
    paused_text,
    rater_enrol,
    rater_instructed,
    rater_seen,
    refuse_invitation,
    refuse_unless_open,
    refuse_unless_place,
)
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.views.rater.closed import closed_page, rater_of_closed
from evaluation.views.rater.contexts import (
    consent_context,
    instructions_context,
    language_to_confirm,
    page_of,
    trials_context,
)
from evaluation.views.rater.cookie import browser_hashes, browser_keys, keep_keys
from evaluation.views.rater.language import keep_language, language_of, speak, spoken

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
        ids = ids_of(dict(request.GET.lists()))
        if ids.fault:
            return _message(request, _("This link is not complete"), f"{ids.fault} {_ask()}", status=400)
        _keep_participant(request, invitation, ids)
        keep_language(request, invitation)
        return redirect("rater:join", key=key)
    language = _language(request, invitation)
    participant, session = _participant(request, invitation)
    back = _rater_here(request, invitation, participant)
    if back is not None:
        return _switched(request, back)
    closed_for = rater_of_closed(invitation.study, participant, session)
    if closed_for is not None:
        return closed_page(request, closed_for, here=False)
    if invitation.platform and not participant and invitation.study.status == StudyStatus.OPEN:
        title = PLATFORMS[invitation.platform].title
        without = _("This link is for people who come from {site}, and it came without their id.").format(site=title)
        without = f"{without} {_ask()}"
        return _message(request, _("Please open the study from the recruitment site"), without, status=400)
    try:
        if request.method == "POST":
            count_join(request)
            refuse_unless_open(invitation.study)
            confirmed = request.POST.get("reads", "")
            if _must_confirm(invitation, language) and confirmed != "yes":
                return _sent_out(request) if confirmed == "no" else _consent(request, invitation, language, unsaid=True)
            enrolled = rater_enrol(
                invitation=invitation,
                participant=participant,
                session=session,
                language=language,
                quota=request.POST.get("quota", ""),
            )
            request.session.pop(PENDING, None)
            asked = declared_about(invitation.study.specification)
            response = redirect("rater:about" if asked else "rater:instructions")
            keep_keys(response, [enrolled.session_key, *browser_keys(request)])
            return response
        refuse_unless_open(invitation.study)
        if not participant:  # a participant may be coming back to a place
            refuse_invitation(invitation)
            refuse_unless_place(invitation.study)
    except RaterError as error:
        return refused(request, error, invitation)
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
    if rater.screened_at is not None:
        return refused(request, RaterError("not-qualified", not_qualified_text(), status=200), rater.invitation)
    if rater.dropped_at is not None:
        return _dropped(request)
    if rater.study.status != StudyStatus.OPEN:
        return closed_page(request, rater)
    if rater.study.paused_at is not None:
        kept = _("Your answers are saved, and your place is yours.")
        return _message(request, _("This study is paused"), f"{paused_text()} {kept}")
    if rater.instructed_at is None:
        return redirect("rater:instructions")
    if is_to_qualify(rater):
        return redirect("rater:qualify")
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
        return redirect("rater:trials") if error.code == "unfinished" else refused(request, error)
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
            "about": declared_about(rater.study.specification),
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
        return refused(request, error)
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


def _keep_participant(request: HttpRequest, invitation: Invitation, ids: Ids) -> None:
    if ids.participant:
        request.session[PENDING] = {
            "invitation": invitation.key,
            "participant": ids.participant,
            "session": ids.session,
        }


def _participant(request: HttpRequest, invitation: Invitation) -> tuple[str, str]:
    """The platform's participant and session that came with the link; empty for a plain link."""
    kept = request.session.get(PENDING)
    if not isinstance(kept, dict) or kept.get("invitation") != invitation.key:
        return "", ""
    return str(kept["participant"]), str(kept["session"])


def _ask() -> str:
    return _("Open the study from the recruitment site, and tell the site if it happens again.")


def _message(request: HttpRequest, heading: str, text: str, *, status: int = 200, go_on: bool = False) -> HttpResponse:
    """`go_on`: with a link to where the code of another device is entered."""
    return render(request, "rater/message.html", {"heading": heading, "text": text, "go_on": go_on}, status=status)


SCREENED_OUT = ("quota-full", "took-part", "not-qualified")
"""What the study does not take somebody for: these have the screen-out code."""


def refused(request: HttpRequest, error: RaterError, invitation: Invitation | None = None) -> HttpResponse:
    """A plain page that says why it can't be; of who is screened out, with the code and the link back.

    `invitation`: by which the person came.
    """
    headings = {
        "paused": _("This study is paused"),
        "quota-full": _("This study has enough people like you"),
        "took-part": _("This study looks for other people"),
        "not-qualified": _("You can't take part in this study"),
        "no-answer": _("An answer is missing"),
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
    heading = headings.get(error.code, _("This isn't possible"))
    if error.code in SCREENED_OUT and invitation is not None:
        context = {"heading": heading, "text": error.message, "code": invitation.screen_out_code}
        context["url"] = invitation.screen_out_url
        return render(request, "rater/screened.html", context, status=error.status)
    return _message(request, heading, error.message, status=error.status)


def _dropped(request: HttpRequest) -> HttpResponse:
    return _message(
        request,
        _("Your place was given to someone else"),
        _("You left the study or were away for too long. Another person now has your place. Thank you for your time."),
        status=410,
    )


def no_session_page(request: HttpRequest) -> HttpResponse:
    """The page of a browser that holds no rater's key."""
    if browser_keys(request):
        count_unknown_key(request)
    return _message(
        request,
        _("Please open your invitation link"),
        _("No study is open in this browser. Use your link again, in the browser in which you started."),
        status=403,
        go_on=True,
    )
