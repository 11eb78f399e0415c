"""The page on which a rater may say something about themselves, change it, and delete it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from evaluation.doors import count_unknown_key
from evaluation.models import RaterAbout
from evaluation.selectors.crowd import declared_about
from evaluation.selectors.trials import raters_of_browser, study_is_demonstration
from evaluation.services.rating.about import rater_about, rater_about_delete
from evaluation.services.rating.errors import RaterError
from evaluation.views.rater.cookie import browser_hashes, browser_keys
from evaluation.views.rater.language import speak, spoken

FIELD = "about-"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def about(request: HttpRequest) -> HttpResponse:
    """The declared questions, each with "rather not say". It comes before the instructions, and is open afterwards."""
    with spoken(request):
        return _about(request)


def _about(request: HttpRequest) -> HttpResponse:
    rater = next(iter(raters_of_browser(browser_hashes(request))), None)
    if rater is None:
        if browser_keys(request):
            count_unknown_key(request)
        refusal = {
            "heading": _("Please open your invitation link"),
            "text": _("No study is open in this browser. Use your link again, in the browser in which you started."),
        }
        return render(request, "rater/message.html", refusal, status=403)
    questions = declared_about(rater.study.specification)
    if not questions:
        return redirect("rater:trials")
    speak(rater.language)
    if request.method == "POST":
        try:
            if "delete" in request.POST:
                rater_about_delete(rater=rater)
                return redirect("rater:about")
            rater_about(
                rater=rater,
                answers={each.id: request.POST.get(f"{FIELD}{each.id}", "") for each in questions},
            )
        except RaterError as error:
            refusal = {"heading": _("This isn't possible"), "text": error.message}
            return render(request, "rater/message.html", refusal, status=error.status)
        return redirect("rater:trials")  # which leads on to the instructions, or to the end
    row = RaterAbout.objects.filter(rater=rater).first()
    said = row.answers if row else {}
    asked = [
        (f"{FIELD}{each.id}", each.text, [(answer, said.get(each.id) == answer) for answer in each.answers],
         not said.get(each.id))
        for each in questions
    ]  # fmt: skip
    context = {"asked": asked, "said": bool(said), "demonstration": study_is_demonstration(rater.study_id)}
    return render(request, "rater/about.html", context)
