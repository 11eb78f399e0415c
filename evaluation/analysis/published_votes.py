"""The page of the documentation on votes that others have published, read again with our intervals.

``python -m evaluation.analysis.published_votes FOLDER`` prints it from the sources' own files, where these are present;
a test holds docs/published-votes.md to it. The files themselves are not part of this program.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from common.commands import SUCCESS, refuse_repeated, run_command
from common.words import counted
from evaluation.analysis.columns import RatingsError, listed
from evaluation.analysis.estimates import Interval
from evaluation.analysis.fragility_leader import leader_needs
from evaluation.analysis.ranking import Ranking, rank_generators
from evaluation.analysis.score_report import report_scores
from evaluation.analysis.scores import ScoreEstimate
from evaluation.analysis.votes import read_votes
from evaluation.analysis.votes_pairs import pairs_of_scores


@dataclass(frozen=True)
class Source:
    """Votes that somebody published. ``files``: their names there. ``unit``: our score of one of theirs.
    ``printed``: the means that the authors print, by question and generator, in their unit.
    """

    title: str
    cited: str
    licence: str
    files: tuple[str, ...]
    unit: float
    printed: Mapping[tuple[str, str], float]


SOURCES = (
    Source(
        "ImagenHub",
        "Ku et al. (2023, arXiv:2310.01596), `eval/human_ratings/Text-To-Image` of TIGER-AI-Lab/ImagenHub",
        "MIT",
        tuple(f"imagenhub_t2i_rater{at}.tsv" for at in (1, 2, 3)),
        100.0,
        MappingProxyType(
            {
                ("alignment", "DALLE"): 0.58,
                ("fidelity", "DALLE"): 0.62,
                ("alignment", "DALLE3"): 0.79,
                ("fidelity", "DALLE3"): 0.79,
                ("alignment", "Midjourney"): 0.67,
                ("fidelity", "Midjourney"): 0.92,
            }
        ),
    ),
    Source(
        "DSG, TIFA160",
        "Cho et al. (2023, arXiv:2310.18235), `dsg/data/tifa160-likert-anns.csv` of j-min/DSG",
        "Apache-2.0",
        ("dsg_tifa160_likert.csv",),
        1.0,
        MappingProxyType({}),
    ),
)

HEAD = """# Published votes read again

The analysis writes this page; do not edit it by hand. `python -m evaluation.analysis.published_votes FOLDER` prints it
from the sources' own files in FOLDER, which are theirs and not part of this program.

Each table has the mean that the authors print (where they do), our interval for new raters and new prompts
([how it is made](statistics.md#the-default-interval-step-by-step)), and the interval that takes every score as
independent, as most published figures do. "Wider" is how many times as wide the first is. Each source's scores are also
compared in pairs, one rater's two scores of one prompt, and ranked by Davidson's model; rank bands hold all at once.
"""

TAIL = """## What it shows

* The printed means are found again to every digit.
* With three or five raters, how raters differ is the largest part of what is not known: an interval for new raters is
  several times as wide as one of independent scores, and differences between neighbours in such tables are not shown.
* A ranking may hang on few votes even where thousands were given.
"""


def page(folder: Path) -> str:
    """The whole page, as Markdown.

    Raises:
        RatingsError: a source's file is missing or can't be read.
    """
    return "\n".join([HEAD, *(_section(source, folder) for source in SOURCES), TAIL])


def _section(source: Source, folder: Path) -> str:
    votes = read_votes([folder / name for name in source.files])
    report, pairs = report_scores(votes.frame), pairs_of_scores(votes.frame)
    size = f"{report.n_raters} raters, {report.n_prompts} prompts, {len(votes.frame):,} scores"
    parts = [f"## {source.title}\n\n{source.cited}, {source.licence}: {size}.\n"]
    for question, alpha in sorted(report.analysis.agreement.items()):
        own = pairs[(pairs["question"] == question).to_numpy()]
        found = [each for each in report.analysis.estimates if each.question == question and each.category is None]
        parts.append(f"### {source.title}: {question}\n")
        parts.append("\n".join(_table(source, found, rank_generators(own, question=question))) + "\n")
        bounds = f" ({alpha.low:.3f} to {alpha.high:.3f})" if alpha.low is not None and alpha.high is not None else ""
        parts.append(f"Agreement between raters, Krippendorff's ordinal alpha: {alpha.value:.3f}{bounds}.")
        parts.append(_fragile(own, question) + "\n")
    return "\n".join(parts)


def _table(source: Source, found: Sequence[ScoreEstimate], ranking: Ranking) -> list[str]:
    bands = {each.generator: f"{each.rank_low} to {each.rank_high}" for each in ranking.scores}
    rows = ["| generator | printed | mean | new raters and prompts | independent | wider | ranks |"]
    rows.append("|---|---|---|---|---|---|---|")
    for each in sorted(found, key=lambda one: -one.mean.estimate):
        printed = source.printed.get((each.question, each.generator))
        own, naive = each.mean.interval, each.mean.independent
        wider = f"{own.half_width / naive.half_width:.1f}" if own and naive else "-"
        cells = [
            each.generator,
            "-" if printed is None else f"{printed:.2f}",
            f"{each.mean.estimate / source.unit:.3f}",
        ]
        cells += [_bounds(own, source.unit), _bounds(naive, source.unit), wider, bands[each.generator]]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _bounds(interval: Interval | None, unit: float) -> str:
    return "-" if interval is None else f"{interval.low / unit:.3f} to {interval.high / unit:.3f}"


def _fragile(pairs: pd.DataFrame, question: str) -> str:
    """What the first place hangs on, as a sentence."""
    needs = leader_needs(pairs, question)
    if isinstance(needs, str):
        return f"There is nothing to overturn: {needs}."
    few = [counted(len(found), unit[:-1]) for unit, found in needs.items() if found is not None]
    return f"Of {len(pairs):,} votes on pairs, another leads the ranking without {' or '.join(few)} (an upper bound)."


def main(arguments: Sequence[str]) -> int:
    """Print the page."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.analysis.published_votes", description=page.__doc__)
    parser.add_argument("folder", type=Path, help="where the sources' files lie")
    folder = refuse_repeated(parser).parse_args(arguments).folder
    lacking = [name for source in SOURCES for name in source.files if not (folder / name).is_file()]
    if lacking:
        raise RatingsError(f"{folder} lacks {listed(lacking)}. Take them from the sources that {__name__} names.")
    print(page(folder), end="")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(run_command(main))
