"""The methods of a study in a paper's words, sentence by sentence: only what was declared, measured or computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.words import counted
from evaluation import protocols
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.recruiting import PLATFORMS
from evaluation.reports.kit import references
from evaluation.reports.kit.source import KitSource
from evaluation.reports.reading import method_name, question_name
from evaluation.reports.tables import latex_escape
from evaluation.reports.wording.measures import answers_declared
from evaluation.reports.wording.numbers import coefficient, level_text, percent_sign
from evaluation.reports.wording.results import primary_text, stopping_rule_text

HASH = re.compile(r"\b[0-9a-f]{32,}\b")
MODULE = re.compile(r" \(evaluation\.[a-z_.]+\)|, evaluation\.[a-z_.]+")
"""What specifications name beside words: a paper has no use for it."""
NONE = "none"
"""What a study declares where there is nothing of the kind."""


@dataclass(frozen=True)
class Sentence:
    """A sentence without its full stop, and the keys of what it cites."""

    text: str
    cites: Sequence[str] = ()

    def plain(self) -> str:
        """With its keys in brackets."""
        return self.text + (f" [{', '.join(self.cites)}]" if self.cites else "") + "."

    def latex(self) -> str:
        """Escaped, with `\\cite`; hashes may break."""
        text = HASH.sub(lambda found: r"\allowbreak ".join(re.findall(".{1,8}", found[0])), latex_escape(self.text))
        return text + (f"~\\cite{{{','.join(self.cites)}}}" if self.cites else "") + "."


def methods(source: KitSource) -> dict[str, list[Sentence]]:
    """The sentences of each paragraph, by its heading; paragraphs of which nothing is known are left out."""
    found: dict[str, list[Sentence]] = {
        "Material": list(_material(source)),
        "Task and design": list(_task(source)),
        "Raters": list(_raters(source)),
        "Analysis": list(_analysis(source)),
        "Record": list(_record(source)),
    }
    return {heading: sentences for heading, sentences in found.items() if sentences}


def methods_latex(source: KitSource) -> str:
    """A paragraph a heading."""
    lines = ["% made from the study's locked specification and its report; TO-FILL-IN.md lists what is not known"]
    if source.simulated_words:
        lines += [f"\\textbf{{{latex_escape(source.simulated_words)}}}", ""]
    for heading, sentences in methods(source).items():
        lines += [f"\\paragraph{{{heading}.}}", *(each.latex() for each in sentences), ""]
    return "\n".join(lines)


def methods_text(source: KitSource) -> str:
    """The same for a reader; keys in brackets are those of references.bib."""
    parts = [source.simulated_words] if source.simulated_words else []
    parts += [f"{heading}. " + " ".join(map(Sentence.plain, own)) for heading, own in methods(source).items()]
    return "\n\n".join(parts) + "\n"


def _material(source: KitSource) -> Iterator[Sentence]:
    own, protocol = source.specification, source.protocol
    if not protocol:
        return
    labels = ", ".join(source.labels)
    beside = "the reference photographs and " if "reference" in own else ""
    yield Sentence(
        f"We compared {beside}{counted(len(source.labels), 'generator')} ({labels}) under the {protocol['title']} "
        "protocol",
        references.protocol_keys(source) or [references.DRAWBENCH],
    )
    suite = own["suite"]
    of = f" of its {counted(suite['prompts'], 'prompt')}" if suite["prompts"] != source.n_prompts else ""
    yield Sentence(
        f"The prompts are those of the suite {suite['name']} (version {suite['version_hash'][:12]}), of which the "
        f"study shows {counted(source.n_prompts, 'prompt')}{of}"
    )
    sets = own["sets"]
    yield Sentence(f"Each generator shows {counted(sets['size'], 'image')} of a prompt at once")
    if sets["dropped"]:
        yield Sentence(f"Left out, because images were missing: {counted(len(sets['dropped']), 'prompt')}")
    if sets["smaller"]:
        yield Sentence(f"Of {counted(len(sets['smaller']), 'prompt')} the sets are smaller")
    for run in own.get("runs", ()):
        yield Sentence(_run(run))


def _run(run: Mapping[str, Any]) -> str:
    parts = [f"{run['label']} is of the generator {run['generator']}"]
    if run["origin"] == "uploaded":
        parts.append("uploaded images")
    elif run.get("run_seed") is not None:
        parts.append(f"seed {run['run_seed']}")
    given = {name: value for name, value in (run.get("parameters") or {}).items() if value not in ("", None)}
    parts += [f"{name} {value}" for name, value in given.items()]
    if run.get("weights_fingerprint"):
        parts.append(f"weights {run['weights_fingerprint'][:12]}")
    declared = {name: value for name, value in (run.get("declared") or {}).items() if value not in ("", None)}
    parts += [f"{name} {value}" for name, value in declared.items()]
    return ", ".join(parts)


def _task(source: KitSource) -> Iterator[Sentence]:
    own, protocol = source.specification, source.protocol
    for question in protocol.get("questions", ()):
        answers = answers_declared(question) if question.get("kind") else ""
        answers = answers or ", ".join(f"“{each['text']}”" for each in protocol.get("answers", ()))
        text = question["text"].replace(protocols.CAPTION, "[the prompt]")
        yield Sentence(f"Raters were asked “{text}” (answers: {answers})")
    if not protocol:
        return
    panels = own["panels"]
    sizes = sorted({each["raters"] for each in panels})
    of = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    yield Sentence(
        f"The design has {counted(len(panels), 'panel')} of {of} rater{'' if sizes == [1] else 's'}"
        + (", a panel for each category" if len(panels) > 1 else "")
    )
    if own.get("comparisons"):
        yield Sentence(f"It has {counted(own['comparisons']['n'], 'comparison')}")
    design = own["design"]
    parts = ("pairs", "trials", "sides", "places", "batches", "order")
    said = "; ".join(f"{name}: {MODULE.sub('', design[name])}" for name in parts if name in design)
    yield Sentence(f"Randomisation by seed {design['seed']}; {said}")
    display = own["display"]
    pixels = f"{display['width']} × {display['height']} pixels, " if display.get("width") else ""
    yield Sentence(f"Images were shown as {pixels}{display['format']}, resampled by {display['resampling']}")
    for line in own.get("departures", ()):
        yield Sentence(f"Departure from the protocol: {line}")


def _raters(source: KitSource) -> Iterator[Sentence]:
    collected = source.document.collection
    if collected is not None and collected.n_raters:
        simulated = f" ({collected.n_simulated_raters:,} of them simulated)" if collected.n_simulated_raters else ""
        said = f"{counted(collected.n_raters, 'rater')}{simulated} gave {counted(source.n_ratings, 'answer')}"
        if collected.first_rated_at and collected.last_rated_at:
            first, last = _day(collected.first_rated_at), _day(collected.last_rated_at)
            said += f" on {first}" if first == last else f" from {first} to {last}"
        yield Sentence(said)
        each, time = collected.ratings_per_rater, collected.response_time_ms
        if each is not None:
            yield Sentence(f"The median rater gave {each.median:g} answers (range {each.min:g} to {each.max:g})")
        if time is not None:
            quartiles = f"{time.q1 / 1000:.1f} and {time.q3 / 1000:.1f} s"
            yield Sentence(f"The median answer took {time.median / 1000:.1f} s (quartiles {quartiles})")
    crowd = source.crowd
    if crowd:
        yield Sentence(f"Raters were recruited through {recruitment_site(source)}")
        for name, words in (
            ("pay", "Pay"),
            ("approval", "Ethical approval"),
            ("retention", "Retention of raters' ids"),
            ("withdrawal", "Withdrawal"),
        ):
            said = crowd[name].strip().rstrip(".")
            yield Sentence(f"{words}: {'none, as declared' if said.lower() == NONE else ' '.join(said.split())}")
    if source.specification.get("raters", {}).get("consent"):
        yield Sentence("All raters read and agreed to a consent text before their first trial")
    yield from _screening(source)


def recruitment_site(source: KitSource) -> str:
    """The recruitment site that the study declared; empty where it declared none."""
    platform = source.crowd.get("platform", "")
    known = PLATFORMS.get(platform)
    return known.title if known else platform


def _screening(source: KitSource) -> Iterator[Sentence]:
    own, further = source.specification, source.document.further
    added = own.get("controls", {}).get("added")
    rule = added["in_words"] if added else str(source.protocol.get("screening", ""))
    if rule:
        yield Sentence(f"Screening: {rule.rstrip('.')}")
    if further is not None and further.screening is not None:
        found = further.screening
        share = found.share_right
        right = "" if share is None else f"; {percent_sign(share)} of answers to them were right"
        yield Sentence(
            f"By control trials {len(found.dropped):,} of {counted(len(found.raters), 'rater')} were left out{right}"
        )
    if further is not None and further.signs is not None and further.signs.excluded:
        yield Sentence(f"By declared signs {counted(len(further.signs.excluded), 'rater')} were left out")
    if source.document.analysis.n_control:
        yield Sentence(f"{counted(source.document.analysis.n_control, 'rating')} of control trials count in no result")


def _analysis(source: KitSource) -> Iterator[Sentence]:
    results = source.document.analysis
    level = level_text(results.level)
    if results.comparisons:
        methods_used = list(
            dict.fromkeys(each.overall.net.default for each in results.comparisons if each.overall.net.interval)
        )
        yield Sentence(
            "We report the shares of ratings for either generator and without preference, and the net share, the first "
            "share minus the second, in which no preference counts as zero"
        )
        if methods_used:
            names = " or ".join(map(method_name, methods_used))
            yield Sentence(
                f"Intervals are {level} ({names}); they speak for {ESTIMAND_WORDS[results.estimand]}",
                references.interval_keys(source),
            )
    elif source.document.answers is not None:
        yield Sentence(
            f"Intervals of means and shares are {level}; they speak for {ESTIMAND_WORDS[results.estimand]}",
            references.interval_keys(source),
        )
    declared = source.specification.get("analysis")
    if declared:
        yield Sentence(primary_text(declared).rstrip("."))
    if references.has_holm(source):
        yield Sentence("P-values test “no preference” and are adjusted after Holm", ["holm1979"])
    keys = references.ranking_keys(source)
    if keys:
        models = ", ".join(dict.fromkeys(each.model.title() for each in source.rankings))
        yield Sentence(f"Rankings are by the {models} model, with bands that hold all ranks at once", keys)
    yield from _agreement(source)
    rule = source.specification.get("stopping_rule")
    if rule:
        yield Sentence(
            f"A stopping rule was declared beforehand. {stopping_rule_text(rule).rstrip('.')}",
            references.stopping_keys(source),
        )


def _agreement(source: KitSource) -> Iterator[Sentence]:
    found = dict(source.document.analysis.agreement)
    if source.document.answers is not None:
        found |= {name: (each,) for name, each in source.document.answers.agreement.items() if name not in found}
    said = [
        f"{each.method} {coefficient(each.value)} ({question_name(question)})"
        for question, own in found.items()
        for each in own
        if each.value is not None
    ]
    if said:
        yield Sentence(f"Agreement between raters: {'; '.join(said)}", references.agreement_keys(source))


def _record(source: KitSource) -> Iterator[Sentence]:
    if source.specification_hash:
        yield Sentence(
            f"The specification was locked on {_moment(source.opened_at)}, before the first rating (SHA-256 "
            f"{source.specification_hash})"
        )
    yield Sentence(
        f"Results are of the ratings as of {_moment(source.as_of)} (SHA-256 {source.input_hash}), computed by "
        f"DrawBench, code {source.code_version}"
    )
    if source.status == "open":
        yield Sentence("The study was still open then: these are interim results")
    if source.looks:
        told = ", ".join(f"{what} {counted(n, 'time')}" for what, n in source.looks.items())
        yield Sentence(f"Results were looked at before the study closed: {told}")


def _day(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%-d %b %Y}"


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%-d %b %Y %H:%M} UTC"


def to_fill_in(source: KitSource) -> list[tuple[str, str]]:
    """(what, why it is not in the kit): what a paper says and only a person knows."""
    own, crowd = source.specification, source.crowd
    found: list[tuple[str, str]] = []
    if not crowd:
        reason = "the study declared no recruitment site, and links tell nothing of who followed them"
        found += [
            ("How raters were recruited, and from where", reason),
            ("What raters were paid", reason),
            ("Ethical approval: by which board, under which number", reason),
            ("How long raters' data is kept, and how a rater withdraws", reason),
        ]
    elif NONE in {text.strip().lower() for text in crowd.values()}:
        names = [name for name, text in crowd.items() if text.strip().lower() == NONE]
        found.append((f"Why there is none: {', '.join(names)}", "the study declared “none”"))
    if not own.get("raters", {}).get("about"):
        found.append(("Who the raters are: age, region, languages", "the study asked raters nothing about themselves"))
    if not own.get("admission"):
        found.append(("What qualified raters to take part", "the study declared no admission"))
    for run in own.get("runs", ()):
        if run["origin"] == "uploaded" and not (run.get("declared") or {}).get("version"):
            found.append((f"The version of {run['label']}", "its images were uploaded without one"))
    if "analysis" not in own:
        found.append(("Hypotheses", "the study declared no primary comparisons"))
    found += [
        ("Where the study was preregistered, if it was", "the kit knows the locked specification alone"),
        ("How the number of raters was chosen", "the kit knows the numbers alone"),
        ("Where ratings, images and code are published", "a person decides that"),
        ("Training and instructions beyond the consent text and the questions", "the kit knows what the pages say"),
        ("Authors, affiliations, contact", "a person decides that"),
    ]
    if source.n_simulated:
        found.insert(0, ("Real ratings", source.simulated_words))
    return found


def to_fill_in_text(items: Iterable[tuple[str, str]], sheet: Iterable[str]) -> str:
    """`to_fill_in` as a list to tick. `sheet`: what HEDS leaves open."""
    about = "What papers say, and only a person knows. Nothing of it is made up in this kit."
    lines = ["# To be filled in", "", about, ""]
    lines += [f"- [ ] {what} ({why.rstrip('.')})." for what, why in items]
    lines += ["", "## In heds.json, by the form's numbers", "", *(f"- [ ] {each}" for each in sheet), ""]
    return "\n".join(lines)
