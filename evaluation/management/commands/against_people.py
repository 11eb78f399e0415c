"""`manage.py against_people`: automatic scores held against raters, and preference rates from both."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import nearest
from evaluation.analysis.automatic_scores import AGGREGATES, read_automatic_scores
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.frame import by_people, read_ratings, validate_ratings
from evaluation.analysis.powered_ranking import powered_rankings
from evaluation.analysis.results import rounded
from evaluation.analysis.score_drift import agreement_by_prompt, score_drift
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.look_option import add_look
from evaluation.reports.against_people import against_people
from evaluation.reports.compute import settings_from
from evaluation.reports.wording.against_people import against_people_text
from evaluation.reports.wording.powered import drift_text, powered_rankings_text
from evaluation.selectors.against_people import study_scores
from evaluation.selectors.metrics import study_metrics_left_out
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.looks import result_look


class Command(ProductCommand):
    """Hold automatic scores against raters, and estimate preference over all prompts from both."""

    help = (
        "Compare automatic scores with the raters of a study: how far each score agrees with the raters, how far the "
        "raters agree with each other, and where they differ most. Also estimate the net preference over all scored "
        "prompts from the ratings of some and the scores of all (prediction-powered), with intervals. Give a study "
        "whose runs were scored with `score`, or files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_look(parser)
        parser.add_argument("study", nargs="?", metavar="STUDY", help="name of the study")
        parser.add_argument("--ratings", metavar="FILE", help="a ratings file instead of a study; needs --scores")
        parser.add_argument(
            "--scores", metavar="FILE", help="a scores file (CSV or Parquet) instead of the study's own"
        )
        parser.add_argument(
            "--metric",
            action="append",
            dest="metrics",
            metavar="NAME",
            help="a score that the prediction uses (default: all); repeat for several",
        )
        parser.add_argument(
            "--aggregate",
            default="mean",
            help=f"how the images of a set become one score: {', '.join(AGGREGATES)} (default: mean)",
        )
        parser.add_argument(
            "--estimand",
            default=DEFAULT_ESTIMAND,
            help="what the intervals of agreement speak for: raters_and_prompts (default), raters, prompts or votes",
        )
        parser.add_argument("--level", type=float, default=0.95, help="confidence level (default: 0.95)")
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")
        parser.add_argument(
            "--ranking",
            action="store_true",
            help="also: rank the generators over all scored prompts, from the ratings of some and the scores of all",
        )
        parser.add_argument(
            "--before-ratings",
            metavar="FILE",
            help="ratings of a time when the scores were trusted: says whether they still agree with people as then; "
            "needs --before-scores",
        )
        parser.add_argument("--before-scores", metavar="FILE", help="the scores of that time")
        parser.add_argument(
            "--false-alarm",
            type=float,
            default=0.05,
            help="how often the alarm may sound for a score that has not changed (default: 0.05)",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        if (options["study"] is None) == (options["ratings"] is None):
            raise InputError("Name either a study or a file with --ratings FILE. against_people --help shows examples.")
        if options["ratings"] is not None and options["scores"] is None:
            raise InputError("A ratings file needs a scores file too: --scores FILE (docs/against-people.md).")
        include = not options["without_simulated"]
        settings = settings_from(
            {"estimand": options["estimand"], "level": options["level"], "include_simulated": include}
        )
        notes: tuple[str, ...] = ()
        if options["study"] is not None:
            study = study_by_name(options["study"])
            result_look(study=study, what="analysis", deliberate=options["look"])
            self.title = f"Study {study.name}"
            ratings = validate_ratings(ratings_frame(study, include_simulated=include))
        else:
            self.title = f"Ratings file {options['ratings']}"
            ratings = read_ratings(options["ratings"])
            ratings = ratings if include else by_people(ratings)
        if not len(ratings):
            raise InputError(f"{self.title} has no ratings{'' if include else ' by people'} yet.")
        if options["scores"] is not None:
            scores = read_automatic_scores(options["scores"])
        else:
            scores, notes = study_scores(study)
            left_out = study_metrics_left_out(study)
            notes = (*left_out, *notes)
            if not len(scores):
                raise InputError(
                    f"The runs of the study {study.name} have no scores to compare. Score each run with `score RUN "
                    "--metric NAME --wait` (`score --list` names the metrics), or give a file with --scores FILE. "
                    f"{' '.join(left_out)}".rstrip()
                )
        if options["aggregate"] not in AGGREGATES:
            hint = nearest(options["aggregate"], AGGREGATES) or "."
            raise InputError(f'Unknown aggregate "{options["aggregate"]}"{hint} Choose one of {", ".join(AGGREGATES)}.')
        known = sorted({str(name) for name in scores["metric"].unique()})
        unknown = [name for name in options["metrics"] or () if name not in known]
        if unknown:
            hint = nearest(unknown[0], known) or "."
            raise InputError(f'Unknown automatic score "{unknown[0]}"{hint} Choose one of {", ".join(known)}.')
        if (options["before_ratings"] is None) != (options["before_scores"] is None):
            raise InputError("Give both of --before-ratings FILE and --before-scores FILE, or neither.")
        self.found = against_people(
            ratings,
            scores,
            metrics=options["metrics"],
            aggregate=options["aggregate"],
            estimand=settings.estimand,
            level=settings.level,
            notes=notes,
        )
        chosen = scores
        if options["metrics"]:
            chosen = scores[scores["metric"].astype(str).isin(options["metrics"]).to_numpy()]
        more: dict[str, Any] = {}
        self.more: list[str] = []
        if options["ranking"]:
            rankings = rounded(powered_rankings(ratings, chosen, aggregate=options["aggregate"], level=settings.level))
            more["rankings"] = [each.to_dict() for each in rankings]
            self.more.append(powered_rankings_text(rankings))
        if options["before_ratings"] is not None:
            if not 0 < options["false_alarm"] < 1:
                raise InputError(f"--false-alarm must be between 0 and 1, such as 0.05; got {options['false_alarm']}.")
            then = read_ratings(options["before_ratings"]), read_automatic_scores(options["before_scores"])
            tables = [agreement_by_prompt(*each, options["aggregate"]) for each in (then, (ratings, chosen))]
            drifts = rounded(score_drift(*tables, alpha=options["false_alarm"]))
            more["drift"] = [each.to_dict() for each in drifts]
            self.more.append(drift_text(drifts))
        return self.found.to_dict() | more

    def describe(self, result: Mapping[str, Any]) -> str:
        return "\n\n".join([f"{self.title}\n{against_people_text(self.found)}", *self.more])
