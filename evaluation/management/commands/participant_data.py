"""`manage.py participant_data`: what is kept of a participant, on their request, and deleting it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.selectors.participants import participant_data, participants_named
from evaluation.selectors.studies import study_by_name
from evaluation.services.rating.erase import participant_erase


class Command(ProductCommand):
    """Show all that is kept of a participant of a study, or delete it with `--delete`."""

    help = (
        "Show what a study keeps of one participant, as participants may ask (with --format json all of it). --delete "
        "deletes it: ids and what the rater said about themselves go, answers leave every result and export. That "
        "somebody was there stays counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="name of the study")
        parser.add_argument("participant", help="the recruitment site's id, or a rater's pseudonym from an export")
        parser.add_argument("--delete", action="store_true", help="delete the data for good")

    def run(self, **options: Any) -> Mapping[str, Any]:
        study = study_by_name(options["study"])
        if options["delete"]:
            return {"study": study.name, "deleted": participant_erase(study=study, who=options["participant"])}
        raters = participants_named(study, options["participant"])
        return {"study": study.name, "participants": [participant_data(each) for each in raters]}

    def describe(self, result: Mapping[str, Any]) -> str:
        if "deleted" in result:
            gone = result["deleted"]
            return f"The data of {counted(len(gone), 'rater')} is deleted: {', '.join(gone)}. Their number stays."
        return "\n".join(
            f"Rater {each['rater_id']}, participant {each['participant'] or 'of a plain link'}: joined "
            f"{each['created_at']}, finished {each['finished_at'] or 'not'}, {counted(len(each['ratings']), 'answer')}."
            for each in result["participants"]
        )
