"""Lists searched, filtered and sorted, by the database: what may be asked of each, in one form for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db.models import Model, OrderBy, Q, QuerySet

M = TypeVar("M", bound=Model)

MOST_SEARCHED = 200
"""Characters that are searched for; the rest of a longer text is left aside."""
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class ListFilter:
    """A filter of a list. `choices`: (value, label); `conditions`: by value, what rows it keeps.

    `default`: the value that holds where none is chosen, "" for all rows.
    """

    name: str
    label: str
    choices: Sequence[tuple[str, str]]
    conditions: Mapping[str, Q]
    default: str = ""


@dataclass(frozen=True, slots=True)
class ListShape:
    """What may be asked of a list. `search`: fields in which each word searched for must stand, in one or another;
    `search_of`: what these are, in words. `sorts`: by name its label and order; the first is the default.
    """

    search: Sequence[str]
    search_of: str
    sorts: Mapping[str, tuple[str, Sequence[str | OrderBy]]]
    filters: Sequence[ListFilter] = ()


@dataclass(frozen=True, slots=True)
class ListAsked:
    """What was asked for. `given`: the value of each filter, `default` where none was given or known."""

    search: str = ""
    sort: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    def parameters(self, shape: ListShape) -> dict[str, str]:
        """What stands in an address for it."""
        found = {"q": self.search} if self.search else {}
        found |= {each.name: self.given[each.name] for each in shape.filters if self.given[each.name] != each.default}
        return found | ({"sort": self.sort} if self.sort != next(iter(shape.sorts)) else {})


@dataclass(frozen=True, slots=True)
class NarrowedList(Generic[M]):
    """The rows that were asked for, and what was."""

    rows: QuerySet[M]
    asked: ListAsked


def list_asked(parameters: Mapping[str, Any], shape: ListShape) -> ListAsked:
    """What `parameters` of an address ask for; values that are not known ask for nothing."""
    given = {}
    for each in shape.filters:
        value = str(parameters.get(each.name, each.default))
        given[each.name] = value if value in dict(each.choices) else each.default
    sort = str(parameters.get("sort", ""))
    search = " ".join(str(parameters.get("q", ""))[:MOST_SEARCHED].split())
    return ListAsked(search, sort if sort in shape.sorts else next(iter(shape.sorts)), given)


def list_narrowed(rows: QuerySet[M], shape: ListShape, asked: ListAsked) -> NarrowedList[M]:
    """Those of `rows`, in the order asked for."""
    for word in asked.search.split()[:MOST_WORDS]:
        rows = rows.filter(_stands(word, shape.search))
    for each in shape.filters:
        condition = each.conditions.get(asked.given[each.name])
        if condition is not None:
            rows = rows.filter(condition)
    return NarrowedList(rows.order_by(*shape.sorts[asked.sort][1]), asked)


def _stands(word: str, fields: Sequence[str]) -> Q:
    found = Q()
    for name in fields:
        found |= Q(**{f"{name}__icontains": word})
    return found


def choice_filter(name: str, label: str, choices: Sequence[tuple[str, str]], path: str) -> ListFilter:
    """A filter whose values are those of the field `path`."""
    return ListFilter(
        name, label, [("", "All"), *choices], {value: Q(**{path: value}) for value, _ in choices if value}
    )


def flag_filter(name: str, label: str, yes: tuple[str, Q], no: tuple[str, Q], *, default: str = "") -> ListFilter:
    """A filter of two sides: (words, condition) each."""
    return ListFilter(name, label, [("", "All"), ("yes", yes[0]), ("no", no[0])], {"yes": yes[1], "no": no[1]}, default)


ARCHIVED = ListFilter(
    "archived",
    "Archived",
    [("no", "Not archived"), ("yes", "Archived"), ("all", "All")],
    {"no": Q(archived_at__isnull=True), "yes": Q(archived_at__isnull=False)},
    "no",
)
"""Archived things stand in a list only where it is asked for them."""
