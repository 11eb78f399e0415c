"""Options of `create_study`: control trials and signs, whom a study takes, hidden rates."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from evaluation.analysis.signs import SIGNS

CONTROLS = {
    "same": "trials of one set on both sides, where indifferent is right",
    "swapped": "trials of a set beside one of the same generator for another prompt (noise, if a generator is weak)",
    "repeats": "trials seen again with their sides turned round",
    "gold": "trials of the file that --controls gives",
    "honest": "the share of control trials that honest raters pass (default: 0.6)",
    "false_exclusion": "the share of honest raters that is excluded at most (default: 0.02)",
}
"""What `--control-...` gives of control trials, each number of one session."""


def add_controls(parser: ArgumentParser) -> None:
    """What `controls_of` reads, and the signs that exclude."""
    added = parser.add_argument_group(
        "control trials of the study's own images",
        "They are mixed with the trials and count in no rate; raters who fail them are excluded by an exact rule. "
        "How many each panel has, and what they attain, is printed.",
    )
    for name, meaning in CONTROLS.items():
        kind = float if name in ("honest", "false_exclusion") else int
        option = f"--control-{name.replace('_', '-')}"
        added.add_argument(option, type=kind, metavar="N" if kind is int else "SHARE", help=meaning)
    added.add_argument("--control-report-only", action="store_true", help="exclude nobody, and only report who fails")
    added.add_argument(
        "--sign-excludes",
        action="append",
        default=[],
        metavar="SIGN",
        help=f"exclude raters by a sign, which is else only shown: {', '.join(SIGNS)}; repeat for several",
    )


def add_admission(parser: ArgumentParser) -> None:
    """Qualification, quotas, studies whose raters are left out, and hidden rates."""
    taken = parser.add_argument_group("whom the study takes")
    taken.add_argument(
        "--qualification",
        metavar="FILE",
        help="a few trials with known answers, which raters answer first and with feedback: a table as --controls",
    )
    taken.add_argument("--pass-mark", type=int, metavar="N", help="trials of it that must be right (default: all)")
    taken.add_argument("--quota-question", metavar="TEXT", help="what raters are asked at consent, for quotas")
    taken.add_argument(
        "--quota",
        action="append",
        default=[],
        metavar="ANSWER:N",
        help='an answer and the most raters who give it, such as "English: 20"; repeat for each',
    )
    taken.add_argument("--most-per-panel", type=int, metavar="N", help="raters that a panel takes, at most")
    taken.add_argument(
        "--exclude-study",
        action="append",
        default=[],
        metavar="STUDY",
        help="leave out who took part in STUDY; repeat for several",
    )
    parser.add_argument(
        "--hide-rates",
        action="store_true",
        help="keep rates hidden from the team until the study closes; looks before that are logged and counted",
    )


def controls_of(options: Mapping[str, Any]) -> dict[str, object] | None:
    """The control trials that were asked for, None for those of the protocol."""
    given = {name: options[f"control_{name}"] for name in CONTROLS if options[f"control_{name}"] is not None}
    if options["control_report_only"]:
        given["exclude"] = False
    return given or None
