"""The reporting list of Otani et al. (CVPR 2023), filled in from a study's specification and report."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from common.words import counted
from evaluation.analysis.agreement import ORDINAL_ALPHA
from evaluation.reports.kit.methods import recruitment_site
from evaluation.reports.kit.source import KitSource
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import coefficient, figures, percent_sign

OPEN = "**to be filled in**"


def otani_items(source: KitSource) -> list[tuple[str, str]]:
    """(item, what is known of it); `OPEN` leads what only a person knows."""
    return list(_items(source))


def otani_text(source: KitSource) -> str:
    """The list as a table."""
    lines = ["# The reporting list of Otani et al. (CVPR 2023)", ""]
    if source.simulated_words:
        lines += [f"**{source.simulated_words}**", ""]
    lines += ["| item | this study |", "|---|---|"]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in each] for each in otani_items(source))
    return "\n".join([*lines, *(f"| {item} | {known} |" for item, known in cells), ""])


def _items(source: KitSource) -> Iterator[tuple[str, str]]:
    collected, crowd, own = source.document.collection, source.crowd, source.specification
    yield (
        "Questions and answers",
        "; ".join(
            f"“{each['text']}”".replace("{caption}", "[the prompt]") for each in source.protocol.get("questions", ())
        ),
    )
    if collected is not None:
        yield "Distinct raters", f"{collected.n_raters:,}"
        each = collected.ratings_per_rater
        yield "Ratings per rater", "none" if each is None else f"median {each.median:g} ({each.min:g} to {each.max:g})"
        time = collected.response_time_ms
        if time is None:
            yield "Time per answer", f"{OPEN}: the browsers gave none"
        else:
            yield "Time per answer", f"median {time.median / 1000:.1f} s"
            yield (
                "Total time of answers",
                f"about {time.median / 1000 * source.n_ratings / 3600:.2g} hours by the median",
            )
    yield "Raters per sample", _per_sample(source)
    yield from _agreement(source)
    yield from _labels(source)
    yield "Recruitment", recruitment_site(source) or f"{OPEN}: the study declared no recruitment site"
    yield "Pay", crowd["pay"] if crowd else f"{OPEN}: the study declared none"
    admission = own.get("admission")
    yield "Qualification", _admitted(admission) if admission else "none was declared"
    yield "Screening", str(source.protocol.get("screening", "")) or OPEN
    yield "Ethical approval", crowd["approval"] if crowd else f"{OPEN}: the study declared none"
    yield "Screenshots of the interface", f"{OPEN}: take them from the study's preview"
    yield "Raw data", "data/ratings.csv" if len(source.ratings) else "data/answers.csv"
    yield "Where it is published", OPEN


def _per_sample(source: KitSource) -> str:
    """How many raters answered a question of a prompt and its images, and how many were declared."""
    counts = source.raters_per_item
    declared = " or ".join(dict.fromkeys(str(each["raters"]) for each in source.specification.get("panels", ())))
    given = f"median {statistics.median(counts):g} ({counts[0]} to {counts[-1]})" if counts else "none"
    return f"{given}; {declared} were declared" if declared else given


def _admitted(admission: object) -> str:
    own = admission if isinstance(admission, dict) else {}
    n = len(own.get("qualification", ()))
    return f"{own.get('least_right', n)} of {counted(n, 'first trial')} right" if n else "no qualification trials"


def _agreement(source: KitSource) -> Iterator[tuple[str, str]]:
    found = {
        question: each
        for question, own in source.document.analysis.agreement.items()
        for each in own
        if each.method == ORDINAL_ALPHA
    }
    if source.document.answers is not None:
        found = {**source.document.answers.agreement, **found}
    for question, each in found.items():
        value = f"none: {each.why}" if each.value is None else coefficient(each.value)
        yield f"{each.method}, {question_name(question)}", value


def _labels(source: KitSource) -> Iterator[tuple[str, str]]:
    """Means of labels: of scales; of preferences the shares, which are their labels."""
    for each in source.document.analysis.comparisons:
        a, b, rate = each.generator_a, each.generator_b, each.overall
        shares = [percent_sign(rate.share(choice)) for choice in ("a", "indifferent", "b")]
        item = f"Answers, {question_name(each.question)}, {a} against {b}"
        yield item, f"{shares[0]} for {a}, {shares[1]} without preference, {shares[2]} for {b}"
    for one in source.document.answers.estimates if source.document.answers else ():
        if one.category is None and one.measure == "mean":
            yield f"Mean, {question_name(one.question)}, {one.generator}", figures(one.mean.estimate)
