"""Runs that share images: what looks like a comparison of two generators is then partly one of an image with itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.db.models import Count, Q

from common.words import prompt_name
from evaluation.models import Sample, Study, StudyImage, StudyStatus

PROMPTS_NAMED = 10


@dataclass(frozen=True, slots=True)
class SharedImages:
    """Images that two runs have alike. `first`, `second`: the runs' labels. `images`: how many of the first run's.

    `prompts`: ids of the prompts where the first run has them, at most `PROMPTS_NAMED`; `more`: how many others.
    """

    first: str
    second: str
    images: int
    prompts: tuple[str, ...]
    more: int = 0

    def to_dict(self) -> dict[str, object]:
        """As a specification has it."""
        return {
            "runs": [self.first, self.second],
            "images": self.images,
            "prompts": list(self.prompts),
            "further_prompts": self.more,
        }

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> SharedImages:
        """Back from a specification."""
        first, second = declared["runs"]
        return cls(first, second, declared["images"], tuple(declared["prompts"]), declared["further_prompts"])

    @property
    def in_words(self) -> str:
        """As pages and reports say it."""
        images = f"{self.images:,} image{'s' if self.images != 1 else ''}"
        more = f" and {self.more} more" if self.more else ""
        return f"{self.first} and {self.second} share {images} ({', '.join(self.prompts)}{more})"


def images_shared(of: Iterable[tuple[str, int, object]]) -> tuple[SharedImages, ...]:
    """Which runs share images, of (label, prompt's number, what two images have alike), one an image."""
    places: dict[object, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    order: dict[str, None] = {}
    for label, prompt, image in of:
        places[image][label].append(prompt)
        order.setdefault(label)
    shared: dict[tuple[str, str], list[int]] = defaultdict(list)
    for by_label in places.values():
        for first, second in combinations([label for label in order if label in by_label], 2):
            shared[first, second] += by_label[first]
    ranks = {label: rank for rank, label in enumerate(order)}
    found = []
    for (first, second), prompts in sorted(shared.items(), key=lambda each: [ranks[label] for label in each[0]]):
        numbers = sorted(set(prompts))
        named = tuple(prompt_name(number) for number in numbers[:PROMPTS_NAMED])
        found.append(SharedImages(first, second, len(prompts), named, len(numbers) - len(named)))
    return tuple(found)


def runs_sharing_images(labels: Mapping[int, str]) -> tuple[SharedImages, ...]:
    """Of runs, by primary key with what to call each, those that have files of the same bytes. Two queries."""
    several = (
        Sample.objects.filter(run__in=list(labels)).order_by().values("image").annotate(n=Count("run", distinct=True))
    )
    images = list(several.filter(n__gt=1).values_list("image", flat=True))
    rows = Sample.objects.filter(Q(run__in=list(labels)), image__in=images).order_by("run", "prompt__number")
    found = rows.values_list("run", "prompt__number", "image") if images else []
    by_run = sorted(found, key=lambda row: list(labels).index(row[0]))
    return images_shared((labels[run], number, image) for run, number, image in by_run)


def study_shared_images(study: Study) -> tuple[SharedImages, ...]:
    """Which runs of a study share images: in a draft files of the same bytes, then what it locked as it opened, where
    the same pixels count as well."""
    if study.status != StudyStatus.DRAFT:
        return tuple(SharedImages.of(each) for each in study.specification.get("shared_images", ()))
    return runs_sharing_images({each.run_id: each.label for each in study.study_runs.order_by("order")})


def shown_alike(study: Study, labels: Mapping[int, str]) -> tuple[SharedImages, ...]:
    """Which runs of a study that is being opened show the same pixels; `labels` by the run's primary key. One query.

    Copies for control trials say nothing more: each is of an image that is shown anyway.
    """
    rows = StudyImage.objects.filter(study=study, copy=0).order_by("sample__prompt__number", "pk")
    found = list(rows.values_list("sample__run", "sample__prompt__number", "rendition"))
    ranks: Collection[int] = list(labels)
    by_run = sorted(found, key=lambda row: list(ranks).index(row[0]))
    return images_shared((labels[run], number, rendition) for run, number, rendition in by_run)
