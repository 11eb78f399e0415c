"""Choosing the runs of a study: those chosen stay on top while others are searched for, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpResponseBase
from django.shortcuts import render

from common.numbers import whole_or_none
from evaluation.models import GenerationRun, Suite
from evaluation.selectors.lists import ListShape, list_asked, list_narrowed
from evaluation.selectors.overview import comparable_runs
from evaluation.selectors.shared_images import SharedImages, runs_sharing_images
from evaluation.views.researcher.pages import ResearcherRequest, page
from evaluation.views.researcher.study_form import StudyForm

SHOWN = 12
"""Runs that are offered at once, beside those chosen."""
MOST_SHOWN = 240
MOST_SUITES = 200
LONGEST_KEY = 19
"""Digits of a number that the database keeps, less one."""

SHAPE = ListShape(
    search=("name", "generator", "suite__name"),
    search_of="Run, generator, suite",
    sorts={"suite": ("By suite", ("-suite__created_at", "suite_id", "-created_at", "-pk"))},
)


@dataclass(frozen=True, slots=True)
class RunChooser:
    """What the form shows: the runs that are `chosen`, and `others`, each with its label; `n_found` others in all.

    `suites`: (key, name, whether only its runs are shown). `more`: how many are shown if more are asked for.
    `shared_images`: which of these runs share images.
    """

    chosen: tuple[tuple[GenerationRun, str], ...]
    others: tuple[tuple[GenerationRun, str], ...]
    n_found: int
    search: str
    suites: tuple[tuple[str, str, bool], ...]
    shown: int
    shared_images: tuple[SharedImages, ...]

    @property
    def more(self) -> int:
        """How many others the button for more asks for; 0 where all are shown."""
        return min(self.shown + SHOWN, MOST_SHOWN) if self.n_found > len(self.others) and self.shown < MOST_SHOWN else 0

    @property
    def has_search(self) -> bool:
        """Whether there is something to look through."""
        return bool(self.search or self.suite or self.n_found > SHOWN)

    @property
    def suite(self) -> str:
        """The suite whose runs alone are shown, "" for all."""
        return next((key for key, _, chosen in self.suites if chosen and key), "")

    @property
    def empty(self) -> bool:
        """Whether there is no run that could be chosen at all."""
        return not (self.chosen or self.others or self.search or self.suite)


def run_chooser(
    request: ResearcherRequest, form: StudyForm, labels: Mapping[int, str], *, also: tuple[int, ...] = ()
) -> RunChooser:
    """The chooser as the form stands. `labels`: of runs of the draft that is edited or copied, `also` among those that
    may be chosen though they are archived. Six queries at most.
    """
    sent = request.POST
    picked = _picked(form)
    runs = comparable_runs(also=also)

    def labelled(run: GenerationRun) -> tuple[GenerationRun, str]:
        return run, sent.get(f"label-{run.pk}", "").strip() if request.method == "POST" else labels.get(run.pk, "")

    asked = list_asked({"q": sent.get("find", "")}, SHAPE)
    n_shown = min(max(whole_or_none(sent.get("find_more", sent.get("find_shown", ""))) or 0, SHOWN), MOST_SHOWN)
    others = list_narrowed(runs.exclude(pk__in=picked), SHAPE, asked).rows
    known = Suite.objects.filter(Q(runs__isnull=False)).distinct().order_by("-created_at", "-pk")[:MOST_SUITES]
    suite = sent.get("find_suite", "")
    suites = tuple((str(each.pk), str(each), str(each.pk) == suite) for each in known)
    if any(chosen for _, _, chosen in suites):
        others = others.filter(suite_id=int(suite))
    chosen = tuple(labelled(run) for run in runs.filter(pk__in=picked)) if picked else ()
    further = tuple(labelled(run) for run in others[:n_shown])
    return RunChooser(
        chosen=chosen,
        others=further,
        n_found=others.count(),
        search=asked.search,
        suites=suites,
        shown=n_shown,
        shared_images=runs_sharing_images({run.pk: run.name for run, _ in (*chosen, *further)}),
    )


def _picked(form: StudyForm) -> set[int]:
    """The keys of the runs that the form holds; what is none is left aside."""
    given = [str(getattr(key, "pk", key)) for key in form["runs"].value() or []]
    return {int(text) for text in given if text.isascii() and text.isdigit() and len(text) < LONGEST_KEY}


def asks_for_runs(request: ResearcherRequest) -> bool:
    """Whether the form was sent to look for runs, which saves nothing: by a button, or by Enter in the search."""
    sent = request.POST
    changed = any(sent.get(name, "") != sent.get(f"{name}_was", "") for name in ("find", "find_suite"))
    return "find_go" in sent or "find_more" in sent or changed


@page("POST", form_at="researcher:new-study")
def study_runs(request: ResearcherRequest) -> HttpResponseBase:
    """The runs to choose from as the form stands, for its script."""
    form = StudyForm(request.POST)
    return render(request, "researcher/_run_list.html", {"chooser": run_chooser(request, form, {})})
