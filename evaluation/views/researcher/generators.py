"""Generators: what can draw here, with its parameters."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import render

from common.parameters import Parameter
from evaluation.reports.wording.numbers import MINUS
from evaluation.selectors.lists import MOST_SEARCHED
from evaluation.views.researcher.pages import ResearcherRequest, page
from generators import registry
from generators.sizes import takes_any_shape

KINDS = {bool: "yes or no", int: "whole number", float: "number", str: "text"}


@page("GET")
def generators(request: ResearcherRequest) -> HttpResponseBase:
    """Every generator that the registry knows, broken ones with what is wrong."""
    entries = [
        (entry, [(parameter, allowed(parameter)) for parameter in entry.spec.parameters] if entry.spec else [])
        for entry in registry.entries()
    ]
    search = " ".join(request.GET.get("q", "")[:MOST_SEARCHED].split())
    found = [each for each in entries if _fits(each[0], search)]
    any_shape = {entry.name for entry, _ in found if entry.spec and takes_any_shape(entry.spec)}
    context = {
        "any_shape": any_shape,
        "area": "generators",
        "entries": found,
        "search": search,
        "n_known": len(entries),
    }
    return render(request, "researcher/generators.html", context)


def _fits(entry: registry.Entry, search: str) -> bool:
    """Whether each word searched for stands in the generator's name or summary."""
    text = f"{entry.name} {entry.spec.summary if entry.spec else ''}".casefold()
    return all(word in text for word in search.casefold().split())


def allowed(parameter: Parameter) -> str:
    """The values that a parameter takes, in words."""
    if parameter.choices:
        return ", ".join(parameter.choices)
    kind = KINDS[parameter.value_type]
    low, high = (None if each is None else f"{each:g}".replace("-", MINUS) for each in (parameter.low, parameter.high))
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    if low is not None:
        return f"{kind}, {low} or more"
    if high is not None:
        return f"{kind}, {high} or less"
    return kind
