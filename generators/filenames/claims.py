"""What each file says of its prompt and sample by its name, before numbers are settled: which layout a set follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from generators.filenames.around import ask_about_shared, shared_words, without_shared
from generators.filenames.doubts import (
    ask_about_counter,
    ask_about_seeds,
    doubt,
    mark_contradictions,
    mark_cut_off,
    mark_words_of_others,
    score,
    shared_by_folders,
)
from generators.filenames.findings import Findings, PromptRef
from generators.filenames.layouts import LAYOUTS, Claim, Layout
from generators.filenames.names import (
    GRID,
    FileName,
    Identity,
    counter,
    identify,
    is_grid,
    sample_first,
    sample_folder,
)
from generators.filenames.texts import PromptTexts

FLAT: tuple[Layout, ...] = ("prompt_sample", "prompt", "sample_prompt", "count_seed_prompt", "service")
"""Layouts that read nothing of a file's folder."""
_FEW = 4
"""A reading that places fewer than one in so many files may be wrong: names are then looked at otherwise."""
AUTOMATIC: tuple[Layout, ...] = tuple(spec.name for spec in LAYOUTS if not spec.asked)


def claims_of_names(
    files: Sequence[FileName], prompts: Sequence[PromptRef], texts: PromptTexts, layout: Layout, findings: Findings
) -> list[Claim]:
    """Every file's name read by each layout; the one that places most files is taken, unless two could be meant.

    Files of which it says nothing may follow another layout: two in one archive.
    """
    grids = [file for file in files if is_grid(file.stem) and not identify(file.stem, texts).texts]
    shown = {file.name for file in grids}
    rest = [file for file in files if file.name not in shown]
    claims = _read(rest, prompts, texts, layout, findings) if rest else []
    if layout in ("auto", "prompt/sample"):
        mark_contradictions(claims, texts)
    mark_words_of_others(claims, texts)
    mark_cut_off(claims, prompts, texts)
    return claims + [Claim(file, Identity(), None, problem=GRID) for file in grids]


def _read(
    files: Sequence[FileName], prompts: Sequence[PromptRef], texts: PromptTexts, layout: Layout, findings: Findings
) -> list[Claim]:
    known = {prompt.number for prompt in prompts if prompt.number is not None}
    if layout == "within":
        files = without_shared(files, texts, known)
    elif layout != "auto":
        read = next(spec.read for spec in LAYOUTS if spec.name == layout)
        return [read(file, texts) for file in files]
    readings: dict[Layout, list[Claim]] = {spec.name: [spec.read(file, texts) for file in files] for spec in LAYOUTS}
    best = _best(files, readings, known, FLAT if layout == "within" else AUTOMATIC)
    if best == "prompt" and (pair := shared_by_folders(readings[best])):
        if score(readings["sample/prompt"], known)[0] == len(files):
            return ask_about_seeds(readings[best], findings)
        # folders of other prompts than these, each with a 0.png; or of several models
        problem = (
            f'"{pair[0].file.path}" and "{pair[1].file.path}" have the same number, and their folders are no prompts: '
            "upload the folder of one generator, or add a manifest.csv with the columns file and prompt"
        )
        return [Claim(file, Identity(), None, problem=problem) for file in files]
    if best is None or score(readings[best], known)[0] * _FEW < len(files):
        shared = None if layout == "within" else shared_words(files, texts, known)
        by_texts = shared is not None and shared.by_texts
        asked = best is None and not by_texts and ask_about_counter(files, prompts, findings)
        if shared and not asked and (by_texts or best is None):
            about = ask_about_shared(files, shared, findings)
            return [Claim(file, Identity(), None, problem=about.text) for file in files]
        if best is None or asked:
            return _unread([Claim(file, Identity(), None) for file in files], numbers=True)
    if question := doubt(readings, best, texts, known, len(prompts)):
        findings.questions.append(question)
        return [replace(claim, problem=question.text) for claim in readings[best]]
    claims = _grouped(readings[best], best, findings)
    placed = [claim for claim in claims if claim.identity]
    for among, allowed in _others(claims, placed, best, texts):
        some = {name: [claims[at] for claims in [readings[name]] for at in among] for name in allowed}
        other = _best([files[at] for at in among], some, known, allowed)
        if other is not None and not (other == "prompt" and shared_by_folders(some[other])):
            for at, claim in zip(among, _grouped(some[other], other, findings), strict=True):
                claims[at] = claim if claim.identity else claims[at]
    return _unread(claims)


