"""The comparison of the contenders, with quick stand-ins for what draws and what measures."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from evaluation.errors import ConflictError
from evaluation.management.commands import study as command
from evaluation.management.paper_option import paper_written
from evaluation.models import GenerationRun, Rater, Rating
from evaluation.reports.compute import settings_from
from evaluation.services import imagen_small
from evaluation.services.imagen_small import (
    Contender,
    Measured,
    StudySize,
    contenders_ready,
    leanings,
    study_imagen_small,
)
from evaluation.services.suites.load import suite_load

PAINT = "testpaint"
NOW = "fedcba9876543210" * 4
"""A fingerprint of weights."""


def quick(missing: Path) -> tuple[Contender, ...]:
    """Two that draw at once, and one whose weights are not there."""
    return (
        Contender("cascade", PAINT, "Imagen"),
        Contender("other", PAINT, "another", {}),
        Contender("unclip", "unclip", "DALL-E 2", {"weights": str(missing)}),
    )


@pytest.mark.django_db(transaction=True)
def test_what_has_weights_is_compared_and_what_has_none_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suite = suite_load(source=b"A red car.\nTwo cats.", name="small").suite
    monkeypatch.setattr(imagen_small, "CONTENDERS", quick(tmp_path))
    monkeypatch.setattr(command, "CONTENDERS", quick(tmp_path))
    monkeypatch.setattr(imagen_small, "CHECKS", "testbright")
    monkeypatch.setattr(imagen_small, "_suite", lambda size: suite)
    monkeypatch.setattr(imagen_small, "TOLD_EVERY_S", 0.0)
    said: list[str] = []

    def ask() -> imagen_small.SmallStudy:
        return study_imagen_small(size=StudySize(size=32), say=said.append)

    made = ask()
    assert [(one.label, one.n) for one in made.measured] == [("cascade", 8), ("other", 8)]
    assert set(made.missing) == {"unclip"} and len(made.missing["unclip"]) == 2
    assert said[0].startswith("unclip is left out: it has no weights yet. Train them with: python -m generators.")
    assert "other: 8 of 8 images." in said
    assert [place.label for place in made.study.study_runs.order_by("order")] == ["cascade", "other"]
    # Never people's: every rater and so every rating is marked.
    assert Rating.objects.count() == made.simulated == made.report.n_simulated > 0
    assert not Rater.objects.filter(simulated=False).exists()
    told = command.Command().describe(command._described(made, "http://here"))
    assert "unclip (DALL-E 2): no weights yet; python -m" in told and "SIMULATED" in told
    files = paper_written(
        made.study, settings_from(made.report.settings), {"pair": [], "question": [], "out": tmp_path}
    )
    assert {Path(each).name for each in files} >= {"figure-3.svg", "figure-a7-1.svg"}
    # Given again, it finds all there, and draws and rates nothing more.
    again = ask()
    assert (again.study, again.simulated, GenerationRun.objects.count()) == (made.study, 0, 2)
    # A contender that was trained since is not slipped into what people rate.
    monkeypatch.setattr(imagen_small, "CONTENDERS", (*quick(tmp_path)[:1], Contender("third", PAINT, "a third")))
    with pytest.raises(ConflictError, match="compares other runs than cascade, third"):
        ask()


@pytest.mark.django_db(transaction=True)
def test_pictures_of_weights_from_before_are_not_taken_for_those_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old run stays as it was; the new one says which weights drew it, and is found again."""
    suite = suite_load(source=b"A red car.", name="small").suite
    one, size = Contender("cascade", PAINT, "Imagen"), StudySize(size=32)

    def drawn() -> GenerationRun:
        return imagen_small._run(suite, one, size, lambda line: None)

    before = drawn()
    monkeypatch.setattr(imagen_small.registry, "identity", lambda *given: ("1", NOW))
    GenerationRun.objects.filter(pk=before.pk).update(weights_fingerprint=NOW)
    assert drawn() == before
    GenerationRun.objects.filter(pk=before.pk).update(weights_fingerprint="0123456789abcdef")
    after = drawn()
    GenerationRun.objects.filter(pk=after.pk).update(weights_fingerprint=NOW)
    assert after != before and after.name == f"{before.name}, weights {NOW[:8]}"
    assert drawn() == after and GenerationRun.objects.count() == 2
    suite = suite_load(source=b"A blue car.", name="another").suite
    of_others = drawn()
    assert of_others.name == f"{after.name}, suite {suite.version_hash[:8]}" and of_others.suite == suite


@pytest.mark.parametrize("share", ["-0.1", "1.5"])
def test_a_share_that_cannot_be_is_refused(share: str) -> None:
    with pytest.raises(CommandError, match="from 0 to 1"):
        call_command("study", "imagen-small", "--simulated-share", share)


def test_the_crowd_is_told_what_was_measured_and_nothing_else() -> None:
    """Three of four claims over 100 images: the odds are 3; of looks nothing is told, and a certain share is none."""
    told = leanings([Measured("a", 0.75, 100), Measured("b", 0.5, 100), Measured("c", 1.0, 10), Measured("d", 0.0, 0)])
    assert set(told) == {"a:alignment", "b:alignment", "c:alignment", "d:alignment"}
    assert told["a:alignment"] == pytest.approx(math.log(75.5 / 25.5)) and told["b:alignment"] == 0
    assert told["c:alignment"] == pytest.approx(math.log(10.5 / 0.5)) and told["d:alignment"] == 0


def test_all_contenders_are_known_and_can_be_asked_for() -> None:
    """Each is there or named with its training; the cascade and what needs no weights of its own are always there."""
    ready, missing = contenders_ready(256)
    assert {one.label for one in ready} | set(missing) == {one.label for one in imagen_small.CONTENDERS}
    assert {"cascade", "cascade led", "no SR text"} <= {one.label for one in ready}
    assert all(commands for commands in missing.values())
