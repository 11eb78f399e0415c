"""What is sealed of a study: what it locked, its chain, and the records of its ratings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from django.db.models import Count, QuerySet, Subquery

from common.hashes import hash_of
from evaluation.models import (
    Comparison,
    Departure,
    GenerationRun,
    Prompt,
    Rating,
    Seal,
    SealedRating,
    Study,
    StudyImage,
)
from evaluation.reports.bundle.chain import DELETION, Link
from evaluation.reports.bundle.contents import DESIGN, RUNS, SPECIFICATION, SUITE
from evaluation.reports.bundle.records import SEEN, rater_tag

Document: TypeAlias = Any

RECORD_COLUMNS = (
    "rater__key",
    "rater__panel",
    "rater__simulated",
    "assignment__comparison__prompt__number",
    "assignment__comparison__category",
    "assignment__comparison__members",
    "assignment__comparison__control",
    "assignment__comparison__expected",
    "assignment__shown_order",
    "assignment__position",
    "assignment__repetition",
    "question",
    "shown_choice",
    "value",
    "response_time_ms",
    "created_at",
    "evidence",
    *SEEN,
)


def iso(moment: datetime) -> str:
    """A moment as records have it: ISO 8601 in UTC, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def locked_documents(study: Study) -> dict[str, Document]:
    """What an open or closed study locked, by the bundle's file."""
    return {
        SPECIFICATION: study.specification,
        SUITE: _suite(study),
        DESIGN: _design(study),
        RUNS: _runs(study),
    }


def locked_hashes(study: Study) -> dict[str, str]:
    """The hash of each of `locked_documents`."""
    return {name: hash_of(document) for name, document in locked_documents(study).items()}


def _suite(study: Study) -> Document:
    first = study.study_runs.select_related("run__suite").order_by("order")[0]
    suite = first.run.suite
    prompts = Prompt.objects.filter(suite=suite).order_by("number").values("number", "text", "category", "attributes")
    return {
        "name": suite.name,
        "version": suite.version_hash,
        "content": suite.content_hash,
        "prompts": list(prompts),
    }


def _design(study: Study) -> Document:
    """Each comparison, with its image sets as [sample's index, hash of its image, hash of what raters see]."""
    images = {
        key: [index, image, shown]
        for key, index, image, shown in StudyImage.objects.filter(study=study).values_list(
            "key", "sample__sample", "sample__image__sha256", "rendition__sha256"
        )
    }
    labels = dict(study.study_runs.values_list("pk", "label"))
    comparisons = Comparison.objects.filter(study=study).select_related("prompt").order_by("pk")
    return [
        {
            "prompt": each.prompt.number,
            "category": each.category,
            "generators": [labels[member] for member in each.members],
            "sets": [[images[key] for key in keys] for keys in each.sets],
            "questions": each.questions,
            "claims": each.claims,
            "guide": images.get(each.guide),
            "control": each.control,
            "expected": each.expected,
        }
        for each in comparisons
    ]


def _runs(study: Study) -> Document:
    return [
        {
            "label": each.label,
            "is_reference": each.is_reference,
            "name": each.run.name,
            "generator": each.run.generator,
            "parameters": each.run.parameters,
            "seed": each.run.known_seed,
            "weights_fingerprint": each.run.weights_fingerprint,
            "provenance": each.run.provenance,
            "declared": each.run.declared,
            "samples_per_prompt": each.run.samples_per_prompt,
            **_sides(each.run),
        }
        for each in study.study_runs.select_related("run").order_by("order")
    ]


def _sides(run: GenerationRun) -> Document:
    """The size of a run as `RUNS` has it: squares as they were sealed before there were others."""
    if run.width == run.height:
        return {"size": run.width}
    return {"width": run.width, "height": run.height}


def chain_of(study: Study) -> list[Link]:
    """The links of the study's chain, from the first. One query."""
    return [Link(each.body, each.head, each.public_key, each.signature) for each in study.seals.order_by("number")]


@dataclass(frozen=True)
class SealedState:
    """How far a study is sealed. `at`: the last link's moment."""

    n_ratings: int
    at: datetime
    head: str
    public_key: str


