"""measure_style and analyse --style: from a study's images to the parts of its net shares."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evaluation.models import Study, StudyImage
from tests.researcher.test_commands import document, refused, said

pytestmark = pytest.mark.django_db


def test_a_study_s_images_have_styles_and_its_net_shares_have_parts(rated: Study, tmp_path: Path) -> None:
    out = tmp_path / "styles.csv"
    made = document("measure_style", rated.name, "--out", str(out))
    table = pd.read_csv(out, dtype={"prompt_id": str})
    assert made["styles"] == ["brightness", "saturation", "sharpness", "aspect"] == list(table.columns[2:])
    shown = StudyImage.objects.filter(study=rated).values_list("sample__prompt__number", "sample__run_id")
    assert len(table) == made["rows"] == len(set(shown))
    assert table["brightness"].between(0, 1).all() and set(table["generator"]) == {"guided", "plain"}
    found = document("analyse", rated.name, "--style", str(out))["style"]
    assert {each["question"] for each in found} == {"alignment", "fidelity"}
    for each in found:
        assert each["why"] or each["pairs"][0]["net"]["estimate"] == pytest.approx(
            each["pairs"][0]["style"]["estimate"] + each["pairs"][0]["rest"]["estimate"]
        )
    assert "How much goes with style" in said("analyse", rated.name, "--style", str(out))
    assert "does not exist" in refused("analyse", rated.name, "--style", str(tmp_path / "none.csv"))
