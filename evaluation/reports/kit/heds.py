"""HEDS 3.0 (Belz and Thomson 2025, arXiv:2412.07940), filled in as far as a study's specification and report say.

`heds_json` has the form's own shape, which its "upload json" reads: by field, `data` by quality criterion ("" of what
is asked once). What only a person knows stays empty there, and `heds_open` lists it. Of questions with options those
are ticked of which the study leaves no doubt; otherwise what is known stands in the field beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from evaluation.analysis.agreement import ORDINAL_ALPHA
from evaluation.reports.kit.methods import methods, recruitment_site
from evaluation.reports.kit.source import KitSource
from evaluation.reports.reading import method_name, question_name
from evaluation.reports.wording.measures import answers_declared
from evaluation.reports.wording.numbers import coefficient, level_text, percent_sign

_PAPER, _SYSTEM, _ETHICS = "heds-paper_and_resources", "heds-system", "heds-ethics"
_SAMPLE = "heds-sample_evaluators_design-sample"
_EVALUATORS = "heds-sample_evaluators_design-evaluators"
_DESIGN = "heds-sample_evaluators_design-experimental_design"
_CRITERION = "heds-criteria-criterion"
_ELICITED = f"{_CRITERION}-response_elicitation"


@dataclass(frozen=True)
class Field:
    """A field of the form. `number`: of its question. `title`: what is asked, in short. `options`: whether it is chosen
    from a list, with a field for text beside it.
    """

    number: str
    title: str
    id: str
    options: bool = False

    @property
    def of_criterion(self) -> bool:
        """Whether it is asked of each quality criterion."""
        return self.number.startswith("4")


FIELDS: tuple[Field, ...] = (
    Field("1.1.1", "main reference", f"{_PAPER}-paper-link", options=True),
    Field("1.1.2", "which experiment", f"{_PAPER}-paper-experiment_identification"),
    Field("1.2", "supplementary resources", f"{_PAPER}-resources-links", options=True),
    *(
        Field(f"1.3.{who}.{at}", f"{what} of the {words}", f"{_PAPER}-names_and_affiliations-{name}-{what}")
        for who, (name, words) in enumerate(
            (
                ("person_completing_this_sheet", "person who completes the sheet"),
                ("contact_author", "contact author"),
            ),
            1,
        )
        for at, what in enumerate(("name", "affiliation", "email"), 1)
    ),
    Field("2.1", "input of the systems", f"{_SYSTEM}-input_types", options=True),
    Field("2.2", "output of the systems", f"{_SYSTEM}-output_types", options=True),
    Field("2.3", "task of the systems", f"{_SYSTEM}-tasks", options=True),
    Field("2.4", "languages of the input", f"{_SYSTEM}-input_languages", options=True),
    Field("2.5", "languages of the output", f"{_SYSTEM}-output_languages", options=True),
    Field("3.1.1", "number of outputs", f"{_SAMPLE}-number_of_system_outputs"),
    Field("3.1.2", "selection of outputs", f"{_SAMPLE}-system_output_selection", options=True),
    Field("3.1.3.1", "statistical power: method", f"{_SAMPLE}-statistical_power-method"),
    Field("3.1.3.2", "statistical power: value", f"{_SAMPLE}-statistical_power-value"),
    Field("3.1.3.3", "statistical power: script", f"{_SAMPLE}-statistical_power-script"),
    Field("3.2.1", "number of evaluators", f"{_EVALUATORS}-number_of_evaluators"),
    Field("3.2.2.1", "expertise", f"{_EVALUATORS}-evaluators-expertise", options=True),
    Field("3.2.2.2", "payment", f"{_EVALUATORS}-evaluators-payment", options=True),
    Field("3.2.2.3", "known to the authors", f"{_EVALUATORS}-evaluators-known_to_authors", options=True),
    Field("3.2.2.4", "authors among them", f"{_EVALUATORS}-evaluators-are_authors", options=True),
    Field("3.2.2.5", "description of the evaluators", f"{_EVALUATORS}-evaluators-description"),
    Field("3.2.3", "recruitment", f"{_EVALUATORS}-recruitment_method"),
    Field("3.2.4", "training and practice", f"{_EVALUATORS}-training_practice"),
    Field("3.2.5", "other characteristics", f"{_EVALUATORS}-characteristics"),
    Field("3.3.1", "preregistration", f"{_DESIGN}-preregistered", options=True),
    Field("3.3.2", "collection of responses", f"{_DESIGN}-collection_method"),
    Field("3.3.3.1", "quality assurance: methods", f"{_DESIGN}-quality_assurance-method", options=True),
    Field("3.3.3.2", "quality assurance: description", f"{_DESIGN}-quality_assurance-description"),
    Field("3.3.4.1", "what evaluators see: link", f"{_DESIGN}-what_evaluators_see-link"),
    Field("3.3.4.2", "what evaluators see: description", f"{_DESIGN}-what_evaluators_see-description"),
    Field("3.3.5", "freedom of evaluators", f"{_DESIGN}-evaluator_freedom", options=True),
    Field("3.3.6", "questions and feedback", f"{_DESIGN}-evaluators_can_ask_questions", options=True),
    Field("3.3.7", "conditions", f"{_DESIGN}-experimental_conditions", options=True),
    Field("3.3.7", "place of their own choosing", f"{_DESIGN}-evaluators_place_of_choosing"),
    Field("3.3.8", "variation of conditions", f"{_DESIGN}-conditions_variation"),
    Field("4.1.1", "type of quality", f"{_CRITERION}-criteria-quality_type", options=True),
    Field("4.1.2", "aspect of the output", f"{_CRITERION}-criteria-output_aspect", options=True),
    Field("4.1.3", "frame of reference", f"{_CRITERION}-criteria-self_vs_external_frame", options=True),
    Field("4.2.1", "objective or subjective", f"{_CRITERION}-evaluation_mode-objective_or_subjective", options=True),
    Field("4.2.2", "absolute or relative", f"{_CRITERION}-evaluation_mode-absolute_or_relative", options=True),
    Field("4.2.3", "intrinsic or extrinsic", f"{_CRITERION}-evaluation_mode-intrinsic_or_extrinsic", options=True),
    Field("4.3.1", "name shown to evaluators", f"{_ELICITED}-participant_criterion_name"),
    Field("4.3.2", "definition shown to evaluators", f"{_ELICITED}-participant_criterion_definiiton"),  # its spelling
    Field("4.3.3", "size of the scale", f"{_ELICITED}-size_of_scale", options=True),
    Field("4.3.4", "possible responses", f"{_ELICITED}-list_or_range"),
    Field("4.3.5", "how the scale is presented", f"{_ELICITED}-scale_presented_as", options=True),
    Field("4.3.6", "task without a scale", f"{_ELICITED}-task_description"),
    Field("4.3.7", "question, verbatim", f"{_ELICITED}-verbatim_question"),
    Field("4.3.8", "form of response", f"{_ELICITED}-form_of_response", options=True),
    Field("4.3.9", "aggregation", f"{_ELICITED}-response_aggregation"),
    Field("4.3.10", "size and certainty of effects", f"{_ELICITED}-effect_size_method"),
    Field("4.3.11.1", "agreement between evaluators", f"{_ELICITED}-inter_annotator-agreement", options=True),
    Field("4.3.11.2", "its value", f"{_ELICITED}-inter_annotator-agreement_score"),
    Field(
        "4.3.12.1", "agreement with themselves", f"{_ELICITED}-intra_annotator-intra_annotator_agreement", options=True
    ),
    Field("4.3.12.2", "its value", f"{_ELICITED}-intra_annotator-intra_annotator_agreement_score"),
    Field("5.1", "ethical approval", f"{_ETHICS}-review_body"),
    Field("5.2", "personal data", f"{_ETHICS}-personal_data"),
    Field("5.3", "special category data", f"{_ETHICS}-special_category_data"),
    Field("5.4", "impact assessments", f"{_ETHICS}-impact_assessments"),
)


@dataclass(frozen=True)
class Answer:
    """`text`: of the field, or of the one beside the options. `ticked`: an option with its number, such as "2. no"."""

    text: str = ""
    ticked: str = ""


Answers = Mapping[str, Answer]
"""By the field's id; what is open is not there."""


