"""`create_study`: two runs or more, compared under a protocol."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.models import StudyStatus
from evaluation.protocols import named_or_file
from evaluation.reports.wording.results import primary_text, stopping_rule_text
from evaluation.selectors.runs import run_by_name
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_url
from evaluation.services.studies.open import study_close, study_open

RULE = ("min_raters", "max_raters", "margin", "half_width", "alpha")
"""What `--stop-...` gives of a stopping rule."""


class Command(ProductCommand):
    """Make a study, and open it with `--open`; or open or close one that is there."""

    help = (
        "Create a study that compares runs under a protocol. With --open, open it at once and print the raters' link; "
        "otherwise open it later with `create_study --name NAME --open`. --close ends it: it accepts no more ratings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name", required=True, help="the study's name, used in addresses: letters, digits, - and _"
        )
        parser.add_argument("--runs", help="two or more runs, separated by commas")
        parser.add_argument(
            "--labels", help="labels of the runs in results, separated by commas (default: their names)"
        )
        parser.add_argument("--title", default="", help="a title for researchers; raters don't see it")
        parser.add_argument(
            "--protocol",
            default="drawbench",
            metavar="NAME|FILE",
            help="the protocol, or a YAML file of your own (default: drawbench)",
        )
        parser.add_argument("--raters-per-panel", type=int, help="raters per category (default: the protocol's number)")
        parser.add_argument(
            "--samples-per-set", type=int, help="images per set (default: the protocol's number, or what the runs have)"
        )
        parser.add_argument(
            "--seed", type=int, default=0, help="seed of sides, orders and the choice of samples (default: 0)"
        )
        parser.add_argument(
            "--missing",
            default="refuse",
            metavar="refuse|drop-prompts|smaller-sets",
            help="what to do if images are missing (default: refuse)",
        )
        parser.add_argument(
            "--display-side",
            type=int,
            help="longest side of displayed images in pixels (default: the runs', up to 512)",
        )
        parser.add_argument(
            "--mask",
            action="append",
            default=[],
            metavar="CORNER:WIDTHxHEIGHT",
            help="cover a corner of every image, to hide watermarks, such as bottom-right:0.3x0.1; repeat for several",
        )
        parser.add_argument("--consent", default="", metavar="FILE", help="a text file with what raters agree to")
        parser.add_argument("--contact", default="", help="whom raters can ask")
        declared = parser.add_argument_group(
            "what the study sets out to show",
            "Primary pairs and questions are one family: p-values are adjusted over it (Holm), and nothing else is "
            "highlighted. Without these options, all pairs and questions are primary.",
        )
        declared.add_argument(
            "--pair", action="append", default=[], metavar="A,B", help="labels of a primary pair; repeat for several"
        )
        declared.add_argument(
            "--question", action="append", default=[], metavar="NAME", help="a primary question; repeat for several"
        )
        declared.add_argument(
            "--estimand",
            default="",
            help="what the intervals speak for: raters_and_prompts (default), raters, prompts or votes",
        )
        rule = parser.add_argument_group(
            "early stopping",
            "Any of these options declares a stopping rule. The rule recommends stopping once every comparison is "
            "decided (its interval excludes zero) or meets another limit given here. You close the study yourself.",
        )
        rule.add_argument("--stop-when-decided", action="store_true", help="a rule with its default values")
        rule.add_argument(
            "--stop-margin",
            type=float,
            metavar="M",
            help="also stop once the interval lies within +-M; 0.1 is ten points",
        )
        rule.add_argument(
            "--stop-half-width", type=float, metavar="H", help="also stop once the interval is no wider than +-H"
        )
        rule.add_argument(
            "--stop-min-raters", type=int, metavar="N", help="don't stop before N raters have finished (default: 5)"
        )
        rule.add_argument(
            "--stop-max-raters", type=int, metavar="N", help="stop after N raters in any case (default: all places)"
        )
        rule.add_argument(
            "--stop-alpha", type=float, metavar="A", help="the intervals have level 1 - A (default: 0.05)"
        )
        parser.add_argument("--open", action="store_true", help="open the study at once and print the raters' link")
        parser.add_argument("--close", action="store_true", help="close the study")

    def run(self, **options: Any) -> Mapping[str, Any]:
        """Create, open or close."""
        if options["close"]:
            study = study_close(study=study_by_name(options["name"]))
        elif options["runs"] is None:
            study = study_by_name(options["name"])
            if _rule_of(options) is not None:
                raise InputError(
                    f"The study {study} already exists. A stopping rule can only be declared when a study is created, "
                    "together with --runs.",
                    field="stopping_rule",
                )
            if not options["open"]:
                raise InputError(
                    f"The study {study} already exists. Give --open or --close, or --runs for a new study."
                )
        else:
            study = study_create(
                StudyDraft(
                    name=options["name"],
                    runs=[run_by_name(name) for name in options["runs"].split(",")],
                    labels=options["labels"].split(",") if options["labels"] is not None else None,
                    title=options["title"],
                    protocol=named_or_file(options["protocol"]),
                    raters_per_panel=options["raters_per_panel"],
                    samples_per_set=options["samples_per_set"],
                    design_seed=options["seed"],
                    missing=options["missing"],
                    display_side=options["display_side"],
                    consent=_text_of(options["consent"]),
                    contact=options["contact"],
                    stopping_rule=_rule_of(options),
                    masks=options["mask"],
                    primary_pairs=[each.split(",") for each in options["pair"]],
                    primary_questions=options["question"],
                    estimand=options["estimand"],
                )
            )
        invitation = None
        if options["open"]:
            study = study_open(study=study, progress=_bar, invite=True)
            invitation = study.invitations.get()
        progress = study_progress(study)
        return {
            "study": study.name,
            "status": study.status,
            "protocol": study.protocol,
            "specification_hash": study.specification_hash,
            "runs": {entry["label"]: entry["run"] for entry in study.specification["runs"]},
            "sets": study.specification["sets"],
            "departures": study.specification["departures"],
            "stopping_rule": study.specification.get("stopping_rule"),
            "analysis": study.specification.get("analysis"),
            "panels": len(progress.panels),
            "raters": progress.raters_wanted,
            "ratings": progress.ratings_wanted,
            "invitation": invitation_url(invitation) if invitation else None,
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        """For people."""
        runs = " against ".join(result["runs"])
        lines = [
            f"Study {result['study']} is {result['status']}: {runs}.",
            f"Protocol {result['protocol']}, {counted(result['sets']['size'], 'image')} per set.",
            ", ".join(counted(result[f"{noun}s"], noun) for noun in ("panel", "rater", "rating")) + " in all.",
        ]
        if result["departures"]:
            lines.append("Departs from the protocol: " + "; ".join(result["departures"]) + ".")
        if result["analysis"]:
            lines.append(primary_text(result["analysis"]))
        if result["stopping_rule"]:
            lines.append(f"Stopping rule: {stopping_rule_text(result['stopping_rule'])}")
        if result["status"] == StudyStatus.DRAFT:
            lines.append(f"Open it: manage.py create_study --name {result['study']} --open")
        if result["specification_hash"]:
            lines.append(f"Specification {result['specification_hash']}")
        if result["invitation"]:
            lines.append(f"Raters' link: {result['invitation']}")
        return "\n".join(lines)


def _rule_of(options: Mapping[str, Any]) -> dict[str, object] | None:
    rule = {name: options[f"stop_{name}"] for name in RULE if options[f"stop_{name}"] is not None}
    return rule if rule or options["stop_when_decided"] else None


def _text_of(path: str) -> str:
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The consent text {path} can't be read ({error}). Give a UTF-8 text file.") from error


def _bar(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    sys.stderr.write(f"Prepared images: {done} of {total}{end}")
    sys.stderr.flush()
