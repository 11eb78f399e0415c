"""The administrator's pages: for looking things up. What services write is not changed here."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from evaluation import models

admin.site.site_header = admin.site.site_title = "DrawBench administration"
admin.site.index_title = "Accounts, and everything else to look up"


class ReadOnly(admin.ModelAdmin):
    """Rows to look at. Services alone write them: they keep promises that a form knows nothing of."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Suite)
class SuiteAdmin(ReadOnly):
    list_display = ["name", "version", "source", "frozen_at", "created_at"]
    search_fields = ["name", "version_hash", "content_hash"]


@admin.register(models.GenerationRun)
class RunAdmin(ReadOnly):
    list_display = ["name", "generator", "suite", "status", "created_at"]
    list_filter = ["status", "origin"]
    list_select_related = ["suite"]
    search_fields = ["name", "generator"]


@admin.register(models.MetricRun)
class MetricRunAdmin(ReadOnly):
    list_display = ["__str__", "label", "status", "n_done", "n_total", "created_at"]
    list_filter = ["metric", "status"]
    list_select_related = ["run"]
    search_fields = ["metric", "run__name"]


@admin.register(models.Upload)
class UploadAdmin(ReadOnly):
    list_display = ["run_name", "suite", "status", "n_files", "created_at"]
    list_filter = ["status"]
    list_select_related = ["suite"]


@admin.register(models.Study)
class StudyAdmin(ReadOnly):
    list_display = ["name", "protocol", "status", "opened_at", "closed_at"]
    list_filter = ["status"]
    search_fields = ["name"]


@admin.register(models.Rater)
class RaterAdmin(ReadOnly):
    list_display = ["__str__", "panel", "slot", "simulated", "finished_at", "dropped_at"]
    list_filter = ["simulated"]
    list_select_related = ["study"]
    exclude = ["session_key_hash", "device_key_hashes"]


@admin.register(models.Rating)
class RatingAdmin(ReadOnly):
    list_display = ["id", "rater_id", "question", "shown_choice", "response_time_ms", "created_at", "retracted_at"]
    list_filter = ["question", "shown_choice"]


@admin.register(models.ImportedVotes)
class ImportedVotesAdmin(ReadOnly):
    list_display = ["name", "kind", "n_rows", "created_at"]
    list_filter = ["kind"]
    search_fields = ["name", "sha256"]
    exclude = ["votes"]


@admin.register(models.Report)
class ReportAdmin(ReadOnly):
    list_display = ["__str__", "n_ratings", "n_simulated", "code_version", "as_of"]
    list_select_related = ["study"]
