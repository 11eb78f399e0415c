"""What each file says of its prompt and sample, from its name or from a list of files, before numbers are settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from generators.filenames.filelist import FileEntry
from generators.filenames.names import (
    FileName,
    Identity,
    PromptTexts,
    clean_path,
    sample_folder,
    sample_label,
    split_pair,
    take_apart,
)

Layout = Literal["auto", "prompt/sample", "prompt_sample", "prompt", "sample/prompt"]

OUR_DIGITS = 5
"""Prompt ids have five digits, from "00000": numbers written so count from 0."""


@dataclass(frozen=True, slots=True)
class PromptRef:
    """A prompt to match: its id in the suite ("00012") and its text."""

    prompt_id: str
    text: str

    @property
    def number(self) -> int | None:
        """Its id as a number, None where the id is none."""
        return int(self.prompt_id) if self.prompt_id.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the names leave open. `option`: the argument of `match_layout` that answers it."""

    option: str
    text: str
    choices: tuple[str, ...]


@dataclass(slots=True)
class Findings:
    """What is to be said of the whole: how names were read, and what they leave open."""

    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


@dataclass(slots=True)
class Claim:
    """What one file says. `label`: the sample as written. `one_a_prompt`: the reading has no place for samples.

    `certain`: its number is a prompt id and counts from 0. `problem`: what keeps it out already.
    """

    file: FileName
    identity: Identity
    label: int | None
    one_a_prompt: bool = False
    certain: bool = False
    problem: str = ""


def claims_of_names(
    files: Sequence[FileName], prompts: Sequence[PromptRef], texts: PromptTexts, layout: Layout, findings: Findings
) -> list[Claim]:
    """Every file's name read in each way; the way that places most files is taken, unless two could be meant."""
    known = {prompt.number for prompt in prompts if prompt.number is not None}
    readings: dict[Layout, list[Claim]] = {
        "prompt/sample": [_folder_is_prompt(file, texts) for file in files],
        "prompt_sample": [_stem_is_both(file, texts) for file in files],
        "prompt": [Claim(file, texts.identify(file.stem), None, one_a_prompt=True) for file in files],
        "sample/prompt": [_folder_is_sample(file, texts) for file in files],
    }
    if layout != "auto":
        return readings[layout]
    scores = {name: _score(claims, known) for name, claims in readings.items()}
    said = bool(files) and all(sample_folder(file.folder) is not None for file in files)
    if not said:  # a bare number is a prompt's folder, unless asked
        scores["sample/prompt"] = 0
    best = max(scores, key=lambda name: (scores[name], name == "sample/prompt"))
    if scores[best] == 0:
        return readings["prompt/sample"]
    one_folder = len({file.folders for file in files}) == 1
    if best == "prompt/sample" and one_folder and scores["prompt"] == scores[best] and readings[best][0].identity.words:
        best = "prompt"  # "200 prompts/000.png": the folder's number is not a prompt's
    if best == "prompt" and _collide(readings[best]):
        return readings["prompt/sample"]  # folders of other prompts than these, each with a 0.png
    if question := _doubt(readings, scores, best, known, len(prompts)):
        findings.questions.append(question)
        return [replace(claim, problem=question.text) for claim in readings[best]]
    findings.notes.append("names read as " + _SHOWN[best])
    return readings[best]


_SHOWN: Mapping[Layout, str] = {
    "prompt/sample": "<prompt>/<sample>",
    "prompt_sample": "<prompt>_<sample>",
    "prompt": "<prompt>, one image each",
    "sample/prompt": "<sample>/<prompt>",
}


def _folder_is_prompt(file: FileName, texts: PromptTexts) -> Claim:
    """The innermost folder that names a prompt: `00012/images/3.png` is prompt 12 too."""
    for folder in reversed(file.folders):
        if sample_folder(folder) is None and (identity := texts.identify(folder)):
            return Claim(file, identity, sample_label(file.stem))
    return Claim(file, Identity(), None)


def _stem_is_both(file: FileName, texts: PromptTexts) -> Claim:
    pair = split_pair(file.stem)
    return Claim(file, texts.identify(pair[0]), pair[1]) if pair else Claim(file, Identity(), None)


def _folder_is_sample(file: FileName, texts: PromptTexts) -> Claim:
    label = sample_folder(file.folder)
    if label is None and file.folder.isdecimal():
        label = int(file.folder)
    return Claim(file, Identity() if label is None else texts.identify(file.stem), label)


