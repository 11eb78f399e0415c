"""Looks at results, by page: each is logged, and of a study that hides its rates somebody must have chosen to look."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect

from evaluation.models import Study
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.looks import HiddenRatesError, rates_hidden, result_look
from evaluation.views.researcher.pages import ResearcherRequest, page

CHOSEN = "looks_chosen"
"""Where the session keeps the studies at whose hidden rates somebody chose to look."""


def seen(request: ResearcherRequest, study: Study, what: str = "") -> None:
    """Log a look at `what`; without it, only refuse what is hidden, as of a figure in a page that is logged.

    Raises:
        HiddenRatesError: nobody chose to look.
    """
    chosen = study.pk in request.session.get(CHOSEN, [])
    if what:
        result_look(study=study, what=what, user=request.user, deliberate=chosen)
    elif rates_hidden(study) and not chosen:
        raise HiddenRatesError(study)


@page("POST", form_at="researcher:study")
def look(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Look at a study's report though its rates are hidden."""
    found = study_by_name(name)
    if rates_hidden(found):
        chosen = request.session.get(CHOSEN, [])
        request.session[CHOSEN] = [*(each for each in chosen if each != found.pk), found.pk]
        messages.warning(request, "This look is logged, and so is each further one. The report counts them.")
    return redirect("researcher:study-report", name=found.name)
