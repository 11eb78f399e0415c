"""The start page."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render

from evaluation.selectors.overview import overview
from evaluation.selectors.runs import runs_progress
from evaluation.views.researcher.pages import ResearcherRequest, page


@page("GET")
def home(request: ResearcherRequest) -> HttpResponseBase:
    """What to do first, and what is under way."""
    seen = overview()
    progress = runs_progress(seen.unfinished) if seen.unfinished else {}
    running = [(run, progress[run.pk]) for run in seen.unfinished]
    return render(request, "researcher/home.html", {"overview": seen, "running": running})
