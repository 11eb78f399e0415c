"""import_votes: another program's votes under a name, with a report, an export, and no mix-up with studies."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from evaluation.models import ImportedVotes, Study
from evaluation.services.studies.checks import check_name
from tests.researcher.test_commands import document, refused, said

pytestmark = pytest.mark.django_db


def arena(path: Path, country: bool = False) -> Path:
    """Twelve judges, eight prompts, three models; the judges' country where asked."""
    rows = []
    for judge in range(12):
        for prompt in range(8):
            for at, (a, b) in enumerate((("m", "n"), ("m", "o"), ("n", "o"))):
                winner = ("model_a", "tie", "model_b", "model_a")[(judge + 2 * prompt + at) % 4]
                row = {"judge": f"j{judge}", "prompt": f"p{prompt}", "model_a": a, "model_b": b, "winner": winner}
                rows.append(row | ({"rater_country": "de" if judge < 6 else "fr"} if country else {}))
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_imported_votes_have_a_report_and_an_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = arena(tmp_path / "arena.csv", country=True)
    found = document("import_votes", str(path), "--as", "june")
    err = capsys.readouterr().err
    assert "columns taken by their names: rater_id from 'judge'" in err and "arena.csv: read as" in err
    assert found["kind"] == "ratings" and found["n_rows"] == 288 and found["columns"]["choice"] == "winner"
    from_name, from_file = document("analyse", "june"), document("analyse", "--ratings", str(path))
    assert from_name.pop("import") == from_file.pop("import") | {"name": "june"}
    assert from_name == from_file and len(from_name["comparisons"]) == 3
    (groups,) = from_name["groups"]
    assert groups["column"] == "rater_country" and set(groups["comparisons"][0]["groups"]) == {"de", "fr"}
    text = said("analyse", "june", "--jod")
    assert text.startswith("Imported votes june") and "By group of raters" in text and "Scores are in JOD" in text
    out = tmp_path / "out.csv"
    said("export_ratings", "june", "--out", str(out))
    assert document("analyse", "--ratings", str(out))["comparisons"] == from_name["comparisons"]
    assert document("import_votes", str(path), "--as", "june")["sha256_of_csv"] == found["sha256_of_csv"]
    assert ImportedVotes.objects.count() == 1, "the same again is what is there"


def test_names_are_one_s_own(study: Study, tmp_path: Path) -> None:
    path = arena(tmp_path / "arena.csv")
    said("import_votes", str(path), "--as", "june")
    other = arena(tmp_path / "other.csv", country=True)
    assert 'Other votes are called "june" already' in refused("import_votes", str(other), "--as", "june")
    assert "A study is called" in refused("import_votes", str(path), "--as", study.name)
    assert "use letters, digits" in refused("import_votes", str(path), "--as", "two words")
    with pytest.raises(ValueError, match="Imported votes are called"):
        check_name("june", Study())
    assert ImportedVotes.objects.count() == 1
    assert "--ratings FILE" in refused("analyse", "june", "--map", "a=b")
    assert "does not exist" in refused("import_votes", str(tmp_path / "none.csv"), "--as", "none")


def test_scores_and_answers_are_kept_as_well(tmp_path: Path) -> None:
    scores = tmp_path / "scores.tsv"
    frame = pd.DataFrame({"rater": [f"r{n % 4}" for n in range(24)], "prompt": [f"p{n // 4}" for n in range(24)]})
    frame.assign(flux=[n % 5 + 1 for n in range(24)], sdxl=[n % 3 + 1 for n in range(24)]).to_csv(
        scores, index=False, sep="\t"
    )
    said("import_votes", str(scores), "--as", "likert")
    report = document("analyse", "likert")
    assert report["schema"] == "drawbench-scores/1" and {each["generator"] for each in report["estimates"]} == {
        "flux",
        "sdxl",
    }
    assert report["estimates"] == document("analyse", "--scores", str(scores))["estimates"]
    assert document("analyse", "likert", "--compare-scores")["n_ratings"] == 24
    assert "add --compare-scores" in refused("analyse", "--ratings", str(scores))
    assert "The file holds scores, not answers" in refused("analyse", "--answers", str(scores))
    answers = tmp_path / "answers.csv"
    shown = json.dumps(["flux", "sdxl", "imagen"])
    rows = [
        [f"r{n % 3}", f"p{n}", "c", "order", "ranking", shown, json.dumps([[n % 3], [(n + 1) % 3], [(n + 2) % 3]])]
        for n in range(9)
    ]
    names = ["rater_id", "prompt_id", "category", "question", "kind", "shown", "value"]
    pd.DataFrame(rows, columns=names).to_csv(answers, index=False)
    said("import_votes", str(answers), "--as", "orders")
    assert document("analyse", "orders")["rankings"] == document("analyse", "--answers", str(answers))["rankings"]
    assert "Order: ranking (Plackett-Luce model)" in said("analyse", "orders")
