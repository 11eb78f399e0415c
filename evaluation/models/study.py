"""Studies: the declared protocol, what is compared, who rates, and which trial each rater is given."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from common import limits
from evaluation.models.generation import GenerationRun, Sample, StoredImage
from evaluation.models.suite import Prompt


def new_key() -> str:
    """An unguessable name for addresses: 22 characters, 128 bits."""
    return secrets.token_urlsafe(16)


class StudyStatus(models.TextChoices):
    """Draft until opened; open studies take ratings; a closed one takes no more."""

    DRAFT = "draft", "Draft"
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class Study(models.Model):
    """Runs compared under a protocol. `specification` is the whole declaration, locked and hashed when it opens.

    `design_seed`: the seed of sides, orders and the choice of samples. `archived_at`: since when lists leave it out.
    `paused_at`: since when an open study lets nobody in and gives no further trial.
    """

    name = models.SlugField(max_length=limits.STUDY_NAME, unique=True)
    title = models.CharField(max_length=limits.TITLE, blank=True)
    protocol = models.CharField(max_length=60)
    status = models.CharField(max_length=10, choices=StudyStatus, default=StudyStatus.DRAFT)
    specification = models.JSONField(default=dict)
    specification_hash = models.CharField(max_length=64, blank=True)
    design_seed = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(
                condition=Q(status="draft") | (~Q(specification_hash="") & Q(opened_at__isnull=False)),
                name="study_open_means_locked",
            )
        ]

    def __str__(self) -> str:
        return self.name


class StudyRun(models.Model):
    """A run's place in a study. `order` from 0; `label`: the generator's name in the study's results.

    `is_reference`: its samples are the reference photographs of the prompts; it comes last.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="study_runs")
    run = models.ForeignKey(GenerationRun, on_delete=models.PROTECT, related_name="study_runs")
    order = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=limits.LABEL)
    is_reference = models.BooleanField(default=False)

    class Meta:
        ordering = ["study", "order"]
        constraints = [
            models.UniqueConstraint(fields=["study", "run"], name="study_run_once"),
            models.UniqueConstraint(fields=["study"], condition=Q(is_reference=True), name="study_reference_once"),
            models.UniqueConstraint(fields=["study", "order"], name="study_order_once"),
            models.UniqueConstraint(fields=["study", "label"], name="study_label_once"),
        ]

    def __str__(self) -> str:
        return f"{self.study}: {self.label}"


class StudyImage(models.Model):
    """A sample as raters of a study see it: common format and dimensions, under a name that tells nothing.

    `copy`: 0 in trials; control trials and trials seen again have copies of their own, each under another name.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="images")
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=32, unique=True, default=new_key)
    copy = models.PositiveIntegerField(default=0)
    rendition = models.ForeignKey(StoredImage, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "sample", "copy"], name="study_image_once")]

    def __str__(self) -> str:
        return self.key


class StudyQuestion(models.Model):
    """A question of a study's locked protocol, where the database can hold answers against it.

    `question`: its id; answers about a prompt's claims add the claim's number, `claims:2`. `number`: from 0, in the
    protocol's order. `kind`, `options`: the kind of answer and its declaration (`evaluation.protocols.kinds`).
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="questions")
    number = models.PositiveSmallIntegerField()
    question = models.CharField(max_length=limits.QUESTION)
    kind = models.CharField(max_length=20)
    options = models.JSONField(default=dict)

    class Meta:
        ordering = ["study", "number"]
        constraints = [models.UniqueConstraint(fields=["study", "question"], name="study_question_once")]

    def __str__(self) -> str:
        return f"{self.study}: {self.question}"


