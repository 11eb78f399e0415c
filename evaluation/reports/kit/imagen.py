"""A study's results in the forms of the Imagen paper (Saharia et al. 2022, arXiv:2205.11487).

Figure 3: for each rival of one generator the shares of answers to each question, overall. Figure A.7: the same for one
rival by category. Table 2: preference for the generated image over the photograph, and mean alignment, of all captions
and of those that name nobody. The intervals are the report's own; the paper's take votes as independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.analysis.estimates import Interval, PreferenceRate
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.figure import A_COLOUR, B_COLOUR, Colours, FigureFormat, drawn
from evaluation.reports.fonts import short_names
from evaluation.reports.further import AGAINST_REFERENCE, Further, Line
from evaluation.reports.reading import cut, question_name, says_nothing
from evaluation.reports.tables import latex_escape

SIMULATED = "SIMULATED RATINGS"
ORDER = ("alignment", "fidelity")
"""The paper's order of its questions; others follow."""
BAR = 0.62
TABLE_2 = (
    "Generated images beside photographs, in the form of table 2 of Saharia et al.\\ (2022). Photorealism: share of "
    "choices for the generated image; 50\\,\\% means that raters can't tell it from the photograph. Alignment: mean of "
    "yes (100), somewhat (50) and no (0)."
)
Bar = tuple[str, PreferenceRate, bool]
"""Its name, the rate, and whether the generator is the rate's second."""


def rivals_of(comparisons: Sequence[ComparisonResult], subject: str) -> list[str]:
    """Whom `subject` was compared with, in the order of the comparisons."""
    pairs = [
        (each.generator_a, each.generator_b) for each in comparisons if subject in (each.generator_a, each.generator_b)
    ]
    return list(dict.fromkeys(b if a == subject else a for a, b in pairs))


def figure_3(
    comparisons: Sequence[ComparisonResult], subject: str, *, simulated: bool, image_format: FigureFormat
) -> bytes:
    """A panel for each rival with a bar for each question."""
    rivals = rivals_of(comparisons, subject)

    def draw(colours: Colours) -> Figure:
        figure = Figure(figsize=(0.9 + 1.75 * len(rivals), 2.9))
        panels = figure.subplots(1, len(rivals), sharey=True, squeeze=False)[0]
        for axes, rival in zip(panels, rivals, strict=True):
            bars = [
                (question_name(each.question), each.overall, turned)
                for each, turned in _of(comparisons, subject, rival)
            ]
            _bars(axes, bars, colours)
            _names(axes, subject, rival, colours)
        _finish(figure, panels[0], colours, simulated, bottom=0.11, top=0.69)
        return figure

    return drawn(draw, image_format, "light")


def figure_a7(
    comparisons: Sequence[ComparisonResult], subject: str, rival: str, *, simulated: bool, image_format: FigureFormat
) -> bytes:
    """A panel for each question with a bar for each category."""
    chosen = _of(comparisons, subject, rival)
    n = max(len(each.categories) for each, _ in chosen)

    def draw(colours: Colours) -> Figure:
        figure = Figure(figsize=(1.2 + max(2.2, 0.36 * n) * len(chosen), 3.3))
        panels = figure.subplots(1, len(chosen), sharey=True, squeeze=False)[0]
        for at, (axes, (each, turned)) in enumerate(zip(panels, chosen, strict=True)):
            names = short_names(list(each.categories), 18)
            bars = [(name, rate, turned) for name, rate in zip(names, each.categories.values(), strict=True)]
            _bars(axes, bars, colours)
            axes.tick_params(axis="x", labelrotation=90)
            axes.set_xlabel(f"({chr(ord('a') + at)}) {question_name(each.question)}", color=colours.text)
        _names(panels[0], subject, rival, colours)
        _finish(figure, panels[0], colours, simulated, bottom=0.42, top=0.78)
        return figure

    return drawn(draw, image_format, "light")


def _of(comparisons: Sequence[ComparisonResult], subject: str, rival: str) -> list[tuple[ComparisonResult, bool]]:
    """The comparisons of two, the paper's questions first; whether `subject` is the second."""
    mine = [each for each in comparisons if {each.generator_a, each.generator_b} == {subject, rival}]
    mine.sort(key=lambda each: ORDER.index(each.question) if each.question in ORDER else len(ORDER))
    return [(each, each.generator_b == subject) for each in mine]


def _bars(axes: Axes, bars: Sequence[Bar], colours: Colours) -> None:
    """Stacked to 100 %: the generator below, its rival above, no preference between them; whiskers of the outer two."""
    for at, (_, rate, turned) in enumerate(bars):
        own, rival = ("b", "a") if turned else ("a", "b")
        base = 0.0
        for choice, colour in ((own, A_COLOUR), ("indifferent", colours.indifferent), (rival, B_COLOUR)):
            share = rate.share(choice) * 100
            axes.bar(at, share, width=BAR, bottom=base, color=colour, linewidth=0)
            base += share
        _whisker(axes, at - 0.1, rate.shares[own].interval, start=0, sign=1)
        _whisker(axes, at + 0.1, rate.shares[rival].interval, start=100, sign=-1)
    axes.set_xticks(range(len(bars)), [name for name, _, _ in bars])
    axes.set_xlim(-0.6, len(bars) - 0.4)
    axes.axhline(50, color=colours.text, linewidth=0.6, linestyle=(0, (3, 2)))


