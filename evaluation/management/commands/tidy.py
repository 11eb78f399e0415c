"""`manage.py tidy`: suites, runs and studies archived, brought back, renamed and deleted."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import nearest
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Study, Suite
from evaluation.selectors.runs import run_by_name
from evaluation.selectors.studies import study_by_name
from evaluation.selectors.suites import suite_by_name
from evaluation.selectors.uses import Uses, run_uses, study_uses, suite_uses
from evaluation.services.runs.manage import run_archive, run_delete, run_rename
from evaluation.services.studies.change import study_delete
from evaluation.services.studies.manage import study_archive, study_rename
from evaluation.services.suites.manage import suite_archive, suite_delete, suite_rename

KINDS = ("suite", "run", "study")


class Command(ProductCommand):
    """Archive, bring back, rename or delete what nothing uses."""

    help = (
        "Say what uses a suite, a run or a study and what would be lost with it; archive it (lists and forms then "
        "leave it out), bring it back, rename it, or delete it for good. What something uses can only be archived."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", metavar="KIND", help=", ".join(KINDS))
        parser.add_argument("name", help="its name; of a suite also NAME@VERSION")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--archive", action="store_true", help="leave it out of lists and forms")
        what.add_argument("--restore", action="store_true", help="bring it back")
        what.add_argument("--rename", metavar="NEW", help="another name; of a study that was opened, another title")
        what.add_argument("--delete", action="store_true", help="delete it; says what would be lost, unless with --yes")
        parser.add_argument("--yes", action="store_true", help="confirm --delete")

    def run(self, **options: Any) -> Mapping[str, Any]:
        """Do what is asked for."""
        kind, name = options["kind"], options["name"]
        if kind not in KINDS:
            raise InputError(f'Unknown kind "{kind}"{nearest(kind, KINDS) or "."} Kinds: {", ".join(KINDS)}.')
        if options["yes"] and not options["delete"]:
            raise InputError("--yes confirms --delete. Give both, or neither.")
        found: Suite | GenerationRun | Study
        if isinstance(found := _named(kind, name), Suite):
            uses, done = suite_uses(found), _suite(found, options)
        elif isinstance(found, GenerationRun):
            uses, done = run_uses(found), _run(found, options)
        else:
            uses, done = study_uses(found), _study(found, options)
        self.uses = uses
        return {"kind": kind, "name": name, "done": done, "uses": uses.to_dict()}

    def describe(self, result: Mapping[str, Any]) -> str:
        """For people."""
        called = f"The {result['kind']} {result['name']}"
        uses: Uses = self.uses
        if result["done"]:
            lost = f" Lost: {uses.lost}." if result["done"] == "deleted" else ""
            return f"{called} is {result['done']}.{lost}"
        used = (
            f"{called} is used by {uses.users}." if uses.used_by else f"Nothing uses {called[0].lower()}{called[1:]}."
        )
        return f"{used} With it would be lost: {uses.lost}."


def _named(kind: str, name: str) -> Suite | GenerationRun | Study:
    if kind == "suite":
        return suite_by_name(name)
    return run_by_name(name) if kind == "run" else study_by_name(name)


def _suite(suite: Suite, options: Mapping[str, Any]) -> str:
    if options["delete"] and options["yes"]:
        suite_delete(suite=suite)
        return "deleted"
    if options["archive"] or options["restore"]:
        suite_archive(suite=suite, archived=options["archive"])
    if options["rename"] is not None:
        suite_rename(suite=suite, name=options["rename"])
    return _done(options)


def _run(run: GenerationRun, options: Mapping[str, Any]) -> str:
    if options["delete"] and options["yes"]:
        run_delete(run=run)
        return "deleted"
    if options["archive"] or options["restore"]:
        run_archive(run=run, archived=options["archive"])
    if options["rename"] is not None:
        run_rename(run=run, name=options["rename"])
    return _done(options)


def _study(study: Study, options: Mapping[str, Any]) -> str:
    if options["delete"] and options["yes"]:
        study_delete(study=study)
        return "deleted"
    if options["archive"] or options["restore"]:
        study_archive(study=study, archived=options["archive"])
    if options["rename"] is not None:
        study_rename(study=study, name=options["rename"])
    return _done(options)


def _done(options: Mapping[str, Any]) -> str:
    if options["archive"] or options["restore"]:
        return "archived" if options["archive"] else "back in the lists"
    return f"renamed to {options['rename']}" if options["rename"] is not None else ""
