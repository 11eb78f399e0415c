"""Plays a protocol through, from design to files, and says where it does not keep what every protocol must keep.

Pure: made-up prompts, simulated answers, no page and no database. Every protocol must keep this: each trial has as many
raters as declared, and each prompt its share of every session; sets stand in each place equally often within rater and
within trial; nobody sees the same twice but for declared repeats, and those far enough apart; sessions are as long as
declared; every question of a prompt is asked; every answer is taken, and read back from a file as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from common.conformance import Finding
from common.words import prompt_name
from evaluation.design import PanelPlan, PanelShape, Showing, plan_panel, rng_for
from evaluation.protocols.contract import Protocol
from evaluation.protocols.kinds import Claim
from evaluation.protocols.parts import OTHERWISE
from evaluation.protocols.rows import REFERENCE, AnswerRow, rating_of
from evaluation.protocols.serving import panel_shape

CLAIMS = ("Is there a cube?", "Is the cube red?", "Is it on a {claim}?")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of playing a protocol through: what is wrong, every answer, and those that stand in a ratings file."""

    findings: tuple[Finding, ...]
    answers: tuple[AnswerRow, ...]
    ratings: tuple[dict[str, str | int | bool], ...]


@dataclass(frozen=True, slots=True)
class _MadePrompt:
    id: str
    text: str
    category: str
    claims: tuple[str, ...]


def play(protocol: Protocol, *, n_generators: int = 6, n_prompts: int = 12, seed: int = 0) -> Played:
    """Play `protocol` through with made-up prompts of two categories or more.

    Args:
        n_generators: raised to what a trial shows where that is more.
        n_prompts: of each category.

    Raises:
        DesignError: the protocol can't be designed for so few prompts.
    """
    n = max(n_generators, protocol.shown.sets - (protocol.shown.reference == "beside"))
    names = [f"generator-{at}" for at in range(n)] + [REFERENCE]
    findings: list[Finding] = []
    answers: list[AnswerRow] = []
    for panel, prompts in _panels(protocol, n_prompts).items():
        shape = panel_shape(protocol, n_prompts=len(prompts), n_generators=n, raters=protocol.raters_per_panel)
        plan = plan_panel(shape, seed=seed, panel=panel)
        findings += [Finding("design", f"{panel or 'panel'}: {each}") for each in _design_faults(plan, shape)]
        for slot, session in enumerate(plan.sessions):
            rng = rng_for(seed, "answers", panel, slot)
            for showing in session:
                if showing.trial is None:
                    continue
                prompt = prompts[plan.trials[showing.trial].prompt]
                shown = tuple(names[each] for each in showing.order)
                for asked in protocol.asked(prompt.category, prompt.claims):
                    kind = asked.question.answers
                    value = kind.example(rng, shown=len(shown), prompt=prompt.text)
                    checked = kind.check(value, shown=len(shown), prompt=prompt.text, claims=prompt.claims)
                    rater = f"{panel or 'all'}-{slot}"
                    place = (rater, prompt.id, prompt.category, asked.id, kind.name)
                    answers.append(AnswerRow(*place, shown, checked, showing.repetition))
    findings += [Finding("answers", each) for each in _answer_faults(protocol, answers, n_prompts)]
    ratings = [rating for row in answers if (rating := rating_of(row, protocol)) is not None]
    return Played(tuple(findings), tuple(answers), tuple(ratings))


def _prompts(protocol: Protocol, n_prompts: int) -> list[_MadePrompt]:
    named = [category for category in protocol.category_questions if category != OTHERWISE]
    categories = [*named, *(each for each in ("Made-up", "Invented") if each not in named)]
    claims = CLAIMS if any(isinstance(question.answers, Claim) for question in protocol.questions) else ()
    return [
        _MadePrompt(prompt_name(at), f"A made prompt, number {at} of {category}.", category, claims)
        for at, category in enumerate(category for category in categories for _ in range(n_prompts))
    ]


def _panels(protocol: Protocol, n_prompts: int) -> dict[str, list[_MadePrompt]]:
    panels: dict[str, list[_MadePrompt]] = {}
    for prompt in _prompts(protocol, n_prompts):
        panels.setdefault(prompt.category if protocol.panels == "category" else "", []).append(prompt)
    return panels