def _score(claims: Sequence[Claim], known: set[int]) -> int:
    """How many files a reading places, each at a place of its own; a prompt's number must exist under some count."""
    places: set[tuple[str, int, int | str]] = set()
    for claim in claims:
        identity = claim.identity
        label = 0 if claim.one_a_prompt else claim.label if claim.label is not None else claim.file.path
        if identity.texts:  # several prompts may fit: that is the file's own problem, and not another reading's chance
            places.add(("text", identity.texts[0], label))
        elif identity.number is not None and {identity.number, identity.number - 1} & known:
            places.add(("number", identity.number, label))
    return len(places)


def _collide(claims: Sequence[Claim]) -> bool:
    """Whether files of different folders claim one prompt."""
    folders: dict[int | None, tuple[str, ...]] = {}
    return any(
        folders.setdefault(claim.identity.number, claim.file.folders) != claim.file.folders
        for claim in claims
        if claim.identity.number is not None
    )


def _doubt(
    readings: Mapping[Layout, list[Claim]], scores: Mapping[Layout, int], best: Layout, known: set[int], n_prompts: int
) -> Question | None:
    """The question to ask where names can as well be read in another way."""
    claims = readings[best]
    if best != "prompt/sample" or any(claim.identity.texts for claim in claims):
        return None
    both = readings["prompt_sample"]
    if scores["prompt_sample"] == scores[best] and any(
        one.identity.number != other.identity.number for one, other in zip(claims, both, strict=True)
    ):
        text = f'is "{claims[0].file.path}" prompt {claims[0].identity.number} or {both[0].identity.number}?'
        return Question(
            "layout", f"folders and files hold numbers of prompts: {text}", ("prompt/sample", "prompt_sample")
        )
    plain = all(0 < claim.identity.digits < OUR_DIGITS for claim in claims)
    if plain and len({claim.file.folders for claim in claims}) == 1 and scores["prompt"] == scores[best] > 1:
        text = f'all files are in the folder "{claims[0].file.folder}": is it the prompt, or are the files the prompts?'
        return Question("layout", text, ("prompt/sample", "prompt"))
    # 8 folders of 200 files may be 8 samples of 200 prompts. Five digits are a prompt's id.
    turned = readings["sample/prompt"]
    folders = {claim.file.folder for claim in claims}
    stems = {claim.identity.number for claim in turned if claim.identity}
    if plain and len(stems) >= n_prompts > len(folders) and _score(turned, known) == len(turned):
        text = f"{len(folders)} folders hold files numbered like the {n_prompts} prompts"
        text += ": is the folder the prompt or the sample?"
        return Question("layout", text, ("prompt/sample", "sample/prompt"))
    return None


def claims_of_list(
    files: Sequence[FileName], entries: Sequence[FileEntry], texts: PromptTexts, findings: Findings
) -> list[Claim]:
    """The list speaks for the names. Its paths may start at the list's own folder, and differ in case."""
    findings.notes.append("files matched by the list beside them")
    by_path = _find_by_end(files)
    claims: list[Claim] = []
    named: set[str] = set()
    for entry in entries:
        found = by_path.get(clean_path(entry.file).lstrip("/").casefold(), [])
        if len(found) != 1:
            what = "is not there" if not found else "fits " + " and ".join(file.name for file in found)
            claims.append(Claim(take_apart(entry.file), Identity(), None, problem=f"named in the list, and {what}"))
            continue
        named.add(found[0].path)
        fits = texts.find(entry.text) if entry.text else ()
        problem = ""
        if entry.text and not fits and any(texts.texts):
            problem = f'the list gives it the prompt "{_short(entry.text)}", which is not in the suite'
        identity = Identity(entry.number, OUR_DIGITS if entry.certain else 0, fits)
        claims.append(Claim(found[0], identity, entry.sample, certain=entry.certain, problem=problem))
    claims += [
        Claim(file, Identity(), None, problem="not named in the list") for file in files if file.path not in named
    ]
    return claims


def _find_by_end(files: Sequence[FileName]) -> dict[str, list[FileName]]:
    """Every file under each end of its path: "run/00000/0.png" under "00000/0.png" and "0.png" too."""
    found: dict[str, list[FileName]] = defaultdict(list)
    for file in files:
        parts = file.path.casefold().split("/")
        for start in range(len(parts)):
            found["/".join(parts[start:])].append(file)
    for path in {file.path.casefold() for file in files}:  # a whole path is never doubtful
        found[path] = [file for file in found[path] if file.path.casefold() == path]
    return found


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "\N{HORIZONTAL ELLIPSIS}"
