"""What each file says of its prompt and sample by its name, before numbers are settled: which layout a set follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from generators.filenames.layouts import LAYOUTS, Claim, Layout
from generators.filenames.names import FileName, counter, identify, sample_folder
from generators.filenames.texts import PromptTexts


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


FLAT: tuple[Layout, ...] = ("prompt_sample", "prompt")
"""Layouts that read nothing of a file's folder."""
AUTOMATIC: tuple[Layout, ...] = tuple(spec.name for spec in LAYOUTS if not spec.asked)


def claims_of_names(
    files: Sequence[FileName], prompts: Sequence[PromptRef], texts: PromptTexts, layout: Layout, findings: Findings
) -> list[Claim]:
    """Every file's name read by each layout; the one that places most files is taken, unless two could be meant.

    Files of which it says nothing may follow another layout: two in one archive.
    """
    if layout != "auto":
        read = next(spec.read for spec in LAYOUTS if spec.name == layout)
        return [read(file, texts) for file in files]
    readings: dict[Layout, list[Claim]] = {spec.name: [spec.read(file, texts) for file in files] for spec in LAYOUTS}
    known = {prompt.number for prompt in prompts if prompt.number is not None}
    best = _best(files, readings, known, AUTOMATIC)
    if best is None:
        _ask_about_counter(files, prompts, findings)
        return _unread(readings["prompt/sample"])
    if question := _doubt(readings, best, texts, known, len(prompts)):
        findings.questions.append(question)
        return [replace(claim, problem=question.text) for claim in readings[best]]
    claims = _grouped(readings[best], best, findings)
    placed = [claim for claim in claims if claim.identity]
    for among, allowed in _others(claims, placed, best, texts):
        some = {name: [claims[at] for claims in [readings[name]] for at in among] for name in allowed}
        other = _best([files[at] for at in among], some, known, allowed)
        if other is not None:
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
    scores = {name: _score(readings[name], known) for name in allowed}
    said = bool(files) and all(sample_folder(file.folder) is not None for file in files)
    if not said and "sample/prompt" in scores:  # a bare number is a prompt's folder, unless asked
        scores["sample/prompt"] = (0, 0)
    best = max(scores, key=lambda name: (*scores[name], name == "sample/prompt"))
    if scores[best][0] == 0:
        return None
    one_folder = len({file.folders for file in files}) == 1
    words = readings[best][0].identity.words
    if best == "prompt/sample" and one_folder and scores["prompt"][0] == scores[best][0] and words:
        best = "prompt"  # "200 prompts/000.png": the folder's number is not a prompt's
    if best == "prompt" and _collide(readings[best]):
        return None  # folders of other prompts than these, each with a 0.png
    return best


def _score(claims: Sequence[Claim], known: set[int]) -> tuple[int, int]:
    """How many files a reading places, each at a place of its own, and how many of them by a prompt's whole text. A
    prompt's number must exist under some count.
    """
    places: set[tuple[str, int, int | str]] = set()
    exact = 0
    for claim in claims:
        identity = claim.identity
        label = 0 if claim.one_a_prompt else claim.label if claim.label is not None else claim.file.path
        if identity.texts:  # several prompts may fit: that is the file's own problem, and not another reading's chance
            places.add(("text", identity.texts[0], label))
            exact += identity.exact
        elif identity.number is not None and {identity.number, identity.number - 1} & known:
            places.add(("number", identity.number, label))
    return len(places), exact


def _collide(claims: Sequence[Claim]) -> bool:
    """Whether files of different folders claim one prompt."""
    folders: dict[int | None, tuple[str, ...]] = {}
    return any(
        folders.setdefault(claim.identity.number, claim.file.folders) != claim.file.folders
        for claim in claims
        if claim.identity.number is not None
    )


def _doubt(
    readings: Mapping[Layout, list[Claim]], best: Layout, texts: PromptTexts, known: set[int], n_prompts: int
) -> Question | None:
    """The question to ask where names can as well be read in another way."""
    claims = readings[best]
    if best != "prompt/sample" or any(claim.identity.texts or not claim.identity for claim in claims):
        return None
    placed, _ = _score(claims, known)
    both = readings["prompt_sample"]
    if _score(both, known)[0] == placed and any(
        one.identity.number != other.identity.number for one, other in zip(claims, both, strict=True)
    ):
        text = f'is "{claims[0].file.path}" prompt {claims[0].identity.number} or {both[0].identity.number}?'
        return Question(
            "layout", f"folders and files hold numbers of prompts: {text}", ("prompt/sample", "prompt_sample")
        )
    if _folders_are_wider(claims) or any(identify(claim.file.folder, texts) != claim.identity for claim in claims):
        return None
    if len({claim.file.folders for claim in claims}) == 1 and _score(readings["prompt"], known)[0] == placed > 1:
        text = f'all files are in the folder "{claims[0].file.folder}": is it the prompt, or are the files the prompts?'
        return Question("layout", text, ("prompt/sample", "prompt"))
    # 8 folders of 200 files may be 8 samples of 200 prompts.
    turned = readings["sample/prompt"]
    folders = {claim.file.folder for claim in claims}
    stems = {claim.identity.number for claim in turned if claim.identity}
    if len(stems) >= n_prompts > len(folders) and _score(turned, known)[0] == len(turned):
        text = f"{len(folders)} folders hold files numbered like the {n_prompts} prompts"
        text += ": is the folder the prompt or the sample?"
        return Question("layout", text, ("prompt/sample", "sample/prompt"))
    return None


def _folders_are_wider(claims: Sequence[Claim]) -> bool:
    """Folders filled up with zeros to more digits than the files have ("00012/3.png"): the two count other things."""
    folders = {claim.identity.digits for claim in claims}
    if len(folders) != 1 or not any(claim.file.folder.startswith("0") for claim in claims):
        return False
    widths = {len(stem) for claim in claims if (stem := claim.file.stem).isdecimal()}
    return bool(widths) and max(widths) < min(folders) or not widths


def _ask_about_counter(files: Sequence[FileName], prompts: Sequence[PromptRef], findings: Findings) -> None:
    """Names without a prompt that all hold a counter, each another: it may be the prompt's number."""
    numbers = sorted(found[0] for file in files if (found := counter(file.stem)))
    if not numbers or len(set(numbers)) < len(files) or numbers[-1] > len(prompts):
        return
    text = (
        f'names such as "{files[0].path}" hold a counter from {numbers[0]} to {numbers[-1]}: is it the prompt\'s '
        "number? If not, put a manifest.csv with the columns file and prompt beside the images"
    )
    findings.questions.append(Question("layout", text, ("counter",)))


def _unread(claims: Sequence[Claim]) -> list[Claim]:
    """Where a name says nothing: what was seen in it, and what would do."""
    told: list[Claim] = []
    for claim in claims:
        found = None if claim.identity or claim.problem else counter(claim.file.stem)
        if found is not None:
            claim = replace(
                claim,
                problem=f"the number {found[0]} in its name may count prompts or images: choose the layout counter if "
                "it is the prompt's, or add a manifest.csv with the columns file and prompt",
            )
        told.append(claim)
    return told
