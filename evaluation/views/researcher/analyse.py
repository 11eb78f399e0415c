"""A closer look at a study's ratings: for whom results speak, equivalence within a margin, screening by a rule."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.http import HttpResponseBase

from evaluation.analysis.compare import equivalence
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMAND_WORDS
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.raters import MEASURES, Screening, ScreeningRule, screen
from evaluation.analysis.results import rounded
from evaluation.analysis.summary_results import Analysis
from evaluation.errors import InputError
from evaluation.models import Study
from evaluation.reports.compute import Settings, compute
from evaluation.reports.wording.numbers import p_text, points, points_range
from evaluation.reports.wording.results import results_text
from evaluation.selectors.declared import family_of
from evaluation.selectors.ratings import ratings_frame, study_categories
from evaluation.selectors.studies import study_by_name
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, add_input_error, form_page, page
from evaluation.views.researcher.plain_form import PlainForm


class AnalyseForm(PlainForm):
    """What is to be looked at."""

    estimand = forms.ChoiceField(
        label="Results speak for", choices=list(ESTIMAND_WORDS.items()), initial=DEFAULT_ESTIMAND
    )
    level = forms.FloatField(label="Level, per cent", min_value=50, max_value=99.9, initial=95)
    without_simulated = forms.BooleanField(label="Leave simulated ratings out", required=False)
    margin = forms.FloatField(
        label="Equivalence margin",
        required=False,
        min_value=0.1,
        max_value=100,
        help_text="In points of the net share, declared before the ratings were seen: are two runs preferred equally, "
        "up to this?",
    )
    measure = forms.ChoiceField(
        label="Screening by",
        required=False,
        choices=[("", "No rule"), *((name, name.replace("_", " ")) for name in MEASURES)],
        help_text="Keep raters by a rule, and see results with and without the others.",
    )
    at_least = forms.FloatField(label="At least", required=False, min_value=-1e9, max_value=1e9)
    at_most = forms.FloatField(label="At most", required=False, min_value=-1e9, max_value=1e9)

    def clean(self) -> dict[str, object]:
        """A rule has a limit."""
        given = super().clean() or {}
        if given.get("measure") and given.get("at_least") is None and given.get("at_most") is None:
            self.add_error("at_least", "Give a limit, at least or at most.")
        return given


@dataclass(frozen=True, slots=True)
class Look:
    """What was found. `text`: as the command `analyse` prints it. `equal`: (pair, question, net, p, equivalent or not).
    `nets`: (pair, question, net and interval of all raters, of those kept). `excluded`: raters with the rules failed.
    """

    text: str
    equal: tuple[tuple[str, str, str, str, bool], ...] = ()
    rule: str = ""
    not_judged: int = 0
    n_raters: int = 0
    excluded: tuple[tuple[str, str], ...] = ()
    nets: tuple[tuple[str, str, str, str], ...] = ()


@page("GET")
def analyse(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The form, and what it asks for once it was sent."""
    study = study_by_name(name)
    asked = "estimand" in request.GET
    form, look = AnalyseForm(request.GET) if asked else AnalyseForm(), None
    if asked and form.is_valid():
        try:
            seen(request, study, "analysis")
            look = _look(study, form)
        except InputError as error:
            add_input_error(form, error)
    return form_page(request, "researcher/analyse.html", form, {"area": "studies", "study": study, "look": look})


def _look(study: Study, form: AnalyseForm) -> Look:
    values = form.cleaned_data
    settings = Settings(values["estimand"], values["level"] / 100, not values["without_simulated"])
    frame = ratings_frame(study, include_simulated=settings.include_simulated)
    if frame.empty:
        raise InputError("There are no preferences to analyse yet. Send raters a link, or simulate some.")
    valid = validate_ratings(frame)
    family = family_of(study.specification, settings.estimand)
    results = compute(valid, settings, family, declared=study_categories(study))
    look = Look(results_text(results, title=f"Study {study.name}"))
    equal: tuple[tuple[str, str, str, str, bool], ...] = ()
    if values["margin"]:
        equal = _equal(results, values["margin"] / 100, 1 - settings.level)
    if not values["measure"]:
        return Look(look.text, equal)
    rule = ScreeningRule(values["measure"], values["at_least"], values["at_most"])
    found = screen(valid, [rule], estimand=settings.estimand, level=settings.level)
    return Look(
        text=look.text,
        equal=equal,
        rule=rule.words().replace("_", " "),
        not_judged=sum(found.not_judged.values()),
        n_raters=found.n_raters,
        excluded=tuple((rater, "; ".join(why).replace("_", " ")) for rater, why in found.excluded.items()),
        nets=_nets(found),
    )


def _equal(results: Analysis, margin: float, alpha: float) -> tuple[tuple[str, str, str, str, bool], ...]:
    lines = []
    for each in results.comparisons:
        found = equivalence(each.overall.net, margin, alpha)
        pair = f"{each.generator_a} against {each.generator_b}"
        p = p_text(found.p_value)
        lines.append((pair, each.question, points(each.overall.net.estimate), p, found.equivalent))
    return tuple(lines)


def _nets(found: Screening) -> tuple[tuple[str, str, str, str], ...]:
    def said(analysis: Analysis) -> dict[tuple[str, str], str]:
        return {
            (f"{each.generator_a} against {each.generator_b}", each.question): points(each.overall.net.estimate)
            + (f" ({points_range(each.overall.net.interval)})" if each.overall.net.interval else "")
            for each in rounded(analysis).comparisons
        }

    every, kept = said(found.without), said(found.kept)
    return tuple(
        (pair, question, net, kept.get((pair, question), "none left")) for (pair, question), net in every.items()
    )
