"""What lists of files, and captions beside images, say of each file; they speak before its name does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from generators.filenames.captions import ITSELF, Caption
from generators.filenames.filelist import FileEntry
from generators.filenames.findings import Findings, Question
from generators.filenames.layouts import Claim
from generators.filenames.names import GRID, FileName, Identity, identify, is_grid, sample_label, take_apart
from generators.filenames.paths import PathEnds, folders_to_drop, without_folders
from generators.filenames.texts import Fit, PromptTexts


def claims_of_list(
    files: Sequence[FileName], entries: Sequence[FileEntry], texts: PromptTexts, findings: Findings
) -> tuple[list[Claim], list[FileName]]:
    """The claims of the files that `entries` speak for, and the files that are left to their names.

    Paths may start at the list's own folder or at any other, and differ in case. Files beside a list that it does not
    name are problems; files of other folders are not its own.
    """
    findings.notes.append("files matched by the list beside them")
    by_path = {file.path: file for file in files}
    ends = PathEnds(by_path)
    drop = {
        folder: folders_to_drop([entry.file for entry in entries if entry.folder == folder], ends, folder)
        for folder in {entry.folder for entry in entries}
    }
    fits = [_fit(entry, texts) for entry in entries]
    counts = _agree((entry.number, fit) for entry, fit in zip(entries, fits, strict=True) if entry.row_number)
    if _are_of_others((entry.number, fit) for entry, fit in zip(entries, fits, strict=True) if not entry.row_number):
        entries = [
            replace(entry, number=None) if fit.exact else entry for entry, fit in zip(entries, fits, strict=True)
        ]
        findings.notes.append("numbers in the list are not the suite's; the prompts' texts beside them were used")
    claims: list[Claim] = []
    named: dict[str, tuple[str, Claim]] = {}
    for entry, fit in zip(entries, fits, strict=True):
        found = [by_path[path] for path in ends.find(without_folders(entry.file, drop[entry.folder]), entry.folder)]
        if len(found) != 1:
            what = "is not there" if not found else "fits " + " and ".join(file.name for file in found)
            claims.append(Claim(take_apart(entry.file), Identity(), None, problem=f"named in the list, and {what}"))
            continue
        folder, first = named.get(found[0].path, ("", None))
        if first is None:
            claims.append(_claim_of(entry, fit, found[0], texts, row_numbers_count=counts))
            named[found[0].path] = entry.folder, claims[-1]
        elif folder == entry.folder:  # a list further down may say it again, and the one above it counts
            first.problem = "named twice in the list"
    folders = {entry.folder for entry in entries}
    left: list[FileName] = []
    for file in files:
        if file.path in named:
            continue
        if len(folders) == 1 or any(file.path.startswith(f"{folder}/") for folder in folders if folder):
            claims.append(Claim(file, Identity(), None, problem="not named in the list"))
        else:
            left.append(file)
    return claims, left


def _fit(entry: FileEntry, texts: PromptTexts) -> Fit:
    if entry.text:
        return texts.find(entry.text)
    fit = texts.whole(entry.written)
    return fit if fit.exact else Fit()


def _agree(said: Iterable[tuple[int | None, Fit]]) -> bool:
    """Whether numbers beside prompts' texts are those of the prompts, and not of rows or images: of each prompt whose
    text says which it is, counted from 0 or from 1.
    """
    apart = {None if number is None else number - fit.positions[0] for number, fit in said if len(fit.positions) == 1}
    return len(apart) == 1 and apart <= {0, 1}


def _are_of_others(said: Iterable[tuple[int | None, Fit]]) -> bool:
    """Whether numbers beside prompts' whole texts are another suite's: most agree neither from 0 nor from 1."""
    apart = [number - fit.positions[0] for number, fit in said if number is not None and fit.exact]
    return len(apart) > 1 and 2 * max(apart.count(0), apart.count(1)) < len(apart)


def _claim_of(entry: FileEntry, fit: Fit, file: FileName, texts: PromptTexts, *, row_numbers_count: bool) -> Claim:
    problem = ""
    if entry.text and not fit.positions and any(texts.texts):
        problem = f'the list gives it the prompt "{_short(entry.text)}", which is not in the suite'
    counts = bool(entry.written) or not entry.row_number or (len(fit.positions) != 1 and row_numbers_count)
    counts = counts or not entry.text
    identity = Identity(
        entry.number if counts else None,
        len(entry.written),
        fit.positions,
        exact=fit.exact,
        either=bool(entry.written and fit.positions),
    )
    return Claim(file, identity, entry.sample, certain=entry.certain, problem=problem, group="list")


def claims_of_captions(
    files: Sequence[FileName], captions: Mapping[str, Caption], texts: PromptTexts, findings: Findings
) -> tuple[list[Claim], list[FileName]]:
    """The claims of the files with a caption beside them, and the files that are left to their names.

    A caption that is a prompt's whole text says which; the number in the name counts only where several prompts have
    that text. Captions of which none is a prompt may describe the images: whether they count is then asked.
    """
    said = [(file, captions[file.name]) for file in files if file.name in captions]
    left = [file for file in files if file.name not in captions]
    if not said:
        return [], left
    fits = [texts.whole(caption.text) for _, caption in said]
    if not any(fit.positions for fit in fits) and not any(caption.sure for _, caption in said):
        text = (
            f"none of the {len(said)} captions beside or in the images is a prompt of the suite, such as "
            f'"{_short(said[0][1].text)}" ({said[0][1].source}): are they prompts (use), or only descriptions (ignore)?'
        )
        findings.questions.append(Question("captions", text, ("use", "ignore")))
        return [Claim(file, Identity(), None, problem=text) for file in files], []
    inside = {caption.source == ITSELF for _, caption in said}
    findings.notes += [
        f"files matched by the {'prompts written into them' if itself else 'captions beside them'}"
        for itself in sorted(inside)
    ]
    claims: list[Claim] = []
    numbers = [_number_in(file, texts) for file, _ in said]
    counts = _agree((number.number, fit) for number, fit in zip(numbers, fits, strict=True))
    for (file, caption), fit, number in zip(said, fits, numbers, strict=True):
        problem = caption.problem or (GRID if is_grid(file.stem) else "")
        if not problem and not fit.positions:
            problem = f'its caption ({caption.source}) is "{_short(caption.text)}", which is not in the suite'
        identity = Identity(texts=fit.positions, exact=fit.exact)
        if len(fit.positions) > 1 and counts:
            identity = replace(identity, number=number.number, digits=number.digits)
        claims.append(Claim(file, identity, sample_label(file.stem), problem=problem, group="captions"))
    _drop_item_numbers(claims)
    if left:
        problem = "there is no caption beside it, as the others have"
        claims += [Claim(file, Identity(), None, problem=problem) for file in left]
    return claims, []


def _number_in(file: FileName, texts: PromptTexts) -> Identity:
    """The number that the file's folders or its name have for its prompt."""
    pieces = (identify(piece, texts) for piece in (*reversed(file.folders), file.stem))
    return next((piece for piece in pieces if piece.number is not None), Identity())


def _drop_item_numbers(claims: Sequence[Claim]) -> None:
    """Labels stay where they number the samples of each prompt, 0 or 1 to at most as many as one prompt has; numbers
    that run over the whole set ("000.jpg" to "799.jpg") are dropped, and samples then take their order.
    """
    groups: dict[tuple[int, ...], list[int | None]] = defaultdict(list)
    for claim in claims:
        if not claim.problem:
            groups[claim.identity.texts].append(claim.label)
    most = max(map(len, groups.values()), default=0)
    labels = [label for group in groups.values() for label in group]
    numbers = [label for label in labels if label is not None]
    fit = len(numbers) == len(labels) > 0 and min(numbers) in (0, 1) and max(numbers) < most + min(numbers)
    if not fit or any(len(set(group)) < len(group) for group in groups.values()):
        for claim in claims:
            claim.label = None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "\N{HORIZONTAL ELLIPSIS}"