def _spread(counts: Iterable[int]) -> int:
    values = list(counts)
    return max(values) - min(values) if values else 0


def _first(session: Sequence[Showing]) -> list[Showing]:
    """Trials as they are first seen."""
    return [each for each in session if each.trial is not None and not each.repetition]


def _design_faults(plan: PanelPlan, shape: PanelShape) -> Iterator[str]:
    seen = Counter(each.trial for session in plan.sessions for each in _first(session))
    wrong = [trial for trial in range(len(plan.trials)) if seen[trial] != shape.raters]
    if wrong:
        yield f"trial {wrong[0]} is seen by {seen[wrong[0]]} raters, not {shape.raters}"
    if _spread(Counter(trial.prompt for trial in plan.trials).values()):
        yield "prompts have different numbers of trials"
    for slot, session in enumerate(plan.sessions):
        for fault in _session_faults(plan, shape, session):
            yield f"rater {slot}: {fault}"
    for trial in range(len(plan.trials)):
        column = [each.order for session in plan.sessions for each in _first(session) if each.trial == trial]
        if _unbalanced(column, shape.sets):
            yield f"trial {trial}: its sets do not stand in each place equally often"


def _session_faults(plan: PanelPlan, shape: PanelShape, session: Sequence[Showing]) -> Iterator[str]:
    first = _first(session)
    if len({each.trial for each in first}) < len(first):
        yield "a trial is seen twice, and it is no declared repeat"
    if shape.batch is not None and len(first) > shape.batch:
        yield f"{len(first)} trials, where a batch has {shape.batch}"
    prompts = Counter(plan.trials[each.trial].prompt for each in first if each.trial is not None)
    if _spread(prompts[at] for at in range(shape.n_prompts)) > 1:
        yield "some prompts are seen more than once more often than others"
    controls = [at for at, each in enumerate(session) if each.trial is None]
    if len(controls) != shape.controls or (shape.controls_first and controls != list(range(shape.controls))):
        yield "control trials are not where they are declared"
    where = {(each.trial, each.repetition): at for at, each in enumerate(session)}
    repeats = [each for each in session if each.repetition]
    if len(repeats) != shape.repeats:
        yield f"{len(repeats)} repeats, where {shape.repeats} are declared"
    if any(where[each.trial, 1] - where.get((each.trial, 0), len(session)) < shape.apart for each in repeats):
        yield "a repeat comes too soon"
    groups: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for each in first:  # whole pairs are balanced within each pair of generators, as DrawBench's always were
        groups.setdefault(tuple(sorted(each.order)) if shape.whole_pairs else (), []).append(each.order)
    if any(_unbalanced(orders, shape.sets) for orders in groups.values()):
        yield "generators do not stand in each place equally often"


def _unbalanced(orders: Sequence[tuple[int, ...]], sets: int) -> bool:
    members = {member for order in orders for member in order}
    return any(
        _spread(sum(order[place] == member for order in orders) for place in range(sets)) > 1 for member in members
    )


def _answer_faults(protocol: Protocol, answers: Sequence[AnswerRow], n_prompts: int) -> Iterator[str]:
    prompts = {prompt.id: prompt for prompt in _prompts(protocol, n_prompts)}
    keys = Counter((row.rater_id, row.prompt_id, frozenset(row.shown), row.question, row.repetition) for row in answers)
    twice = [key for key, times in keys.items() if times > 1]
    if twice:
        yield f"{twice[0]} has two answers"
    for row in answers:
        prompt = prompts[row.prompt_id]
        if AnswerRow.from_dict(row.to_dict(), protocol, prompt.text, prompt.claims) != row:
            yield f"an answer of kind {row.kind} does not read back from its file: {row}"
            break
    asked: dict[str, set[str]] = {}
    for row in answers:
        asked.setdefault(row.prompt_id, set()).add(row.question)
    for prompt in prompts.values():
        wanted = {each.id for each in protocol.asked(prompt.category, prompt.claims)}
        if asked.get(prompt.id, set()) != wanted:
            yield f"the prompt {prompt.id} of {prompt.category} is not asked {', '.join(sorted(wanted))}"
            break