def sealed_state(study: Study) -> SealedState | None:
    """How far the study is sealed; None where nothing is. One query."""
    n = SealedRating.objects.filter(seal__study=study).order_by().values("seal__study").annotate(n=Count("pk"))
    columns = ("created_at", "head", "public_key")
    last = study.seals.order_by("-number").annotate(n=Subquery(n.values("n"))).values_list("n", *columns).first()
    return None if last is None else SealedState(last[0] or 0, *last[1:])


def last_seal(study: Study) -> Seal | None:
    """The last link; None where nothing was sealed yet."""
    return study.seals.order_by("-number").first()


def records_of(ratings: QuerySet[Rating], labels: dict[int, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(primary key, record) of ratings, in their order. `labels`: of the study's runs, by primary key."""
    for pk, *columns in ratings.values_list("pk", *RECORD_COLUMNS).iterator(chunk_size=2000):
        yield pk, _record(columns, labels)


def _record(columns: Sequence[Any], labels: Mapping[int, str]) -> dict[str, Any]:
    """The record of a rating with these `RECORD_COLUMNS`."""
    key, panel, simulated, prompt, category, members, control, expected, order, *rest = columns
    position, repetition, question, choice, value, milliseconds, at, noted, *seen = rest
    return {
        "rater": rater_tag(str(key)),
        "panel": panel,
        "simulated": simulated,
        "prompt": prompt,
        "category": category,
        "generators": [labels[member] for member in members],
        "order": list(order),
        "position": position,
        "repetition": repetition,
        "control": control,
        "expected": expected,
        "question": question,
        "choice": choice,
        "value": value,
        "response_time_ms": milliseconds,
        "at": iso(at),
        "evidence": noted,
        **dict(zip(SEEN, seen, strict=True)),
    }


def sealed_records(study: Study, n_links: int) -> Iterator[dict[str, Any]]:
    """Each rating sealed in the first `n_links` links, with its salt and commitment, in the order of exports, without
    deleted ones, as the database hands them out. Two queries. The chain that was read lacks what is sealed meanwhile.
    """
    labels = dict(study.study_runs.values_list("pk", "label"))
    ratings = Rating.objects.filter(
        sealed__seal__study=study, sealed__seal__number__lt=n_links, sealed__deleted_in=None
    ).order_by("rater_id", "assignment__position", "question", "pk")
    columns = ("sealed__salt", "sealed__commitment", *RECORD_COLUMNS)
    for salt, commitment, *told in ratings.values_list(*columns).iterator(chunk_size=2000):
        yield {"commitment": commitment, "salt": salt, "record": _record(told, labels)}


def deleted_since(study: Study, n_links: int) -> bool:
    """Whether a link after the first `n_links` tells of a participant's deletion. One query."""
    return study.seals.filter(number__gte=n_links, body__kind=DELETION).exists()


def unsealed(study: Study) -> QuerySet[Rating]:
    """The ratings of a study that no link has yet, the oldest first; none of raters whose data was deleted."""
    new = Rating.objects.filter(assignment__comparison__study=study, sealed__isnull=True)
    return new.exclude(rater__in=_erased(study)).order_by("pk")


def untold_deletions(study: Study) -> list[tuple[int, str]]:
    """(primary key, commitment) of sealed ratings whose raters had their data deleted since."""
    found = SealedRating.objects.filter(seal__study=study, deleted_in=None, rating__rater__in=_erased(study))
    return list(found.order_by("pk").values_list("pk", "commitment"))


def _erased(study: Study) -> QuerySet[Departure, int]:
    gone = Departure.objects.filter(rater__study=study, reason=Departure.Reason.ERASED)
    return gone.values_list("rater", flat=True)


def untold_retractions(study: Study) -> list[tuple[int, str, datetime]]:
    """(primary key, commitment, moment) of sealed ratings that were withdrawn since."""
    found = SealedRating.objects.filter(
        seal__study=study, retracted_in=None, deleted_in=None, rating__retracted_at__isnull=False
    ).order_by("pk")
    rows = found.values_list("pk", "commitment", "rating__retracted_at")
    return [(pk, commitment, at) for pk, commitment, at in rows if at is not None]
