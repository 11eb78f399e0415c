"""Suites of prompts."""

from __future__ import annotations

from django.db import models

from common import limits
from common.words import prompt_name


class Suite(models.Model):
    """A version of a suite, known by its hash. Its prompts never change; another text is another suite.

    `content_hash`: over prompts and categories, the identity that published suites are recognised by; `version_hash`:
    over prompts, categories and attributes (`evaluation.suites.identity`). `frozen_at`: when a run first used it;
    from then on it can be deleted only once no run is of it. `archived_at`: since when lists and forms leave it out.
    """

    name = models.SlugField(max_length=limits.SUITE_NAME)
    title = models.CharField(max_length=limits.TITLE, blank=True)
    version_hash = models.CharField(max_length=64, unique=True)
    content_hash = models.CharField(max_length=64, db_index=True)
    source = models.CharField(max_length=limits.SOURCE, blank=True, help_text="Where it was read from")
    source_format = models.CharField(max_length=40, blank=True)
    licence = models.CharField(max_length=limits.LICENCE, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-created_at"]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def version(self) -> str:
        """The first eight digits of its hash, as people write it."""
        return self.version_hash[:8]


class Prompt(models.Model):
    """One prompt of a suite. `number` counts from 0 in the file's order; `attributes`: see docs/suites.md."""

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="prompts")
    number = models.PositiveIntegerField()
    text = models.TextField()
    category = models.CharField(max_length=limits.CATEGORY, blank=True)
    attributes = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["suite", "number"]
        constraints = [models.UniqueConstraint(fields=["suite", "number"], name="prompt_number_once")]

    def __str__(self) -> str:
        return f"{self.prompt_id} {self.text[:60]}"

    @property
    def prompt_id(self) -> str:
        """Its identity within the suite, as in files and seeds: five digits, from 00000."""
        return prompt_name(self.number)
