"""Studies of the same runs side by side."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render

from evaluation.models import StudyStatus
from evaluation.reports.wording.orders import order_table
from evaluation.selectors.orders import studies_beside
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.reporting.orders import study_orders
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, page


@page("GET")
def orders(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """How a study and the others of its runs order them."""
    study = study_by_name(name)
    studies = [each for each in (study, *studies_beside(study)) if each.status != StudyStatus.DRAFT]
    for each in studies:
        seen(request, each, "orders")
    context = {
        "area": "studies",
        "study": study,
        "others": [each for each in studies if each.pk != study.pk],
        "table": order_table(study_orders(studies)),
        "simulated": any(study_progress(each).ratings_simulated for each in studies),
    }
    return render(request, "researcher/orders.html", context)