class Comparison(models.Model):
    """One prompt and the image sets that a trial shows of it; no sides.

    `members`: primary keys of `StudyRun`, a set each, in the study's order. `sets`: for each of them the keys of its
    `StudyImage`s, in the order shown. `questions`: the ids of the questions that a trial of it asks, in order; those
    about claims with the claim's number. `claims`: the prompt's claims where they are asked. `guide`: the key of the
    photograph that is shown beside the sets and not rated.

    `covered`: the keys of images that are blurred until the rater uncovers them.

    `control`: for a control trial its kind (`known`, `same`, `swapped`), `repeat` for a trial as it is seen again,
    `qualify` for an item of the qualification, else empty. `expected`: by question the right
    answer of a control trial, a preference as `a`, `b` or `indifferent` of the members, any other answer as its value.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=limits.CATEGORY, blank=True)
    members = ArrayField(models.BigIntegerField())
    sets = models.JSONField()
    questions = ArrayField(models.CharField(max_length=limits.QUESTION))
    claims = models.JSONField(default=list)
    guide = models.CharField(max_length=32, blank=True)
    covered = ArrayField(models.CharField(max_length=32), default=list)
    control = models.CharField(max_length=12, blank=True)
    expected = models.JSONField(default=dict)

    class Meta:
        ordering = ["study", "prompt", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "prompt", "members"], condition=Q(control=""), name="comparison_once"
            ),
            models.CheckConstraint(condition=Q(members__len__gte=1, questions__len__gte=1), name="comparison_of_some"),
        ]

    def __str__(self) -> str:
        return f"{self.prompt.prompt_id}: {', '.join(map(str, self.members))}"


class Place(models.Model):
    """A place of a panel's design, for one rater after another until one stays.

    `slot`: from 0. `showings`: the trials in the order shown, each `[comparison, order, repetition]`: the comparison's
    primary key, its members' places from the left, and 1 where the rater sees it again. `seed`: what it was drawn with.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="places")
    panel = models.CharField(max_length=limits.CATEGORY, blank=True)
    slot = models.PositiveIntegerField()
    showings = models.JSONField()
    seed = models.BigIntegerField()

    class Meta:
        ordering = ["study", "panel", "slot"]
        constraints = [models.UniqueConstraint(fields=["study", "panel", "slot"], name="place_once")]

    def __str__(self) -> str:
        return f"{self.study}: {self.panel} {self.slot}"


class Invitation(models.Model):
    """A link that lets raters into a study. `max_raters`: how many it may let in, empty for no limit.

    `completion_code`: what a crowd platform wants back from a rater who has finished. `completion_url`: where the rater
    goes back to, such as `https://app.prolific.com/submissions/complete?cc=CODE`. Both empty for plain links.
    `platform`: the recruitment site that it is for (`evaluation.recruiting.PLATFORMS`); it lets nobody in but its
    participants. `partial_code`: for those who were inside when the study closed.
    `screen_out_code`, `screen_out_url`: the same for whom the study can't take, never those of who has finished.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="invitations")
    key = models.CharField(max_length=32, unique=True, default=new_key)
    label = models.CharField(max_length=limits.LABEL, blank=True)
    max_raters = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    completion_code = models.CharField(max_length=limits.COMPLETION_CODE, blank=True)
    completion_url = models.URLField(max_length=limits.COMPLETION_URL, blank=True)
    platform = models.CharField(max_length=limits.PLATFORM, blank=True)
    partial_code = models.CharField(max_length=limits.COMPLETION_CODE, blank=True)
    screen_out_code = models.CharField(max_length=limits.COMPLETION_CODE, blank=True)
    screen_out_url = models.URLField(max_length=limits.COMPLETION_URL, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.study}: {self.label or self.key[:6]}"


class Rater(models.Model):
    """Who rates in a study, in one panel of it.

    `panel`: the category that the panel rates (empty for one panel over all). `slot`: the row of the design that the
    rater has taken, from 0; a slot whose rater dropped out (`dropped_at`) is given again. `trials`: how many the rater
    has. `language`: that the rater's pages are in. `simulated`: a rater of the simulated crowd, marked wherever its
    ratings show.

    `participant`, `session`: the crowd platform's own ids. `participant_hash`: keyed hash of `participant`, by which
    one is known again when the id is gone. `session_key_hash`: SHA-256 of the key in the rater's cookie;
    `device_key_hashes`: of those on further devices, which a one-time code let in.

    `quota`: the answer to the study's question for quotas. `qualification`: of each item answered so far
    `[comparison, 1 or 0]`, 1 where it was right; `qualified_at`: when it was passed. `screened_at`, `screened_for`:
    when and why the rater was screened out, who then has dropped out as well.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="raters")
    invitation = models.ForeignKey(Invitation, null=True, blank=True, on_delete=models.SET_NULL, related_name="raters")
    panel = models.CharField(max_length=limits.CATEGORY, blank=True)
    slot = models.PositiveIntegerField()
    trials = models.PositiveIntegerField(default=0)
    language = models.CharField(max_length=limits.LANGUAGE, blank=True)
    participant = models.CharField(max_length=limits.PARTICIPANT, blank=True)
    session = models.CharField(max_length=limits.PARTICIPANT, blank=True)
    participant_hash = models.CharField(max_length=64, blank=True, db_index=True)
    quota = models.CharField(max_length=limits.LABEL, blank=True)
    qualification = models.JSONField(default=list)
    session_key_hash = models.CharField(max_length=64, blank=True, db_index=True)
    device_key_hashes = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    simulated = models.BooleanField(default=False)
    consented_at = models.DateTimeField(null=True, blank=True)
    instructed_at = models.DateTimeField(null=True, blank=True)
    qualified_at = models.DateTimeField(null=True, blank=True)
    screened_at = models.DateTimeField(null=True, blank=True)
    screened_for = models.CharField(max_length=limits.LABEL, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "panel", "slot"], condition=Q(dropped_at__isnull=True), name="slot_once"
            ),
            models.UniqueConstraint(
                fields=["study", "participant", "session"], condition=~Q(participant=""), name="participant_once"
            ),
        ]
        indexes = [GinIndex(fields=["device_key_hashes"], name="rater_device_keys")]

    def __str__(self) -> str:
        return f"{self.study}: rater {str(self.key)[:8]}"