def _whisker(axes: Axes, at: float, interval: Interval | None, *, start: float, sign: int) -> None:
    if interval is None or says_nothing(interval, 0.0):
        return
    own = cut(interval, 0.0)
    ends = [start + sign * own.low * 100, start + sign * own.high * 100]
    axes.plot([at, at], ends, color="#111111", linewidth=1.0, marker="_", markersize=4, markeredgewidth=1.0)


def _names(axes: Axes, subject: str, rival: str, colours: Colours) -> None:
    """Who is below and who above, over the panel."""
    own, other = short_names([subject, rival], 20)
    entries = ((own, A_COLOUR), ("no preference", colours.indifferent), (other, B_COLOUR))
    for at, (name, colour) in enumerate(entries):
        place = 1.05 + 0.105 * at
        axes.text(0.0, place, "■", transform=axes.transAxes, color=colour, fontsize=8, va="bottom")
        axes.text(0.0, place, f"    {name}", transform=axes.transAxes, color=colours.text, fontsize=8, va="bottom")


def _finish(figure: Figure, first: Axes, colours: Colours, simulated: bool, *, bottom: float, top: float) -> None:
    first.set_ylim(0, 100)
    first.set_yticks([0, 25, 50, 75, 100], ["0%", "25%", "50%", "75%", "100%"])
    for axes in figure.axes:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(colors=colours.text, labelsize=7.5)
    figure.subplots_adjust(left=0.62 / figure.get_figwidth(), right=0.985, bottom=bottom, top=top, wspace=0.12)
    if simulated:
        figure.text(0.985, 0.985, SIMULATED, ha="right", va="top", color="#b00020", fontweight="bold", fontsize=8)


def table_2(further: Further, *, simulated: bool, level: float) -> str | None:
    """The paper's table as LaTeX; None where nothing was compared with photographs and no alignment was scored.

    A study asks one of both, so the other column stays empty, to be filled from the other study's table.
    """
    parts = [("", further.lines)] + ([("No people", further.nobody.lines)] if further.nobody else [])
    if not any(_is_its(line) for _, lines in parts for line in lines):
        return None
    mark = f"\\textbf{{{SIMULATED}.}} " if simulated else ""
    text = [
        "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}",
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{mark}{TABLE_2} $\\pm$: half the width of the {level * 100:g}\\,\\% interval.}}\\smallskip",
        "  \\label{tab:imagen-2}",
        "  \\begin{tabular}{@{}lcc@{}}",
        "    \\toprule",
        "    & Photorealism $\\uparrow$ & Alignment $\\uparrow$ \\\\",
    ]
    for name, lines in parts:
        text.append("    \\midrule")
        if name:
            text.append(f"    \\multicolumn{{3}}{{@{{}}l}}{{\\textit{{{name}}}}} \\\\")
        text += [f"    {row} \\\\" for row in _rows(lines, further.reference)]
    return "\n".join([*text, "    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""])


def _is_its(line: Line) -> bool:
    return line.measure == AGAINST_REFERENCE or (line.measure == "mean" and line.question == "alignment")


def _rows(lines: Sequence[Line], reference: str) -> list[str]:
    """The photographs first, called Original as in the paper, then each generator."""
    photo = {line.generator: line for line in lines if line.measure == AGAINST_REFERENCE}
    aligned = {line.generator: line for line in lines if line.measure == "mean" and line.question == "alignment"}
    rows = []
    for name in dict.fromkeys([*([reference] if reference else []), *photo, *aligned]):
        is_original = name == reference
        first = "50.0\\,\\%" if is_original and photo else _cell(photo.get(name), 100.0, "\\,\\%")
        title = "Original" if is_original else latex_escape(name)
        rows.append(f"{title} & {first} & {_cell(aligned.get(name), 1.0, '')}")
    return rows


def _cell(line: Line | None, unit: float, sign: str) -> str:
    if line is None:
        return "--"
    half = "" if line.low is None or line.high is None else f" \\pm {(line.high - line.low) / 2 * unit:.2f}"
    return f"${line.estimate * unit:.1f}{half}${sign}"


def imagen_files(
    comparisons: Sequence[ComparisonResult], further: Further | None, subject: str, *, simulated: bool, level: float
) -> Mapping[str, bytes]:
    """The figures as PDF and SVG, one A.7 for each rival, and the table, by name; what there is nothing for is not
    there.
    """
    files: dict[str, bytes] = {}
    between = [
        each for each in comparisons if further is None or further.reference not in (each.generator_a, each.generator_b)
    ]
    formats: tuple[FigureFormat, ...] = ("pdf", "svg")
    rivals = rivals_of(between, subject)
    for form in formats if rivals else ():
        files[f"figure-3.{form}"] = figure_3(between, subject, simulated=simulated, image_format=form)
        for number, rival in enumerate(rivals, 1):
            data = figure_a7(between, subject, rival, simulated=simulated, image_format=form)
            files[f"figure-a7-{number}.{form}"] = data
    table = None if further is None else table_2(further, simulated=simulated, level=level)
    return files | ({} if table is None else {"table-2.tex": table.encode()})
