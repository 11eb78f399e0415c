"""The images that a report shows: examples that nobody picked, and those of prompts that its results name."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from common.text import isolated
from common.words import prompt_name
from evaluation.models import Comparison, Sample, Study, StudyImage
from evaluation.selectors.metrics import study_sets

MOST_CATEGORIES, MOST_RUNS = 24, 12
"""Categories and runs that examples and grids show; a report says how many there are."""
MOST_IMAGES = 240
"""Images of all examples together: with many runs and categories each set is shown by its first images."""
IMAGES_A_SET = 4
GRID_PROMPTS = 8


@dataclass(frozen=True, slots=True)
class ShownSet:
    """A run's images for one prompt. `label`: the run's; `covered`: whether raters saw any of them blurred at first."""

    label: str
    samples: tuple[Sample, ...]
    covered: bool


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """A prompt with the sets of some runs. `name`: its five digits."""

    name: str
    category: str
    text: str
    sets: tuple[ShownSet, ...]

    @property
    def covered(self) -> bool:
        """Whether raters saw any of these images blurred at first."""
        return any(each.covered for each in self.sets)


@dataclass(frozen=True, slots=True)
class ReportImages:
    """`examples`: a prompt a category. `grid`: further prompts, one image a run. `named`: by five digits, the prompts
    that results name. `n_categories`, `n_runs`: how many the study has, of which at most `MOST_CATEGORIES`, `MOST_RUNS`
    are shown; `n_samples`: images a set that examples show at most.
    """

    examples: tuple[ShownPrompt, ...]
    grid: tuple[ShownPrompt, ...]
    named: dict[str, ShownPrompt]
    labels: tuple[str, ...]
    n_categories: int
    n_runs: int
    n_samples: int


def report_images(study: Study, named: Collection[str]) -> ReportImages:
    """The images of a study's report. `named`: prompts, five digits, that results name. Six queries at most.

    Which prompts are examples is drawn by the hash of the locked specification, so nobody picked them and everybody
    gets the same.
    """
    shown = Comparison.objects.filter(study=study, control="").order_by()
    prompts = sorted(set(shown.values_list("prompt__number", "category")))
    runs = list(study.study_runs.order_by("order"))
    drawn = sorted(prompts, key=lambda each: _lot(study, each[0]))
    by_category: dict[str, int] = {}
    for number, category in drawn:
        by_category.setdefault(category, number)
    categories = list(dict.fromkeys(category for _, category in prompts))
    chosen = [by_category[category] for category in categories[:MOST_CATEGORIES]]
    grid = [number for number, _ in drawn if number not in chosen][:GRID_PROMPTS]
    wanted = {prompt_name(number) for number in (*chosen, *grid)} | set(named)
    sets = study_sets(study, wanted)
    covered = _covered(study)
    labels = [each.label for each in runs]
    few = labels[:MOST_RUNS]
    n_samples = max(1, min(IMAGES_A_SET, MOST_IMAGES // max(len(chosen) * len(few), 1)))
    category_of = {prompt_name(number): category for number, category in prompts}

    def prompt(name: str, of: Sequence[str], most: int) -> ShownPrompt | None:
        parts = [ShownSet(isolated(label), tuple(own[:most]), any(each.pk in covered for each in own[:most]))
                 for label in of if (own := sets.get((name, label)))]  # fmt: skip
        if not parts:
            return None
        return ShownPrompt(name, category_of.get(name, ""), parts[0].samples[0].prompt.text, tuple(parts))

    def prompts_of(numbers: Iterable[int], most: int) -> tuple[ShownPrompt, ...]:
        return tuple(each for n in numbers if (each := prompt(prompt_name(n), few, most)) is not None)

    return ReportImages(
        examples=prompts_of(chosen, n_samples),
        grid=prompts_of(sorted(grid), 1),
        named={name: each for name in named if (each := prompt(name, labels, IMAGES_A_SET)) is not None},
        labels=tuple(isolated(label) for label in few),
        n_categories=len(categories),
        n_runs=len(runs),
        n_samples=n_samples,
    )


def _lot(study: Study, number: int) -> str:
    return hashlib.sha256(f"{study.specification_hash} {number}".encode()).hexdigest()


def _covered(study: Study) -> frozenset[int]:
    """Primary keys of the samples whose images were blurred until a rater uncovered them. Two queries at most."""
    keys = {
        key
        for covered in Comparison.objects.filter(study=study, covered__len__gt=0).values_list("covered", flat=True)
        for key in covered
    }
    if not keys:
        return frozenset()
    return frozenset(StudyImage.objects.filter(study=study, key__in=keys).values_list("sample", flat=True))