class DeviceCode(models.Model):
    """A code that lets a rater go on on another device, once. `code_hash`: a keyed hash of it; the code is not kept."""

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE, related_name="device_codes")
    code_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.rater}: until {self.expires_at:%Y-%m-%d %H:%M}"


class SkipKind(models.TextChoices):
    """Why a trial was skipped; skips from before the second was there have none."""

    MISSING = "missing", "Images did not load"
    REFUSED = "refused", "Rather not"


class Refusal(models.TextChoices):
    """Why a rater would rather not rate a trial: what is stored, and what raters and reports read."""

    SEXUAL = "sexual", "Sexual content"
    VIOLENT = "violent", "Violence"
    HATEFUL = "hateful", "Hate or insult"
    OTHER = "other", "Something else"
    UNSAID = "unsaid", "No reason"


class Assignment(models.Model):
    """A comparison given to one rater: a trial to be.

    `position`: its place in the rater's order, from 0. `shown_order`: the places of the comparison's members from the
    left, `[1, 0]` where the second stands left. `repetition`: 1 where the rater sees the comparison again, as declared.
    `seed`: that the design drew it with. `reason`: why it was chosen (`panel`, `control`, `repeat`). `skipped_at`,
    `skip_kind`, `skip_reason`: the rater could not see the images, or did not want to, said so and went on; a set
    that is not whole is never rated. `skip_reason`: what the page saw, or a `Refusal`.
    """

    rater = models.ForeignKey(Rater, on_delete=models.CASCADE, related_name="assignments")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="assignments")
    position = models.PositiveIntegerField()
    shown_order = ArrayField(models.SmallIntegerField())
    repetition = models.PositiveSmallIntegerField(default=0)
    seed = models.BigIntegerField()
    reason = models.CharField(max_length=20, default="panel")
    skipped_at = models.DateTimeField(null=True, blank=True)
    skip_kind = models.CharField(max_length=10, choices=SkipKind, blank=True)
    skip_reason = models.CharField(max_length=limits.REASON, blank=True)

    class Meta:
        ordering = ["rater", "position"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "comparison", "repetition"], name="assignment_once"),
            models.UniqueConstraint(fields=["rater", "position"], name="assignment_position_once"),
            # what the composite foreign key of ratings refers to (0002_rating_guards)
            models.UniqueConstraint(fields=["id", "rater"], name="assignment_belongs_to_rater"),
        ]

    def __str__(self) -> str:
        return f"{self.rater} #{self.position}"


class Uncovering(models.Model):
    """A rater uncovered an image that was blurred. `image`: its key."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="uncoverings")
    image = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["assignment", "image"], name="uncovering_once")]

    def __str__(self) -> str:
        return f"{self.assignment}: {self.image}"