def heds_json(source: KitSource) -> bytes:
    """The sheet as the form reads it."""
    once = dict(_once(source))
    criteria = {name: dict(own) for name, own in _criteria(source).items()}
    sheet: dict[str, object] = {
        "heds-criteria-criterion": {
            "data": {},
            "control": {name: not at for at, name in enumerate(criteria)},
            "text": {},
        }
    }
    for field in FIELDS:
        by = (
            {name: own.get(field.id, Answer()) for name, own in criteria.items()}
            if field.of_criterion
            else {"": once.get(field.id, Answer())}
        )
        text = {name: each.text for name, each in by.items()}
        if not field.options:
            sheet[field.id] = {"data": text, "control": {}, "number": field.number}
            continue
        sheet[f"{field.id}-other_text"] = {"data": text, "control": {}}
        for option in sorted({each.ticked for each in by.values()} - {""}):
            mine = {name: each.ticked == option for name, each in by.items()}
            sheet[f"{field.id}-{option.partition('.')[0]}"] = {
                "data": mine,
                "control": {},
                "text": {name: option if chosen else "" for name, chosen in mine.items()},
                "number": field.number,
            }
    return (json.dumps(sheet, ensure_ascii=False, indent=4) + "\n").encode()


def heds_open(source: KitSource) -> list[str]:
    """What a person has to complete: "3.2.2.1 expertise". Options that nobody ticked are among it."""
    once = dict(_once(source))
    criteria = {name: dict(own) for name, own in _criteria(source).items()}
    found = []
    for field in FIELDS:
        answers = (
            [own.get(field.id, Answer()) for own in criteria.values()]
            if field.of_criterion
            else [once.get(field.id, Answer())]
        )
        if any(not (each.ticked if field.options else each.text) for each in answers):
            told = any(each.text for each in answers)
            found.append(f"{field.number} {field.title}{' (choose; the text is there)' if told else ''}")
    return found


