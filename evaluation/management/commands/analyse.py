"""`manage.py analyse`: preference rates of a study, or of files of ratings, scores or other answers."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from django.utils import timezone

from evaluation.analysis.answer_analysis import analyse_answers
from evaluation.analysis.displays import displays
from evaluation.analysis.draws import draw_parts
from evaluation.analysis.families import ALL, Family
from evaluation.analysis.fragility import fragility
from evaluation.analysis.frame import by_people
from evaluation.analysis.groups import group_columns, rates_by_group
from evaluation.analysis.ranking import Ranking, rank_generators
from evaluation.analysis.results import rounded
from evaluation.analysis.score_report import report_scores
from evaluation.analysis.style import read_styles, style_parts
from evaluation.analysis.summary_results import Analysis
from evaluation.analysis.votes import Votes
from evaluation.analysis.votes_pairs import as_pairs
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.look_option import add_look
from evaluation.management.paper_option import add_paper, check_paper, paper_written
from evaluation.reports.compute import Counted, Settings, analysed_answers, compute, counted_of, settings_from
from evaluation.reports.wording.answers import answers_text
from evaluation.reports.wording.displays import displays_text
from evaluation.reports.wording.draws import draws_text
from evaluation.reports.wording.fragility import fragility_text
from evaluation.reports.wording.groups import groups_text
from evaluation.reports.wording.results import ranking_lines, results_text
from evaluation.reports.wording.score_means import scores_text
from evaluation.reports.wording.screening import screening_line
from evaluation.reports.wording.style import style_text
from evaluation.selectors.about import with_about
from evaluation.selectors.declared import declared_primary, family_of
from evaluation.selectors.imported import imported_by_name, votes_of
from evaluation.selectors.ratings import ratings_frame, study_categories
from evaluation.selectors.studies import study_by_name
from evaluation.services.reporting.input import answers_input
from evaluation.services.studies.looks import result_look
from evaluation.votes_options import add_compare_scores, add_votes_options, refuse_votes_options, votes_from

FILES = {
    "ratings": "files of ratings instead of a study: our own form, or what another program exported",
    "scores": "files of scores of single images instead: means with intervals",
    "answers": "a file of answers of other kinds instead: rankings, scales, choices, marks",
}
"""What may be analysed instead of a study, by option."""


Texts = list[Callable[[], str]]


@dataclass(frozen=True)
class Analysed:
    """What the command prints; only the form that was asked for is made. `more` joins the JSON of the rest."""

    document: Callable[[], dict[str, Any]]
    texts: Texts
    more: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return self.document() | dict(self.more)

    def joined_by(self, more: Mapping[str, Any]) -> Analysed:
        """With more entries."""
        return replace(self, more={**self.more, **more})


class Command(ProductCommand):
    """Print the shares of the answers and the net share with intervals, per question, overall and by category."""

    help = (
        "Analyse the ratings of a study, or of files: ratings files (CSV or Parquet; same numbers), or the votes of "
        "other programs, which are recognised (docs/votes-from-anywhere.md). For each pair and question, overall and "
        "by category: the shares of the answers, and the net share with its default interval (over raters and prompts) "
        "and, for comparison, the naive one. The text begins with a summary and the rankings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_look(parser)
        parser.add_argument("study", nargs="?", help="name of the study, or of imported votes")
        for kind, what in FILES.items():
            parser.add_argument(f"--{kind}", metavar="FILE", nargs="+", action="extend", default=[], help=what)
        add_votes_options(parser)
        add_compare_scores(parser)
        parser.add_argument(
            "--estimand",
            help="what the default interval speaks for: raters_and_prompts, raters, prompts or votes (default: what "
            "the study declared, else raters_and_prompts)",
        )
        parser.add_argument("--level", type=float, default=0.95, help="confidence level (default: 0.95)")
        parser.add_argument(
            "--question", action="append", default=[], metavar="NAME", help="only this question; repeat for several"
        )
        parser.add_argument(
            "--pair",
            action="append",
            default=[],
            metavar="A,B",
            help="only this pair of generators; repeat for several",
        )
        parser.add_argument(
            "--summary",
            action="store_true",
            help="only the overall figures and the rankings, a line for each comparison",
        )
        parser.add_argument(
            "--all-raters",
            action="store_true",
            help="of a study: keep the raters whom its declared screening leaves out",
        )
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")
        parser.add_argument(
            "--fragility",
            action="store_true",
            help="also: the fewest raters, prompts or votes whose removal overturns each finding (takes longer)",
        )

        parser.add_argument(
            "--jod", action="store_true", help="also: the rankings on the JOD scale (Thurstone; 1 JOD: 75 %% agree)"
        )

        parser.add_argument(
            "--style",
            metavar="FILE",
            help="also: how much of each net share goes with style; a table with prompt_id, generator and a column of "
            "numbers for each style (measure_style makes it of images)",
        )

        parser.add_argument(
            "--draws",
            action="store_true",
            help="also: the variance of raters, prompts and draws of images apart, where prompts have several image "
            "sets (column set)",
        )

        add_paper(parser)

    def run(self, **options: Any) -> Analysed:
        check_paper(options)
        named = [kind for kind in FILES if options[kind]]
        if (options["study"] is not None) + len(named) != 1:
            raise InputError(
                "Name either a study or files with --ratings FILE, --scores FILE or --answers FILE. analyse"
                " --help shows how."
            )
        asked: dict[str, object] = {
            "level": options["level"],
            "include_simulated": not options["without_simulated"],
        }
        if options["estimand"] is not None:
            asked["estimand"] = options["estimand"]
        imported = None if named else imported_by_name(options["study"])
        if options["all_raters"] and (named or imported):
            raise InputError("--all-raters is for studies of this server: votes from elsewhere declare no screening.")
        if named:
            votes = votes_from(options[named[0]], options)
            title = titled(f"{named[0].capitalize()} file", options[named[0]])
            more = {"import": votes.to_dict()} if votes.columns else {}
            return self._votes(votes, named[0], title, settings_from(asked), options).joined_by(more)
        if imported is None:
            refuse_votes_options(options)
            return self._study(asked, options)
        refuse_votes_options({**options, "compare_scores": False})
        check_paper({**options, "study": None})
        votes = votes_of(imported)
        wanted = "ratings" if options["compare_scores"] else votes.kind
        found = self._votes(votes, wanted, f"Imported votes {imported.name}", settings_from(asked), options)
        return found.joined_by({"import": votes.to_dict() | {"name": imported.name}})

    def _study(self, asked: Mapping[str, object], options: Mapping[str, Any]) -> Analysed:
        study = study_by_name(options["study"])
        result_look(study=study, what="analysis", deliberate=options["look"])
        declared = declared_primary(study.specification)
        settings = settings_from({**({"estimand": declared.estimand} if declared else {}), **asked})
        include, title = settings.include_simulated, f"Study {study.name}"
        ratings = with_about(ratings_frame(study, include_simulated=include), study, exported=False)
        own = answers_input(study, include_simulated=include, as_of=timezone.now())
        counted = counted_of(ratings, own)
        applied = not options["all_raters"]
        valid = counted.kept_ratings if applied else counted.ratings
        family = family_of(study.specification, settings.estimand)
        found = self._rates(valid, title, settings, options, family, study_categories(study))
        line = screening_line(counted.screening, counted.signs, applied=applied)
        texts: Texts = [lambda: line] if line else []
        more: dict[str, Any] = {"screening": {"applied": applied} | screened(counted)} if line else {}
        if own.frame is not None:
            others = analysed_answers(counted.kept_answers if applied else counted.answers, own, settings)
            more["answers"] = others.to_dict()
            texts.append(partial(answers_text, others, title="Other answers"))
        if options["paper"] is not None:
            files = paper_written(study, settings, options)
            more["paper"] = {"name": options["paper"], "files": files}
            texts.append(lambda: "Wrote " + ", ".join(files))
        return replace(found.joined_by(more), texts=[*found.texts, *texts])

    def _votes(self, votes: Votes, wanted: str, title: str, settings: Settings, options: Mapping[str, Any]) -> Analysed:
        """Votes that are no study's. `wanted`: the kind that was asked for."""
        if wanted == "ratings":
            valid = as_pairs(votes, compare_scores=options["compare_scores"])
            return self._rates(valid if settings.include_simulated else by_people(valid), title, settings, options)
        if votes.kind != wanted:
            hint = "; with --compare-scores, --ratings takes scores too" if votes.kind == "scores" else ""
            raise InputError(f"The file holds {votes.kind}, not {wanted}. Give it with --{votes.kind}{hint}.")
        if wanted == "answers":
            found = analyse_answers(votes.frame, estimand=settings.estimand, level=settings.level)
            return Analysed(found.to_dict, [partial(answers_text, found, title=title)], {})
        report = report_scores(votes.frame, estimand=settings.estimand, level=settings.level)
        return Analysed(report.to_dict, [partial(scores_text, report, title=title, summary=options["summary"])], {})

    def _rates(
        self,
        valid: pd.DataFrame,
        title: str,
        settings: Settings,
        options: Mapping[str, Any],
        family: Family = ALL,
        categories: Sequence[str] = (),
    ) -> Analysed:
        """Votes on pairs: a study's, or those of files."""
        results = compute(
            valid, settings, family, declared=categories, questions=options["question"], pairs=options["pair"]
        )
        more, texts = self._more(valid, results, settings, options)
        text = partial(results_text, results, title=title, summary=options["summary"])
        return Analysed(results.to_summary if options["summary"] else results.to_dict, [text, *texts], more)

    def _more(
        self, valid: pd.DataFrame, results: Analysis, settings: Settings, options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Texts]:
        """What was asked for beside the rates, and the groups of raters where the file describes them."""
        more: dict[str, Any] = {}
        texts: Texts = []
        there = {(each.generator_a, each.generator_b, each.question) for each in results.comparisons}
        estimand, level = settings.estimand, settings.level
        by_group = (rates_by_group(valid, each, estimand=estimand, level=level) for each in group_columns(valid))
        groups = tuple(rounded(each).narrowed(there) for each in by_group)
        if groups:
            more["groups"] = [each.to_dict() for each in groups]
            texts.append(partial(groups_text, groups))
        shown = rounded(displays(valid, estimand=estimand, level=level))
        if shown is not None:
            shown = shown.narrowed(there)
            more["displays"] = shown.to_dict()
            texts.append(partial(displays_text, shown))
        if options["jod"]:
            questions = dict.fromkeys(each.question for each in results.comparisons)
            scaled = [
                rounded(rank_generators(valid, question=each, model="thurstone", level=settings.level))
                for each in questions
            ]
            more["jod"] = [each.to_dict() for each in scaled]
            texts += [partial(_ranking_text, each) for each in scaled]
        if options["style"]:
            styles = rounded(style_parts(valid, read_styles(options["style"]), level=settings.level))
            more["style"] = [each.to_dict() for each in styles]
            texts.append(partial(style_text, styles))
        if options["draws"]:
            drawn = rounded(draw_parts(valid, settings.level))
            drawn = tuple(each for each in drawn if (each.generator_a, each.generator_b, each.question) in there)
            more["draws"] = [each.to_dict() for each in drawn]
            texts.append(partial(draws_text, drawn))
        if options["fragility"]:
            found = fragility(valid, estimand=estimand, level=level)
            fragile = tuple(each for each in found if (each.generator_a, each.generator_b, each.question) in there)
            more["fragility"] = [each.to_dict() for each in fragile]
            texts.append(partial(fragility_text, fragile))
        return more, texts

    def describe(self, result: Analysed) -> str:
        return "\n\n".join(each() for each in result.texts)


def screened(counted: Counted) -> dict[str, Any]:
    """The screening of a study's raters, by control trials and by signs, as a report's JSON has them."""
    screening, signs = counted.screening, counted.signs
    return {
        "controls": None if screening is None else screening.to_dict(),
        "signs": None if signs is None else signs.to_dict(),
    }


def _ranking_text(ranking: Ranking) -> str:
    return "\n".join(ranking_lines(ranking))


def titled(what: str, files: Sequence[str]) -> str:
    """`Ratings file x.csv`, or `Ratings files x.csv, y.csv`."""
    return f"{what}{'s' if len(files) > 1 else ''} {', '.join(files)}"
