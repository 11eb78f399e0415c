"""Lists on pages: a form of what may be asked, sent as an address, so that every state of a list can be linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page
from django.db.models import QuerySet

from evaluation.selectors.lists import ListAsked, ListShape, list_asked, list_narrowed
from evaluation.views.researcher.pages import ResearcherRequest, page_of

FEW = 6
"""Rows up to which a list that was not asked anything shows no form."""


@dataclass(frozen=True, slots=True)
class ListMenu:
    """A menu of the form: its name, label and choices as (value, label, chosen)."""

    name: str
    label: str
    choices: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class ShownList:
    """A page of a list with its form. `keep`: what its other pages keep in their addresses. `narrowed`: whether
    anything was asked, so that an empty list says so. `others`: it is empty, and there are rows that it does not show.
    """

    page: Page[Any]
    search: str
    search_of: str
    menus: tuple[ListMenu, ...]
    keep: str
    narrowed: bool
    others: bool

    @property
    def has_form(self) -> bool:
        """Whether there is something to look through."""
        return self.narrowed or self.others or self.page.paginator.count > FEW or self.page.paginator.num_pages > 1

    @property
    def count(self) -> int:
        """Rows found."""
        return self.page.paginator.count


def shown_list(request: ResearcherRequest, rows: QuerySet[Any], shape: ListShape, *, size: int) -> ShownList:
    """The page of `rows` that the address asks for. Two queries, and one where it is empty."""
    asked = list_asked(request.GET, shape)
    found = list_narrowed(rows, shape, asked)
    parameters = asked.parameters(shape)
    page = page_of(request, found.rows, size=size)
    return ShownList(
        page=page,
        search=asked.search,
        search_of=shape.search_of,
        menus=_menus(shape, asked),
        keep=f"{urlencode(parameters)}&" if parameters else "",
        narrowed=bool(set(parameters) - {"sort"}),
        others=page.paginator.count == 0 and rows.exists(),
    )


def _menus(shape: ListShape, asked: ListAsked) -> tuple[ListMenu, ...]:
    menus = []
    for each in shape.filters:
        choices = ((value, label, value == asked.given[each.name]) for value, label in each.choices)
        menus.append(ListMenu(each.name, each.label, tuple(choices)))
    sorts = tuple((name, label, name == asked.sort) for name, (label, _) in shape.sorts.items())
    return (*menus, ListMenu("sort", "Sort", sorts))