def _once(source: KitSource) -> Iterator[tuple[str, Answer]]:
    """What is asked once."""
    own, crowd, protocol = source.specification, source.crowd, source.protocol
    collected, said = source.document.collection, methods(source)
    locked = f" (specification SHA-256 {source.specification_hash})" if source.specification_hash else ""
    yield (
        f"{_PAPER}-paper-experiment_identification",
        Answer(f"The study {source.study}{locked}, report {source.report}."),
    )
    yield f"{_SYSTEM}-input_types", Answer(f"text: the prompts of the suite {own['suite']['name']}")
    yield f"{_SYSTEM}-output_types", Answer(f"images, {own['sets']['size']} of each prompt")
    yield f"{_SYSTEM}-tasks", Answer("text-to-image generation")
    language = own["suite"].get("language", "")
    if language:
        yield f"{_SYSTEM}-input_languages", Answer(f"declared: {language}", "41. English" if language == "en" else "")
    yield f"{_SYSTEM}-output_languages", Answer("N/A: the outputs are images")
    yield f"{_SAMPLE}-number_of_system_outputs", Answer(_per_system(source))
    yield (
        f"{_SAMPLE}-system_output_selection",
        Answer(
            f"Of each of {source.n_prompts:,} prompts one set of {own['sets']['size']} images of each of "
            f"{len(source.labels):,} generators."
        ),
    )
    if collected is not None:
        yield f"{_EVALUATORS}-number_of_evaluators", Answer(str(collected.n_raters))
    if source.n_simulated:
        yield f"{_EVALUATORS}-evaluators-description", Answer(source.simulated_words)
    if crowd:
        yield f"{_EVALUATORS}-evaluators-payment", Answer(f"As declared: {crowd['pay']}")
        yield f"{_EVALUATORS}-recruitment_method", Answer(recruitment_site(source))
        yield f"{_ETHICS}-review_body", Answer(crowd["approval"])
    about = own.get("raters", {}).get("about", ())
    if about:
        asked = "; ".join(each["text"] for each in about)
        yield f"{_EVALUATORS}-characteristics", Answer(f"Raters were asked, and could leave out: {asked}")
    locked_when = (
        f"DrawBench locked the specification on {source.opened_at}, before the first rating." if locked else ""
    )
    yield f"{_DESIGN}-preregistered", Answer(locked_when)
    yield f"{_DESIGN}-collection_method", Answer("DrawBench: pages in the rater's browser, answers kept by its server.")
    screening = [each.plain() for each in said["Raters"] if "control trial" in each.text or "Screening" in each.text]
    yield f"{_DESIGN}-quality_assurance-description", Answer(" ".join(screening))
    task = " ".join(each.plain() for each in said["Task and design"])
    yield f"{_DESIGN}-what_evaluators_see-description", Answer(f"{protocol.get('title', '')}. {task}")
    yield (
        f"{_DESIGN}-evaluator_freedom",
        Answer("Raters set their own pace, may pause, and go on later by the same link; the order of trials is given."),
    )
    contact = own.get("raters", {}).get("contact", "")
    if contact:
        yield f"{_DESIGN}-evaluators_can_ask_questions", Answer("The pages name a contact for questions.")
    displays = source.document.displays
    if displays is not None and displays.widths is not None:
        wide = displays.widths
        yield (
            f"{_DESIGN}-conditions_variation",
            Answer(
                f"Images stood {wide.min:g} to {wide.max:g} CSS pixels wide (median {wide.median:g}); pages were: "
                f"{', '.join(displays.themes) or 'not known'}."
            ),
        )
    kept = f"; ids of the recruitment site, kept as declared: {crowd['retention']}" if crowd else ""
    yield (
        f"{_ETHICS}-personal_data",
        Answer(
            f"DrawBench keeps answers under pseudonyms and no names or email addresses{kept}"
            f"{'; what raters said about themselves' if about else ''}."
        ),
    )
    if not about:
        yield f"{_ETHICS}-special_category_data", Answer("The study's pages ask for none.")


