"""The link from each page of the site to the part of the documentation that explains it."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from evaluation import documentation

register = template.Library()

EXPLAINED_BY: dict[str, tuple[str, str]] = {
    "home": ("quickstart", ""),
    "sign-in": ("quickstart", "1-start-it"),
    "sign-in-link": ("quickstart", "1-start-it"),
    "account": ("api", "signing-in"),
    **dict.fromkeys(
        ("team", "invite-colleague"),
        ("running-a-study", "colleagues"),
    ),
    "set-password": ("api", "signing-in"),
    "suites": ("suites", ""),
    "suite": ("suites", "what-identifies-a-suite"),
    "generators": ("running-generators", "rendering"),
    "runs": ("running-generators", ""),
    "new-run": ("running-generators", "rendering"),
    "run": ("running-generators", "what-a-worker-does"),
    "new-score": ("running-metrics", "on-the-pages"),
    "metric-run": ("running-metrics", "on-the-pages"),
    "curves": ("running-metrics", "on-the-pages"),
    "uploads": ("running-generators", "uploading"),
    "new-upload": ("running-generators", "uploading"),
    "upload": ("running-generators", "uploading"),
    "studies": ("running-a-study", ""),
    "new-study": ("running-a-study", "before-it-opens"),
    **dict.fromkeys(
        ("manage-suite", "manage-run", "manage-study"), ("running-a-study", "archiving-renaming-and-deleting")
    ),
    "plan": ("running-a-study", "planning-a-study"),
    "edit-study": ("running-a-study", "drafts"),
    "study": ("running-a-study", "opening"),
    "invite": ("running-a-study", "letting-raters-in"),
    **dict.fromkeys(
        ("study-raters", "study-rating-list", "study-links"), ("running-a-study", "raters-and-ratings-one-by-one")
    ),
    "simulate": ("quickstart", "4-open-a-study"),
    "study-analyse": ("report", ""),
    "close-study": ("running-a-study", "closing-with-raters-inside"),
    "participants": ("running-a-study", "participants-data"),
    "report": ("report", ""),
    "report-pair": ("report", ""),
    "study-signs": ("running-a-study", "signs"),
    "study-orders": ("report", "studies-side-by-side"),
}
"""(page, anchor) by the name of a researcher's address. Those not named lead to the list of all pages."""


@register.simple_tag(takes_context=True)
def documentation_link(context: dict[str, Any]) -> SafeString:
    """The link of the page that is being shown, named by the headings that it leads to; none without docs/."""
    request = context.get("request")
    match = request and request.resolver_match
    name, anchor = EXPLAINED_BY.get(match.url_name if match else "", (documentation.INDEX, ""))
    try:
        found = documentation.page(name)
    except LookupError:
        return mark_safe("")
    title = "Documentation" if name == documentation.INDEX else re.split("[:,]", found.title)[0]
    heading = f"{title}: {found.heading(anchor)}" if anchor else title
    return format_html('<a class="help-link" href="{}">Help: {}</a>', documentation.address(name, anchor), heading)
