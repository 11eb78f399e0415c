"""Published human votes, with the values that their authors or other programs found; skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evaluation.analysis import Analysis, analyse, analyse_scores, rank_generators, read_ratings
from evaluation.analysis.agreement import krippendorff_alpha
from evaluation.analysis.published_votes import page
from evaluation.analysis.votes import read_votes
from evaluation.analysis.votes_pairs import pairs_of_scores

VOTES = Path(__file__).resolve().parents[3] / "shared" / "data" / "votes"
pytestmark = pytest.mark.skipif(not VOTES.is_dir(), reason="the published votes are not here")


@pytest.fixture(scope="module")
def hub() -> Analysis:
    """ImagenHub: 3 raters, 197 prompts, 7 generators, two questions."""
    return analyse(read_ratings(VOTES / "imagenhub_t2i_pairs.csv"))


def test_agreement_over_pairs_is_the_published_one_and_takes_prompts_as_units(hub: Analysis) -> None:
    for question, value in (("alignment", 0.359872), ("fidelity", 0.315737)):
        nominal = hub.agreement[question][0]
        assert nominal.value == pytest.approx(value, abs=5e-7)
        assert nominal.n_units == 197 * 21
        assert nominal.low is not None and nominal.high is not None
        # Pairs share prompts: (prompt, pair) as units would give .020.
        assert (nominal.high - nominal.low) / 2 == pytest.approx(0.038, abs=0.003)


def test_scores_and_their_alpha_are_the_published_ones() -> None:
    found = analyse_scores(pd.read_csv(VOTES / "imagenhub_t2i_scores.csv"), levels=(0.0, 50.0, 100.0))
    assert found.agreement["alignment"].value == pytest.approx(0.601229, abs=5e-7)
    assert found.agreement["fidelity"].value == pytest.approx(0.442320, abs=5e-7)
    means = {
        (each.generator, each.question): each.mean.estimate / 100 for each in found.estimates if each.category is None
    }
    for generator, alignment, fidelity in (("DALLE", 0.58, 0.62), ("DALLE3", 0.79, 0.79), ("Midjourney", 0.67, 0.92)):
        assert round(means[generator, "alignment"], 2) == alignment
        assert round(means[generator, "fidelity"], 2) == fidelity
    for each in found.estimates:
        assert each.mean.interval is not None and 0 <= each.mean.interval.low <= each.mean.interval.high <= 100
    likert = analyse_scores(pd.read_csv(VOTES / "dsg_tifa160_scores.csv"))
    assert likert.agreement["alignment"].value == pytest.approx(0.685430, abs=5e-7)


def as_rows(frame: pd.DataFrame) -> set[tuple[object, ...]]:
    """Rows without the category, which ImagenHub's own files do not have."""
    plain = frame.drop(columns="category")
    return set(plain.astype({name: str for name in plain if name != "score"}).itertuples(index=False, name=None))


def test_the_sources_files_are_read_as_they_are(hub: Analysis) -> None:
    raters = read_votes([VOTES / f"imagenhub_t2i_rater{at}.tsv" for at in (1, 2, 3)])
    likert = read_votes([VOTES / "dsg_tifa160_likert.csv"])
    for found, name in ((raters, "imagenhub_t2i"), (likert, "dsg_tifa160")):
        scores = read_votes([VOTES / f"{name}_scores.csv"])
        assert found.kind == scores.kind == "scores" and scores.columns == {}
        assert len(as_rows(found.frame)) == len(found.frame)
        assert as_rows(found.frame) == as_rows(scores.frame)
        assert as_rows(pairs_of_scores(found.frame)) == as_rows(read_ratings(VOTES / f"{name}_pairs.csv"))
    assert set(map(str, likert.frame["category"])) == {"coco", "drawbench", "paintskill", "partiprompt"}
    assert len(pairs_of_scores(raters.frame)) == 24_822 and hub.n_ratings == 24_822


def test_the_page_is_what_the_analysis_says() -> None:
    held = (Path(__file__).parents[2] / "docs" / "published-votes.md").read_text(encoding="utf-8")
    assert held == page(VOTES), "write it anew: python -m evaluation.analysis.published_votes FOLDER"


def test_three_raters_leave_ranks_that_say_something(hub: Analysis) -> None:
    ranking = next(each for each in hub.rankings if each.question == "alignment")
    assert [each.generator for each in ranking.scores][0] == "DALLE3"
    widths = [each.rank_high - each.rank_low + 1 for each in ranking.scores]
    assert len(widths) == 7 and min(widths) <= 2 and sum(widths) < 7 * 7
    alone = rank_generators(read_ratings(VOTES / "imagenhub_t2i_pairs.csv"), question="alignment")
    assert alone.scores == ranking.scores


def test_the_default_takes_prompts_within_categories() -> None:
    """DSG: 5 raters, 160 prompts in 4 categories. The raters agree, so two-way t with 4 degrees is far too wide."""
    found = analyse(read_ratings(VOTES / "dsg_tifa160_pairs.csv"))
    rate = found.comparisons[0].overall
    own, former = rate.net.intervals["effective"], rate.net.intervals["two_way"]
    assert rate.net.default == "effective" and not rate.stratified and "raters rated several categories" in rate.design
    assert own.high - own.low < 0.85 * (former.high - former.low)  # type: ignore[union-attr]
    assert own.df is not None and own.df > 10  # type: ignore[union-attr]


def test_one_prompt_has_no_agreement() -> None:
    found = krippendorff_alpha([[2, 0, 1]])
    assert found.value is None and "only one prompt" in (found.why or "")
