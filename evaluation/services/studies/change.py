"""Drafts, changed: edited, copied from another study, deleted. An open study is never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from django.db import transaction

from common.hashes import hash_of
from evaluation import protocols
from evaluation.errors import ConflictError
from evaluation.models import Prompt, Study, StudyStatus
from evaluation.protocols.claims import ClaimsByText, PromptClaim
from evaluation.protocols.control_plan import Counts
from evaluation.protocols.kinds import Choice
from evaluation.protocols.rows import REFERENCE
from evaluation.protocols.serving import needs
from evaluation.selectors.own_protocols import protocol_named
from evaluation.services.studies.care import WARNING
from evaluation.services.studies.create import ATTRIBUTES, StudyDraft, draft_put
from evaluation.services.studies.difference import Copied
from evaluation.services.studies.known import rows_of
from evaluation.services.studies.open_or_queue import study_opening
from evaluation.services.studies.sets import default_set_size
from evaluation.services.studies.specify import StudySettings, consent_text, settings_of
from evaluation.suites.types import fold

VERSION_CHARACTERS = 64


def draft_version(study: Study) -> str:
    """What tells one state of a draft from another: whoever changes it says which one was seen."""
    runs = list(study.study_runs.order_by("order").values_list("run", "label"))
    return hash_of([study.name, study.title, study.status, study.specification, [list(each) for each in runs]])


def draft_of(study: Study) -> StudyDraft:
    """What was asked for in `study`, a draft or not, so that it can be asked for again. Where the study has the
    default, the default is asked for.
    """
    settings = settings_of(study)
    protocol = settings.protocol
    rows = list(study.study_runs.select_related("run__suite").order_by("order"))
    compared = [each for each in rows if not each.is_reference]
    runs, labels = [each.run for each in compared], [each.label for each in compared]
    primary = settings.primary
    meeting = (
        [(each, REFERENCE) for each in labels] if protocol.shown.reference == "beside" else combinations(labels, 2)
    )
    every_pair = primary is None or set(primary.pairs) == {tuple(sorted(each)) for each in meeting}
    asked = tuple(
        each.id for each in protocol.questions if isinstance(each.answers, Choice) and each.answers.preference
    )
    copied = Copied.of(study.specification)
    return StudyDraft(
        name=study.name,
        title=study.title,
        runs=runs,
        labels=labels,
        reference=next((each.run for each in rows if each.is_reference), None),
        protocol=protocol if protocol.name not in protocols.names() else protocol.name,
        design_seed=study.design_seed,
        samples_per_set=None if settings.set_size == default_set_size(runs, protocol.set_size) else settings.set_size,
        raters_per_panel=None if settings.raters_per_panel == protocol.raters_per_panel else settings.raters_per_panel,
        missing=settings.missing,
        display_side=settings.display_side,
        consent="" if settings.consent == consent_text(settings.protocol) else settings.consent,
        contact=settings.contact,
        stopping_rule=_rule(study, settings),
        masks=[each.written for each in settings.masks],
        primary_pairs=() if primary is None or every_pair else primary.pairs,
        primary_questions=() if primary is None or primary.questions == asked else primary.questions,
        estimand=primary.estimand if primary is not None else "",
        claims=_claims(study, settings),
        claims_source="" if settings.claims_source == ATTRIBUTES else settings.claims_source,
        controls=rows_of(settings.known, settings.study_protocol),
        without_controls=settings.controls_left_out,
        added_controls=_added(settings),
        quota_question=settings.admission.quota_question,
        quota_answers=[f"{answer}: {most}" for answer, most in (settings.admission.quotas or {}).items()],
        most_per_panel=settings.admission.most_per_panel,
        exclude_studies=settings.admission.excluded_studies,
        qualification=rows_of(settings.admission.qualification, settings.study_protocol),
        qualification_least=_least(settings),
        hide_rates=settings.hide_rates,
        signs_exclude=settings.signs.exclude if settings.signs is not None else (),
        flagged=[each.row() for each in settings.care.flags],
        flag_above=settings.care.flag_above,
        content_warning="" if settings.care.warning == WARNING else settings.care.warning,
        break_minutes=settings.care.break_minutes,
        break_trials=settings.care.break_trials,
        copied_from=copied.study if copied is not None else "",
        surround=settings.viewing.surround,
        smallest_width=settings.viewing.smallest_width,
        prompts_language=settings.viewing.prompts_language,
        crowd=settings.people.crowd.to_dict() if settings.people.crowd is not None else None,
        about=[each.line for each in settings.people.about],
        refusals=settings.people.refusals,
    )


def draft_under(draft: StudyDraft, protocol: str | protocols.Protocol) -> StudyDraft:
    """`draft` under another protocol: what only the former one takes is left out, and so are numbers that depart from
    it. Under the same one nothing changes.
    """
    former, wanted = (protocol_named(each) if isinstance(each, str) else each for each in (draft.protocol, protocol))
    if former == wanted:
        return replace(draft, protocol=protocol)
    needed = needs(wanted)
    return replace(
        draft,
        protocol=protocol,
        samples_per_set=None,
        raters_per_panel=None,
        stopping_rule=None,
        primary_pairs=(),
        primary_questions=(),
        reference=draft.reference if "reference" in needed else None,
        claims=draft.claims if "claims" in needed else None,
        controls=(),
        without_controls=draft.without_controls and "controls" in needed,
        added_controls=None,
        qualification=(),
        qualification_least=None,
    )


def draft_changed(draft: StudyDraft, given: Mapping[str, Any]) -> StudyDraft:
    """`draft` with the fields that are `given` in place of its own; what they make meaningless goes."""
    wanted = dict(given)
    if "runs" in wanted:
        wanted.setdefault("labels", None)
    if "controls" in wanted:
        wanted.setdefault("without_controls", False)
    elif wanted.get("without_controls"):
        wanted["controls"] = ()
    if wanted.get("crowd"):  # a part that is not given stays
        wanted["crowd"] = {**(draft.crowd or {}), **wanted["crowd"]}
    return replace(draft_under(draft, wanted.get("protocol", draft.protocol)), **wanted)


@transaction.atomic
def study_change(*, study: Study, draft: StudyDraft, version: str = "") -> Study:
    """Make the draft `study` what `draft` asks for. `version`: as `draft_version` gave it to whoever edits, "" for
    whatever it is now.

    Raises:
        InputError: as `study_create`; nothing was changed.
        ConflictError: it is no draft any more, a worker opens it, or somebody else has changed it.
    """
    return draft_put(_draft_held(study, version, "changed"), draft)


@transaction.atomic
def study_delete(*, study: Study, version: str = "") -> None:
    """Delete a draft.

    Raises:
        ConflictError: as `study_change`.
    """
    _draft_held(study, version, "deleted").delete()


def refuse_version(study: Study, version: str) -> None:
    """Raise ConflictError where `study` is no longer the draft that `version` tells of."""
    if version and version != draft_version(study):
        raise ConflictError(
            f"The draft {study} has been changed meanwhile, so nothing was done. Look at it as it is now, then try "
            "again."
        )


def _draft_held(study: Study, version: str, done: str) -> Study:
    """The draft, locked until the transaction ends."""
    found = Study.objects.select_for_update().filter(pk=study.pk).first()
    if found is None:
        raise ConflictError(f"The study {study} has been deleted meanwhile, so nothing was done.")
    if found.status != StudyStatus.DRAFT:
        raise ConflictError(
            f"The study {found} can't be {done}: it is {found.status}, and only drafts can be. Copy it as a new draft."
        )
    opening = study_opening(found)
    if opening is not None and not opening.message:
        raise ConflictError(f"The study {found} can't be {done}: a worker is opening it. Wait until it is open.")
    refuse_version(found, version)
    return found


def _rule(study: Study, settings: StudySettings) -> dict[str, object] | None:
    """The stopping rule; its maximum is left out where that is all places of the study."""
    if settings.stopping_rule is None:
        return None
    places = sum(panel["raters"] for panel in study.specification["panels"])
    rule = {name: value for name, value in settings.stopping_rule.to_dict().items() if name != "method"}
    return {
        name: value for name, value in rule.items() if value is not None and (name, value) != ("max_raters", places)
    }


def _added(settings: StudySettings) -> dict[str, object] | None:
    """The control trials that the study adds; none said where they are those of its protocol."""
    if settings.added == settings.protocol.added_controls:
        return None
    return dict(Counts().to_dict() if settings.added is None else settings.added.to_dict())


def _least(settings: StudySettings) -> int | None:
    """The pass mark of the qualification; None where that is all of it."""
    own = settings.admission
    return None if own.least_right == len(own.qualification) else own.least_right


def _claims(study: Study, settings: StudySettings) -> ClaimsByText | None:
    """The claims of a file, by the prompt's text; None where no file gave them."""
    if not settings.claims or settings.claims_source == ATTRIBUTES:
        return None
    suite = study.study_runs.values_list("run__suite", flat=True)[:1]
    texts = dict(Prompt.objects.filter(suite__in=suite).values_list("number", "text"))
    return {
        fold(texts[number]): tuple(PromptClaim(text) for text in claims) for number, claims in settings.claims.items()
    }
