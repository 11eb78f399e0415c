"""analyse, export_ratings and sign_in_link, as a person at a terminal uses them."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from evaluation.management.commands import export_ratings
from evaluation.models import Study
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.ratings import ratings_frame

pytestmark = pytest.mark.django_db


def said(*args: str) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def refused(*args: str) -> str:
    with pytest.raises(CommandError) as caught:
        said(*args)
    assert caught.value.returncode == 2
    return str(caught.value)


def document(*args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(*args, "--format", "json"))
    return found


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_study_and_its_exported_file_give_the_same_numbers(rated: Study, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ratings.{suffix}"
    assert "SIMULATED: all" in said("export_ratings", rated.name, "--out", str(path))
    from_study = document("analyse", rated.name)
    from_file = document("analyse", "--ratings", str(path))
    assert from_file.pop("family")["declared"] is False and from_study["family"]["declared"] is True
    assert from_file == {name: value for name, value in from_study.items() if name != "family"}
    assert from_study["schema"] == "drawbench-analysis/1"
    assert from_study["simulated"] is True and from_study["notes"][0].startswith("Simulated")
    two_way = from_study["comparisons"][0]["overall"]["net"]["intervals"]["two_way"]
    assert two_way is None or two_way["low"] < two_way["high"]


def test_the_text_is_a_table(rated: Study) -> None:
    fragile = document("analyse", rated.name, "--fragility")["fragility"]
    assert {row["question"] for row in fragile} == {"alignment", "fidelity"}
    assert "How few would overturn it" in said("analyse", rated.name, "--fragility")
    text = said("analyse", rated.name)
    assert "Fidelity: guided against plain" in text and "Overall" in text and "Counting" in text


def test_without_simulated_nothing_is_left(rated: Study) -> None:
    assert "There are no ratings yet." in said("analyse", rated.name, "--without-simulated")


def test_the_export_to_standard_output_is_the_csv_alone(rated: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert said("export_ratings", rated.name).encode() == ratings_csv(ratings_frame(rated))
    assert "SIMULATED" in capsys.readouterr().err


def test_the_export_as_json(rated: Study) -> None:
    found = document("export_ratings", rated.name)
    assert found["ratings"] == len(found["rows"]) == found["simulated"]
    assert found["note"].startswith("SIMULATED") and found["rows"][0]["simulated"] is True


def test_bad_input_is_told(study: Study, tmp_path: Path) -> None:
    assert 'did you mean "trial"?' in refused("analyse", "trail")
    assert "--ratings FILE" in refused("analyse")
    assert "--ratings FILE" in refused("analyse", "trial", "--ratings", "x.csv")
    assert "does not exist" in refused("analyse", "--ratings", str(tmp_path / "none.csv"))
    assert 'did you mean "raters"?' in refused("analyse", "trial", "--estimand", "rater")
    assert ".csv or .parquet" in refused("export_ratings", "trial", "--out", "ratings.xlsx")
    (tmp_path / "no").write_text("a file")
    for command, name in (("export_ratings", "r.csv"), ("export_report", "r.html"), ("export_study", "s.zip")):
        told = refused(command, "trial", "--out", str(tmp_path / "no" / name))
        assert told.startswith(f"Can't write {tmp_path}/no/{name}: ") and told.endswith("another place with --out.")


def test_an_export_that_fails_halfway_leaves_the_file_that_was_there(
    rated: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "new" / "ratings.csv"
    said("export_ratings", rated.name, "--out", str(out))
    whole = out.read_bytes()
    assert whole == ratings_csv(ratings_frame(rated)), "its folder was made"

    def full(frame: object) -> Iterator[bytes]:
        yield b"rater_id\n"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export_ratings, "csv_parts", full)
    told = refused("export_ratings", rated.name, "--out", str(out))
    assert told == f"Can't write {out}: No space left on device. Choose another place with --out."
    assert out.read_bytes() == whole and list(out.parent.iterdir()) == [out]


def test_an_unknown_choice_is_named_by_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("rater_id,prompt_id,category,generator_a,generator_b,question,choice\nr,p,c,x,y,fidelity,left\n")
    message = refused("analyse", "--ratings", str(path))
    assert "row 1" in message and "column choice" in message and "'left'" in message


def test_a_sign_in_link_for_a_new_account(client: Client) -> None:
    assert "Use --create" in refused("sign_in_link", "grace")
    assert "username" in refused("sign_in_link", "not a name!", "--create")
    link = document("sign_in_link", "grace", "--create")["link"]
    path = "/sign-in/" + link.split("/sign-in/")[1]
    assert client.get(path).headers["Location"] == "/"
    assert client.get("/").status_code == 200
