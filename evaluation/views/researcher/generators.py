"""Generators: what can draw here, with its parameters."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render

from evaluation.views.researcher.pages import ResearcherRequest, page
from generators import registry


@page("GET")
def generators(request: ResearcherRequest) -> HttpResponseBase:
    """Every generator that the registry knows, broken ones with what is wrong."""
    return render(request, "researcher/generators.html", {"area": "generators", "entries": registry.entries()})
