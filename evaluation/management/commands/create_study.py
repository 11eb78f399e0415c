"""`create_study`: runs, compared under a protocol; drafts, edited, copied and deleted."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.management.controls_options import add_admission, add_controls, controls_of
from evaluation.management.crowd_options import add_crowd_options, crowd_given
from evaluation.models import Study, StudyStatus
from evaluation.protocols.claims import MOST_BYTES as MOST_CLAIM_BYTES
from evaluation.protocols.claims import read_claims
from evaluation.reports.wording.controls import controls_lines
from evaluation.reports.wording.results import primary_text, stopping_rule_text
from evaluation.selectors.own_protocols import protocol_named_or_file
from evaluation.selectors.runs import run_by_name
from evaluation.selectors.shared_images import study_shared_images
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.studies.care import MOST_BYTES as MOST_FLAG_BYTES
from evaluation.services.studies.care import read_flags
from evaluation.services.studies.change import draft_changed, draft_of, draft_version, study_change, study_delete
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_url
from evaluation.services.studies.known import MOST_BYTES as MOST_CONTROL_BYTES
from evaluation.services.studies.known import read_known
from evaluation.services.studies.open import study_close, study_open, study_pause
from evaluation.services.studies.viewing import DEFAULT_SURROUND, SURROUNDS

RULE = ("min_raters", "max_raters", "margin", "half_width", "alpha")
"""What `--stop-...` gives of a stopping rule."""


class Command(ProductCommand):
    """Make a study, and open it with `--open`; or edit, copy, delete, open or close one that is there."""

    help = (
        "Create a study that compares runs under a protocol. With --open, open it at once and print the raters' link; "
        "otherwise open it later with `create_study --name NAME --open`. --copy-from makes a draft like another study; "
        "--edit changes a draft, --delete deletes it. --close ends a study: it accepts no more ratings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name", required=True, help="the study's name, used in addresses: letters, digits, - and _"
        )
        parser.add_argument("--runs", help="the runs, separated by commas; two or more where trials show two")
        parser.add_argument(
            "--labels", help="labels of the runs in results, separated by commas (default: their names)"
        )
        parser.add_argument("--title", help="a title for researchers; raters don't see it")
        parser.add_argument(
            "--protocol",
            metavar="NAME|FILE|study:NAME",
            help="the protocol, a YAML file of your own, or the protocol of a study (default: drawbench)",
        )
        parser.add_argument(
            "--reference", metavar="RUN", help="the run of the reference photographs, for protocols that show them"
        )
        parser.add_argument(
            "--claims",
            metavar="FILE",
            help="claims to ask about: Davidsonian Scene Graph, GenEval 2, or a table of prompt and claim (default: of "
            "the suite's attributes)",
        )
        parser.add_argument(
            "--controls",
            metavar="FILE",
            help="control trials with their right answers: a table of prompt_id, shown, question, answer",
        )
        parser.add_argument(
            "--without-controls", action="store_true", help="leave out the protocol's control trials: a departure"
        )
        parser.add_argument("--raters-per-panel", type=int, help="raters per category (default: the protocol's number)")
        parser.add_argument(
            "--samples-per-set", type=int, help="images per set (default: the protocol's number, or what the runs have)"
        )
        parser.add_argument("--seed", type=int, help="seed of sides, orders and the choice of samples (default: 0)")
        parser.add_argument(
            "--missing",
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
        parser.add_argument(
            "--surround",
            metavar="|".join(SURROUNDS),
            help=f"the colour around the images (default: {DEFAULT_SURROUND})",
        )
        parser.add_argument(
            "--smallest-width",
            type=int,
            metavar="PIXELS",
            help="CSS pixels that each image must stand wide on a rater's screen (default: any)",
        )
        parser.add_argument(
            "--prompts-language",
            metavar="TAG",
            help="the language of the prompts, such as en; raters with another confirm that they read it",
        )
        parser.add_argument("--consent", metavar="FILE", help="a text file with what raters agree to")
        parser.add_argument("--contact", help="whom raters can ask")
        add_crowd_options(parser)
        kind = parser.add_argument_group("kind to raters")
        kind.add_argument(
            "--flagged", metavar="FILE", help="images to blur until uncovered: a table of prompt_id, run, sample"
        )
        kind.add_argument(
            "--flag-above", type=float, metavar="X", help="blur images that open-nsfw scores above X too, 0 to 1"
        )
        kind.add_argument("--content-warning", metavar="TEXT", help="shown to raters with the consent text")
        kind.add_argument("--break-minutes", type=int, metavar="N", help="offer a pause after N minutes")
        kind.add_argument("--break-trials", type=int, metavar="N", help="offer a pause after N comparisons")
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
            help="what the intervals speak for: raters_and_prompts (default), raters, prompts or votes",
        )
        add_controls(parser)
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
        add_admission(parser)
        parser.add_argument("--pause", action="store_true", help="let nobody in for a while, and give no further trial")
        parser.add_argument("--resume", action="store_true", help="go on with a paused study")
        parser.add_argument("--open", action="store_true", help="open the study at once and print the raters' link")
        there = parser.add_mutually_exclusive_group()
        there.add_argument(
            "--copy-from",
            metavar="STUDY",
            help="make a draft like STUDY, with what else is given here; print the differences",
        )
        there.add_argument(
            "--edit", action="store_true", help="change what is given here of a draft, and keep the rest"
        )
        there.add_argument("--rename", metavar="NEW", help="as --edit, and give the draft another name")
        there.add_argument("--delete", action="store_true", help="delete a draft")
        there.add_argument("--close", action="store_true", help="close the study")
        parser.add_argument(
            "--with-raters-inside",
            type=int,
            metavar="N",
            help="close although N raters are inside; without it the command says who they are and how they are paid",
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        """Create, edit, copy, delete, open or close."""
        name, given = options["name"], _given(options)
        editing = options["edit"] or options["rename"] is not None
        alone = [each for each in ("delete", "close", "pause", "resume") if options[each]]
        if alone:
            if given or options["open"] or len(alone) > 1:
                done = f"--{alone[0]}"
                raise InputError(f"{done} stands alone: nothing can be changed or opened with it.")
            study = study_by_name(name)
            if options["delete"]:
                study_delete(study=study)
                return {"study": study.name, "status": "deleted"}
            if options["close"]:
                study = study_close(study=study, inside=options["with_raters_inside"] or 0)
            else:
                study = study_pause(study=study, paused=bool(options["pause"]))
        elif options["copy_from"] is not None:
            copied = draft_of(study_by_name(options["copy_from"]))
            wanted = {**given, "name": name, "copied_from": options["copy_from"]}
            study = study_create(draft_changed(replace(copied, title=""), wanted))
        elif editing:
            study = study_by_name(name)
            renamed = {} if options["rename"] is None else {"name": options["rename"]}
            if not given and not renamed:
                raise InputError("--edit needs something to change: give the options that are to be otherwise.")
            seen = draft_version(study)
            study = study_change(study=study, draft=draft_changed(draft_of(study), given | renamed), version=seen)
        elif options["runs"] is None:
            study = study_by_name(name)
            if given:
                raise InputError(
                    f"The study {study} already exists. Give --edit to change the draft, or --runs for a new study.",
                    field=next(iter(given)),
                )
            if not options["open"]:
                raise InputError(
                    f"The study {study} already exists. Give --open, --edit, --delete or --close, or --runs for a new "
                    "study."
                )
        else:
            study = study_create(StudyDraft(**{"name": name, **given}))
        invitation = None
        if options["open"]:
            study = study_open(study=study, progress=_bar, invite=True)
            invitation = study.invitations.get()
        progress, shared = study_progress(study), study_shared_images(study)
        return {
            "study": study.name,
            "status": study.status,
            "paused": study.paused_at is not None,
            "protocol": study.protocol,
            "specification_hash": study.specification_hash,
            "runs": {entry["label"]: entry["run"] for entry in study.specification["runs"]},
            "sets": study.specification["sets"],
            "departures": study.specification["departures"],
            "copied_from": study.specification.get("copied_from"),
            "controls": study.specification.get("controls", {}).get("added"),
            "stopping_rule": study.specification.get("stopping_rule"),
            "analysis": study.specification.get("analysis"),
            "care": study.specification.get("care"),
            "shared_images": [each.to_dict() for each in shared],
            "cautions": [*(f"{each.in_words}." for each in shared), *_cautions(study)],
            "panels": len(progress.panels),
            "raters": progress.raters_wanted,
            "ratings": progress.ratings_wanted,
            "invitation": invitation_url(invitation) if invitation else None,
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        """For people."""
        if result["status"] == "deleted":
            return f"The draft {result['study']} is deleted."
        runs = " against ".join(result["runs"])
        lines = [
            f"Study {result['study']} is {'paused' if result['paused'] else result['status']}: {runs}.",
            f"Protocol {result['protocol']}, {counted(result['sets']['size'], 'image')} per set.",
            ", ".join(counted(result[f"{noun}s"], noun) for noun in ("panel", "rater", "rating")) + " in all.",
        ]
        if result["departures"]:
            lines.append("Departs from the protocol: " + "; ".join(result["departures"]) + ".")
        if (copied := result["copied_from"]) is not None:
            told = "; ".join(copied["differences"]) or "nothing"
            lines.append(f"Differs from {copied['study']}, of which it is a copy, in: {told}.")
        lines += [f"Not blind in all: {each}" for each in result["cautions"]]
        if result["analysis"]:
            lines.append(primary_text(result["analysis"]))
        if result["controls"]:
            lines += controls_lines(result["controls"])
        if result["stopping_rule"]:
            lines.append(f"Stopping rule: {stopping_rule_text(result['stopping_rule'])}")
        if result["status"] == StudyStatus.DRAFT:
            lines.append(f"Open it: manage.py create_study --name {result['study']} --open")
        if result["specification_hash"]:
            lines.append(f"Specification {result['specification_hash']}")
        if result["invitation"]:
            lines.append(f"Raters' link: {result['invitation']}")
        return "\n".join(lines)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a draft that were given, by name."""
    plain = {
        "title": options["title"],
        "raters_per_panel": options["raters_per_panel"],
        "samples_per_set": options["samples_per_set"],
        "design_seed": options["seed"],
        "missing": options["missing"],
        "display_side": options["display_side"],
        "contact": options["contact"],
        "stopping_rule": _rule_of(options),
        "masks": options["mask"] or None,
        "surround": options["surround"],
        "smallest_width": options["smallest_width"],
        "prompts_language": options["prompts_language"],
        "primary_pairs": [each.split(",") for each in options["pair"]] or None,
        "primary_questions": options["question"] or None,
        "estimand": options["estimand"],
        "without_controls": options["without_controls"] or None,
        "added_controls": controls_of(options),
        "signs_exclude": options["sign_excludes"] or None,
        "quota_question": options["quota_question"],
        "quota_answers": options["quota"] or None,
        "most_per_panel": options["most_per_panel"],
        "exclude_studies": options["exclude_study"] or None,
        "qualification_least": options["pass_mark"],
        "hide_rates": options["hide_rates"] or None,
        "flag_above": options["flag_above"],
        "content_warning": options["content_warning"],
        "break_minutes": options["break_minutes"],
        "break_trials": options["break_trials"],
    }
    given = crowd_given(options)
    given |= {name: value for name, value in plain.items() if value is not None}
    if options["runs"] is not None:
        given["runs"] = [run_by_name(name) for name in options["runs"].split(",")]
    if options["labels"] is not None:
        given["labels"] = options["labels"].split(",")
    elif "runs" in given:
        given["labels"] = None
    if options["protocol"] is not None:
        given["protocol"] = protocol_named_or_file(options["protocol"])
    if options["reference"] is not None:
        given["reference"] = run_by_name(options["reference"])
    if options["consent"] is not None:
        given["consent"] = _text_of(options["consent"])
    if options["claims"] is not None:
        path = Path(options["claims"])
        given |= {"claims": read_claims(_bytes_of(path, MOST_CLAIM_BYTES), path.name), "claims_source": path.name}
    if options["qualification"] is not None:
        path = Path(options["qualification"])
        given["qualification"] = read_known(_bytes_of(path, MOST_CONTROL_BYTES), path.name)
    if options["flagged"] is not None:
        path = Path(options["flagged"])
        given["flagged"] = read_flags(_bytes_of(path, MOST_FLAG_BYTES), path.name)
    if options["controls"] is not None:
        path = Path(options["controls"])
        given["controls"] = read_known(_bytes_of(path, MOST_CONTROL_BYTES), path.name)
    return given


def _cautions(study: Study) -> list[str]:
    return [f"{each}." for each in study.specification.get("blind", {}).get("cautions", ())]


def _rule_of(options: Mapping[str, Any]) -> dict[str, object] | None:
    rule = {name: options[f"stop_{name}"] for name in RULE if options[f"stop_{name}"] is not None}
    return rule if rule or options["stop_when_decided"] else None


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The consent text {path} can't be read ({error}). Give a UTF-8 text file.") from error


def _bytes_of(path: Path, most: int) -> bytes:
    """A file's first bytes, one more than allowed, which its reader refuses."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"The file {path} can't be read: {reason}. Check the path.") from error


def _bar(done: int, total: int) -> None:
    end = "\n" if done == total else "\r"
    sys.stderr.write(f"Prepared images: {done} of {total}{end}")
    sys.stderr.flush()
