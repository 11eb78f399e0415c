"""A plan of a study in words, the same on pages and in the terminal."""

from __future__ import annotations

from common.words import counted
from evaluation.analysis.pilot import PilotReading
from evaluation.analysis.study_plan import PanelPlan, StudyPlan
from evaluation.reports.wording.numbers import figures, percent
from evaluation.reports.wording.results import aligned


def plan_lines(plan: StudyPlan) -> list[str]:
    """What the study finds, takes and rests on, a sentence or two a line."""
    return [*precision_lines(plan), work_line(plan), *wanted_lines(plan), *basis_lines(plan)]


def precision_lines(plan: StudyPlan) -> list[str]:
    """What it finds."""
    if not plan.panels:
        return ["No question asks for a preference, so only time and pay are planned."]
    if plan.half_width is None:
        return ["One rater or one prompt leaves no interval: plan two of each or more, better ten."]
    if plan.detectable is None:
        few = f"{crossing(plan)} are too few to detect any difference in 80 of 100 such studies."
        return [few, f"The 95 % interval will be about {width(min(plan.half_width, 1.0))} points or more."]
    lines = [f"{crossing(plan)} detect {width(plan.detectable)} points of the net share of one pair."]
    lines.append(
        f"So large a difference is found in 80 of 100 such studies. The 95 % interval will be about "
        f"{width(plan.half_width)} points."
    )
    if plan.floor is not None:
        lines.append(f"More raters alone never make it narrower than {width(plan.floor)} points; more prompts do.")
    return lines


def crossing(plan: StudyPlan) -> str:
    """`25 raters x 12 prompts`; `25 raters x 200 prompts in 11 panels`."""
    first = plan.panels[0]
    prompts = sum(each.prompts for each in plan.panels)
    where = f" in {counted(len(plan.panels), 'panel')}, each with raters of its own," if len(plan.panels) > 1 else ""
    return f"{counted(first.raters, 'rater')} x {counted(prompts, 'prompt')}{where}"


def panel_cells(panel: PanelPlan) -> tuple[str, str, str, str]:
    """A panel's name, its raters x prompts, its interval and what it detects alone."""
    return (
        panel.panel or "All prompts",
        f"{panel.raters} x {panel.prompts}",
        "none" if panel.half_width is None else width(panel.half_width),
        "nothing" if panel.detectable is None else width(panel.detectable),
    )


def work_line(plan: StudyPlan) -> str:
    """What it takes and costs."""
    text = (
        f"{counted(plan.raters, 'rater')} see {counted(plan.trials, 'trial')}, at most {plan.trials_a_rater:,} each: "
        f"about {figures(plan.seconds)} s a trial, {figures(plan.minutes_a_rater)} minutes a rater, "
        f"{figures(plan.hours)} rater-hours in all."
    )
    if plan.cost is None or plan.pay is None:
        return text
    return f"{text} At {plan.pay:,.2f} an hour they cost {plan.cost:,.2f}, without fees."


def wanted_lines(plan: StudyPlan) -> list[str]:
    """What a wanted width takes."""
    wanted = plan.wanted
    if wanted is None:
        return []
    ways = []
    if wanted.raters is not None:
        ways.append(f"{counted(wanted.raters, 'rater')} per trial with these prompts")
    if wanted.prompts is not None:
        ways.append(f"{counted(wanted.prompts, 'prompt')} with these raters")
    if wanted.sets is not None:
        ways.append(f"{counted(wanted.sets, 'image set')} per prompt, each rater seeing one of them")
    if not ways:
        lines = [f"±{percent(wanted.half_width)} points are reached neither by more raters nor by more prompts alone."]
    else:
        lines = [f"For {width(wanted.half_width)} points: {'; or '.join(ways)}."]
    if wanted.both is not None:
        raters, prompts = wanted.both
        each = f" ({counted(len(plan.panels), 'panel')})" if len(plan.panels) > 1 else ""
        lines.append(
            f"The fewest trials for it: {counted(raters, 'rater')} per trial x {counted(prompts, 'prompt')}{each}."
        )
    if ways and wanted.raters is None:
        lines.append("No number of raters reaches it with these prompts.")
    if plan.pilot is None or not plan.pilot.images:
        lines.append("What more image sets per prompt would gain is not known: no pilot showed several.")
    return lines


def basis_lines(plan: StudyPlan) -> list[str]:
    """What the plan rests on."""
    parts = plan.components
    spread = (
        f"Variances of a vote: {figures(parts.rater)} between raters, {figures(parts.prompt)} between prompts, "
        f"{figures(parts.rest)} else"
    )
    if plan.pilot is None:
        assumed = "These are assumed: raters and prompts that differ moderately, and runs alike on average."
        return [f"{spread}. {assumed} A pilot says your own."]
    return [f"{spread}, {pilot_words(plan.pilot)}."]


def pilot_words(pilot: PilotReading) -> str:
    """Where a pilot's figures are from."""
    simulated = f", {pilot.n_simulated:,} of them simulated" if pilot.n_simulated else ""
    return (
        f"from a pilot of {counted(pilot.n_ratings, 'rating')}{simulated} by {counted(pilot.n_raters, 'rater')} "
        f"({pilot.generator_a} against {pilot.generator_b}, {pilot.question}: the pair and question that vary most)"
    )


def plan_text(plan: StudyPlan) -> str:
    """The whole plan for a terminal."""
    parts = ["\n".join(plan_lines(plan))]
    if len(plan.panels) > 1:
        rows = [panel_cells(each) for each in plan.panels]
        parts.append("\n".join(aligned(["Panel", "raters x prompts", "interval", "detects"], rows)))
    return "\n\n".join(parts)


def width(fraction: float) -> str:
    """`.1402` -> "±14.0"."""
    return f"±{percent(fraction)}"
