"""`manage.py plan`: what a study will find, take and cost, before it is held."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluation.analysis.columns import RatingsError
from evaluation.analysis.pilot import PilotReading, read_pilot
from evaluation.analysis.votes_pairs import as_pairs
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.reports.wording.plan import plan_text
from evaluation.selectors.own_protocols import protocol_named_or_file
from evaluation.selectors.plan import PlanAsked, pilot_named, plan_of_study, prompts_read, study_plan, suite_prompts
from evaluation.selectors.studies import study_by_name
from evaluation.selectors.suites import suite_by_name
from evaluation.votes_options import add_votes_options, refuse_votes_options, votes_from

SCHEMA = "drawbench-plan/1"


class Command(ProductCommand):
    """Plan a study."""

    help = (
        "Say what a study will find, how long raters work and what they cost: of a draft by its name, or of no study "
        "by the numbers given. --width also says how many raters, prompts or image sets an interval of that width "
        "takes. --pilot plans with the variances and times of earlier ratings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", nargs="?", help="name of a study, a draft or not; without one, of a new study")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--suite", help="the suite whose prompts are rated")
        what.add_argument(
            "--prompts", metavar="N[,N..]", help="or how many prompts each category has (default: 200 in all)"
        )
        parser.add_argument("--protocol", help="a protocol's name, or a YAML file (default: drawbench, or the study's)")
        parser.add_argument("--generators", type=int, help="how many runs are compared (default: 2, or the study's)")
        parser.add_argument("--raters-per-panel", type=int, help="raters of each trial (default: the protocol's)")
        parser.add_argument("--samples-per-set", type=int, help="images per set (default: the protocol's)")
        parser.add_argument(
            "--seconds", type=float, help="that a trial takes (default: the pilot's, or by what it shows and asks)"
        )
        parser.add_argument("--pay", type=float, help="for an hour of a rater's work, in any currency")
        parser.add_argument(
            "--width", type=float, metavar="W", help="the half-width wanted of the net share's interval; 0.05 is ±5"
        )
        parser.add_argument(
            "--pilot", metavar="STUDY|FILE", help="a study, or a file of ratings, whose variances and times are used"
        )
        add_votes_options(parser)

    def run(self, **options: Any) -> Mapping[str, Any]:
        """Plan."""
        asked = _asked(options)
        given = {
            "generators": options["generators"],
            "raters": options["raters_per_panel"],
            "set_size": options["samples_per_set"],
            "seconds": options["seconds"],
            "pay": options["pay"],
            "width": options["width"],
            "pilot": _pilot(options),
        }
        self.plan = study_plan(replace(asked, **{name: value for name, value in given.items() if value is not None}))
        return {"schema": SCHEMA, **self.plan.to_dict()}

    def describe(self, result: Mapping[str, Any]) -> str:
        """For people."""
        return plan_text(self.plan)


def _asked(options: Mapping[str, Any]) -> PlanAsked:
    """The study, or what was given in place of one."""
    prompts = None
    if options["suite"] is not None:
        prompts = suite_prompts(suite_by_name(options["suite"]))
    elif options["prompts"] is not None:
        prompts = prompts_read(options["prompts"])
    if options["study"] is not None:
        asked = plan_of_study(study_by_name(options["study"]))
        if prompts is not None:
            asked = replace(asked, prompts=prompts)
        if options["protocol"] is not None:
            asked = replace(asked, protocol=protocol_named_or_file(options["protocol"]), raters=None, set_size=None)
        return asked
    protocol = protocol_named_or_file(options["protocol"] or "drawbench")
    return PlanAsked(protocol=protocol, prompts=prompts or {"": 200})


def _pilot(options: Mapping[str, Any]) -> PilotReading | None:
    """A file where there is one of that name, or it looks like one; a study otherwise."""
    name = options["pilot"]
    if name is None or not (Path(name).suffix or "/" in name or Path(name).is_file()):
        refuse_votes_options(options)
        return None if name is None else pilot_named(name)
    votes = votes_from([name], options)
    try:
        return read_pilot(as_pairs(votes, compare_scores=False))
    except RatingsError as error:
        raise InputError(f"{name}: {error}", field="pilot") from error