def _grouped(claims: Sequence[Claim], layout: Layout, findings: Findings) -> list[Claim]:
    shown = next(spec.shown for spec in LAYOUTS if spec.name == layout)
    findings.notes.append(f"names read as {shown}")
    return [replace(claim, group=f"{layout} {len(findings.notes)}") for claim in claims]


def _others(
    claims: Sequence[Claim], placed: Sequence[Claim], best: Layout, texts: PromptTexts
) -> Iterator[tuple[list[int], tuple[Layout, ...]]]:
    """Files that `best` does not read, by their places, and the layouts that they may follow instead.

    A folder beside the prompts' folders is another, unknown prompt's; a file beside files that are read by their own
    names alone is not to be read by its folder.
    """
    rest = [at for at, claim in enumerate(claims) if not claim.identity]
    if best in FLAT:
        beside = {claim.file.folders for claim in placed}
        same = [at for at in rest if claims[at].file.folders in beside]
        away = [at for at in rest if claims[at].file.folders not in beside]
    else:
        above = {_above_prompt(claim, texts) for claim in placed}
        same = []
        away = [at for at in rest if not any(_below(claims[at].file.folders, folders) for folders in above)]
    if same:
        yield same, FLAT
    if away:
        yield away, AUTOMATIC


def _above_prompt(claim: Claim, texts: PromptTexts) -> tuple[str, ...]:
    """The folders above the one that names the claim's prompt."""
    folders = claim.file.folders
    at = next((at for at in reversed(range(len(folders))) if identify(folders[at], texts) == claim.identity), 0)
    return folders[:at]


def _below(folders: tuple[str, ...], above: tuple[str, ...]) -> bool:
    return len(folders) > len(above) and folders[: len(above)] == above


def _best(
    files: Sequence[FileName],
    readings: Mapping[Layout, Sequence[Claim]],
    known: set[int],
    allowed: Sequence[Layout],
) -> Layout | None:
    """The layout that places most files, by whole texts where two place as many; None where none places any."""
    scores = {name: score(readings[name], known) for name in allowed}
    for name, says in (("sample/prompt", _folder_says_sample), ("sample_prompt", _stem_says_sample)):
        if name in scores and not all(map(says, files)):  # a bare number is a prompt's, unless asked
            scores[name] = (0, 0)
    best = max(
        scores, key=lambda name: (*scores[name], name in ("sample/prompt", "sample_prompt", "count_seed_prompt"))
    )
    if scores[best][0] == 0:
        return None
    one_folder = len({file.folders for file in files}) == 1
    words = readings[best][0].identity.words
    if best == "prompt/sample" and one_folder and scores["prompt"][0] == scores[best][0] and words:
        best = "prompt"  # "200 prompts/000.png": the folder's number is not a prompt's
    return best


def _folder_says_sample(file: FileName) -> bool:
    return sample_folder(file.folder) is not None


def _stem_says_sample(file: FileName) -> bool:
    found = sample_first(file.stem)
    return found is not None and found[2]


def _unread(claims: Sequence[Claim], *, numbers: bool = False) -> list[Claim]:
    """Where a name says nothing: what was seen in it, and what would do. `numbers`: no name of all says anything."""
    told: list[Claim] = []
    for claim in claims:
        found = None if claim.identity or claim.problem else counter(claim.file.stem)
        if found is not None:
            claim = replace(
                claim,
                problem=f"the number {found[0]} in its name may count prompts or images: choose the layout counter if "
                "it is the prompt's, or add a manifest.csv with the columns file and prompt",
            )
        elif numbers and not claim.problem and any(map(str.isdecimal, claim.file.stem)):
            claim = replace(
                claim,
                problem="none of the numbers in its name stands where a prompt's does: call it as 00012_3.png, or add "
                "a manifest.csv with the columns file and prompt",
            )
        told.append(claim)
    return told
