"""What lists of files, and captions beside images, say of each file; they speak before its name does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from generators.filenames.captions import Caption
from generators.filenames.claims import Findings, Question
from generators.filenames.filelist import FileEntry
from generators.filenames.layouts import Claim
from generators.filenames.names import FileName, Identity, clean_path, identify, is_grid, sample_label, take_apart
from generators.filenames.texts import PromptTexts

GRID = "by its name it shows several samples beside each other, not one"


def claims_of_list(
    files: Sequence[FileName], entries: Sequence[FileEntry], texts: PromptTexts, findings: Findings
) -> tuple[list[Claim], list[FileName]]:
    """The claims of the files that `entries` speak for, and the files that are left to their names.

    Paths may start at the list's own folder or at any other, and differ in case. Files beside a list that it does not
    name are problems; files of other folders are not its own.
    """
    findings.notes.append("files matched by the list beside them")
    by_path = _find_by_end(files)
    claims: list[Claim] = []
    named: dict[str, tuple[str, Claim]] = {}
    for entry in entries:
        found = _named_by(entry, by_path)
        if len(found) != 1:
            what = "is not there" if not found else "fits " + " and ".join(file.name for file in found)
            claims.append(Claim(take_apart(entry.file), Identity(), None, problem=f"named in the list, and {what}"))
            continue
        folder, first = named.get(found[0].path, ("", None))
        if first is None:
            claims.append(_claim_of(entry, found[0], texts))
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


def _claim_of(entry: FileEntry, file: FileName, texts: PromptTexts) -> Claim:
    fit = texts.find(entry.text) if entry.text else texts.whole(entry.written)
    problem = ""
    if entry.text and not fit.positions and any(texts.texts):
        problem = f'the list gives it the prompt "{_short(entry.text)}", which is not in the suite'
    if entry.written and not fit.exact:
        fit = texts.whole("")
    counts = not (entry.row_number and len(fit.positions) == 1 and not entry.written)
    identity = Identity(
        entry.number if counts else None,
        len(entry.written),
        fit.positions,
        exact=fit.exact,
        either=bool(entry.written and fit.positions),
    )
    return Claim(file, identity, entry.sample, certain=entry.certain, problem=problem, group="list")


def _named_by(entry: FileEntry, by_path: Mapping[str, list[FileName]]) -> list[FileName]:
    path = clean_path(entry.file).lstrip("/").casefold()
    if entry.folder and (found := by_path.get(f"{entry.folder.casefold()}/{path}", [])):
        return found
    return by_path.get(path, [])


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
            f"none of the {len(said)} captions beside the images is a prompt of the suite, such as "
            f'"{_short(said[0][1].text)}" ({said[0][1].source}): are they prompts (use), or only descriptions (ignore)?'
        )
        findings.questions.append(Question("captions", text, ("use", "ignore")))
        return [Claim(file, Identity(), None, problem=text) for file in files], []
    findings.notes.append("files matched by the captions beside them")
    claims: list[Claim] = []
    for (file, caption), fit in zip(said, fits, strict=True):
        problem = caption.problem or (GRID if is_grid(file.stem) else "")
        if not problem and not fit.positions:
            problem = f'its caption ({caption.source}) is "{_short(caption.text)}", which is not in the suite'
        identity = Identity(texts=fit.positions, exact=fit.exact)
        if len(fit.positions) > 1:
            pieces = (identify(piece, texts) for piece in (*reversed(file.folders), file.stem))
            number = next((piece for piece in pieces if piece.number is not None), identity)
            identity = replace(identity, number=number.number, digits=number.digits)
        claims.append(Claim(file, identity, sample_label(file.stem), problem=problem, group="captions"))
    _drop_item_numbers(claims)
    if left:
        problem = "there is no caption beside it, as the others have"
        claims += [Claim(file, Identity(), None, problem=problem) for file in left]
    return claims, []


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