def _per_system(source: KitSource) -> str:
    """Outputs of each system that somebody rated: an integer, where all have as many."""
    found = source.outputs_per_system
    if len(set(found.values())) == 1:
        return str(next(iter(found.values())))
    return "; ".join(f"{n} of {label}" for label, n in found.items())


def _criteria(source: KitSource) -> dict[str, Iterable[tuple[str, Answer]]]:
    """What is asked of each quality criterion: here, of each question."""
    found: dict[str, Iterable[tuple[str, Answer]]] = {}
    for each in source.protocol.get("questions", ()):
        name = str(each.get("short") or question_name(str(each["id"])))
        found[f"{name} ({each['id']})" if name in found else name] = _criterion(source, each)
    return found


def _criterion(source: KitSource, question: Mapping[str, object]) -> Iterator[tuple[str, Answer]]:
    name, kind = str(question["id"]), str(question.get("kind", "preference"))
    results, level = source.document.analysis, level_text(source.document.analysis.level)
    mine = [each for each in results.comparisons if each.question == name]
    steps = (
        question.get("steps")
        or question.get("answers")
        or (source.protocol.get("answers") if kind == "preference" else ())
    )
    options = answers_declared(question) if "kind" in question else ""
    options = options or ", ".join(f"“{each['text']}”" for each in source.protocol.get("answers", ()))
    yield f"{_CRITERION}-evaluation_mode-objective_or_subjective", Answer("", "2. Subjective")
    yield f"{_CRITERION}-evaluation_mode-absolute_or_relative", Answer("", "2. Relative" if mine else "1. Absolute")
    yield f"{_CRITERION}-evaluation_mode-intrinsic_or_extrinsic", Answer("", "1. Intrinsic")
    yield f"{_ELICITED}-participant_criterion_name", Answer("N/A: raters see the question alone")
    yield f"{_ELICITED}-participant_criterion_definiiton", Answer("N/A: raters see the question alone")
    if isinstance(steps, list | tuple) and steps:
        yield f"{_ELICITED}-size_of_scale", Answer(str(len(steps)), "1. Discrete")
        yield f"{_ELICITED}-list_or_range", Answer(options)
        yield f"{_ELICITED}-task_description", Answer("N/A")
    else:
        yield f"{_ELICITED}-size_of_scale", Answer("N/A")
        yield f"{_ELICITED}-list_or_range", Answer("N/A")
        yield f"{_ELICITED}-task_description", Answer(options)
    yield f"{_ELICITED}-scale_presented_as", Answer("buttons with the texts of the answers" if steps else "N/A")
    yield f"{_ELICITED}-verbatim_question", Answer(str(question["text"]).replace("{caption}", "[the prompt]"))
    form = "3. relative quality estimation (including ranking)" if mine or kind == "ranking" else ""
    yield (
        f"{_ELICITED}-form_of_response",
        Answer("", form or ("2. direct quality estimation" if kind == "scale" else "")),
    )
    if mine:
        used = list(dict.fromkeys(each.overall.net.default for each in mine if each.overall.net.interval))
        intervals = " or ".join(map(method_name, used)) or "none"
        yield (
            f"{_ELICITED}-response_aggregation",
            Answer(
                "Shares of answers for either generator and without preference; net share: the first minus the second."
            ),
        )
        yield f"{_ELICITED}-effect_size_method", Answer(f"Net share with {level} intervals: {intervals}.")
    elif source.document.answers is not None:
        yield f"{_ELICITED}-response_aggregation", Answer("Means or shares of answers by generator.")
        yield f"{_ELICITED}-effect_size_method", Answer(f"{level} intervals of means and shares.")
    yield from _agreement(source, name)


def _agreement(source: KitSource, question: str) -> Iterator[tuple[str, Answer]]:
    own = [each for each in source.document.analysis.agreement.get(question, ()) if each.method == ORDINAL_ALPHA]
    answers = source.document.answers
    if answers is not None and question in answers.agreement and not own:
        own = [answers.agreement[question]]
    values = [f"{each.method} {coefficient(each.value)}" for each in own if each.value is not None]
    yield f"{_ELICITED}-inter_annotator-agreement", Answer(", ".join(values), "1. yes" if values else "2. no")
    yield f"{_ELICITED}-inter_annotator-agreement_score", Answer(", ".join(values) or "N/A")
    again = [each for each in source.document.analysis.retest if each.question == question]
    same = [f"the same answer in {percent_sign(each.same.estimate)} of what was seen again" for each in again]
    yield (
        f"{_ELICITED}-intra_annotator-intra_annotator_agreement",
        Answer(", ".join(same), "1. yes" if same else "2. no"),
    )
    yield f"{_ELICITED}-intra_annotator-intra_annotator_agreement_score", Answer(", ".join(same) or "N/A")
