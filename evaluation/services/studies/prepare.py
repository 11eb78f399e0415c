"""What a draft would show as it stands: the same look at it for its opening and for its preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evaluation.errors import InputError
from evaluation.models import GenerationRun, Sample, StoredImage, Study, StudyRun, Suite
from evaluation.services.studies.care import Care, safety_scores
from evaluation.services.studies.renditions import common_display
from evaluation.services.studies.sets import ImageSets, image_sets
from evaluation.services.studies.shown_trials import Shown
from evaluation.services.studies.specify import Display, StudySettings, settings_of, silent_prompts


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is to show. `study_runs`: in the study's order, the reference last. `chosen`: the samples of each set
    in the order shown, by (run, prompt) primary keys. `images`: every one that is shown, by primary key. `covered`: the
    primary keys of the samples that are blurred until a rater uncovers them.
    """

    study: Study
    suite: Suite
    settings: StudySettings
    study_runs: list[StudyRun]
    sets: ImageSets
    chosen: Mapping[tuple[int, int], list[Sample]]
    images: Mapping[int, StoredImage]
    display: Display
    covered: frozenset[int] = frozenset()

    @property
    def compared(self) -> list[StudyRun]:
        """The runs without the reference."""
        return [each for each in self.study_runs if not each.is_reference]

    @property
    def reference(self) -> GenerationRun | None:
        """The run of the reference photographs."""
        return next((each.run for each in self.study_runs if each.is_reference), None)

    def shown(self, keys: Mapping[int, str]) -> Shown:
        """As the design takes it. `keys`: of images, by the sample's primary key."""
        return Shown(
            study=self.study,
            protocol=self.settings.study_protocol,
            raters_per_panel=self.settings.raters_per_panel,
            prompts=self.sets.prompts,
            study_runs=self.study_runs,
            claims=self.settings.claims,
            known=self.settings.known,
            added=self.settings.added,
            covered=frozenset(keys[pk] for pk in self.covered),
        )


def prepare(study: Study) -> Prepared:
    """What the draft `study` would show.

    Raises:
        InputError: it has no run, or samples went missing since it was made.
    """
    study_runs = list(study.study_runs.select_related("run__suite").order_by("order"))
    compared = [each.run for each in study_runs if not each.is_reference]
    reference = next((each.run for each in study_runs if each.is_reference), None)
    if not compared:
        raise InputError(f"The study {study} has no run. Create a new study.")
    suite = compared[0].suite
    settings = settings_of(study)
    sets = image_sets(
        suite=suite,
        runs=compared,
        size=settings.set_size,
        missing=settings.missing,
        reference=reference,
        silent=silent_prompts(settings.study_protocol, suite, settings.claims),
    )
    chosen = _chosen_samples(study, [each.run for each in study_runs], sets)
    images = {sample.image_id: sample.image for samples in chosen.values() for sample in samples}
    display = replace(common_display(images.values(), settings.display_side), masks=settings.masks)
    covered = _covered(study_runs, chosen, settings.care)
    return Prepared(study, suite, settings, study_runs, sets, chosen, images, display, covered)


def _covered(study_runs: list[StudyRun], chosen: Mapping[tuple[int, int], list[Sample]], care: Care) -> frozenset[int]:
    """The samples to blur: flagged ones, those that the safety model scores too high, and those it could not score."""
    if not care.blurs:
        return frozenset()
    labels = {each.run_id: each.label for each in study_runs}
    compared = [each.run for each in study_runs if not each.is_reference]
    scores = {} if care.flag_above is None else safety_scores(compared)
    found = set()
    for (run, _), samples in chosen.items():
        for sample in samples:
            score = scores.get(sample.pk, 0.0)
            above = care.flag_above is not None and (score is None or score > care.flag_above)
            number = sample.prompt.number
            if above or any(flag.covers(number, labels[run], sample.sample) for flag in care.flags):
                found.add(sample.pk)
    return frozenset(found)


def _chosen_samples(study: Study, runs: list[GenerationRun], sets: ImageSets) -> dict[tuple[int, int], list[Sample]]:
    """The samples of each set, in the order shown, by (run, prompt) primary keys."""
    there = {
        (sample.run_id, sample.prompt_id, sample.sample): sample
        for sample in Sample.objects.filter(run__in=runs).select_related("image", "prompt").order_by()
    }
    return {
        (run.pk, prompt.pk): [
            there[run.pk, prompt.pk, index] for index in sets.chosen(run, prompt, seed=study.design_seed)
        ]
        for run in runs
        for prompt in sets.prompts
    }
