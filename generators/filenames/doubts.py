"""What names leave in doubt: numbers that may count other things than prompts, words that may be cut off, folders and
files that say two things. Each is asked about or named, never guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from generators.filenames.findings import Findings, PromptRef, Question
from generators.filenames.layouts import Claim, Layout
from generators.filenames.names import FileName, Identity, counter, identify, split_pair
from generators.filenames.texts import PromptTexts, compact

BESIDE = ("list", "captions")
"""Groups of files whose prompts are said by what stands beside them."""

_COUNTED = re.compile(r"\d{5}-\d{4,}(?:-.*)?|\d{6}\.[0-9a-f]{8}\.\d+", re.DOTALL)
"""Names of AUTOMATIC1111 and Forge, and of InvokeAI's first versions: a counter of images and a seed."""

_DIGITS = re.compile(r"\d+")

_LAST_NUMBER = re.compile(r"(\d+)\D*$")

_SHORTEST_WORDS = 4
"""Letters and digits that words beside a number must have to speak against it."""

_WORD_CUT_OFF = 12
"""Letters by which names that were cut at the end of a word differ in length."""


def score(claims: Sequence[Claim], known: set[int]) -> tuple[int, int]:
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


def shared_by_folders(claims: Sequence[Claim]) -> tuple[Claim, Claim] | None:
    """Two files of different folders that claim one prompt by its number."""
    first: dict[int, Claim] = {}
    for claim in claims:
        if claim.identity.number is not None:
            other = first.setdefault(claim.identity.number, claim)
            if other.file.folders != claim.file.folders:
                return other, claim
    return None


def doubt(
    readings: Mapping[Layout, list[Claim]], best: Layout, texts: PromptTexts, known: set[int], n_prompts: int
) -> Question | None:
    """The question to ask where names can as well be read in another way."""
    claims = readings[best]
    if any(claim.identity.texts or not claim.identity for claim in claims):
        return None
    if best == "prompt" and (question := _counters(claims, readings["count_seed_prompt"])):
        return question
    if best == "prompt_sample":
        return _counters(claims) or _turned(claims, readings["sample_prompt"], known, n_prompts)
    if best != "prompt/sample":
        return None
    placed, _ = score(claims, known)
    both = readings["prompt_sample"]
    other = next((pair for pair in zip(claims, both, strict=True) if _numbers_differ(*pair)), None)
    if score(both, known)[0] == placed and other is not None:
        shown, number = other[0], other[1].identity.number
        text = f'is "{shown.file.path}" prompt {shown.identity.number} or {number}?'
        return Question(
            "layout", f"folders and files hold numbers of prompts: {text}", ("prompt/sample", "prompt_sample")
        )
    if _wider(claims) or any(identify(claim.file.folder, texts) != claim.identity for claim in claims):
        return None
    if len({claim.file.folders for claim in claims}) == 1 and score(readings["prompt"], known)[0] == placed > 1:
        text = f'all files are in the folder "{claims[0].file.folder}": is it the prompt, or are the files the prompts?'
        return Question("layout", text, ("prompt/sample", "prompt"))
    return _turned(claims, readings["sample/prompt"], known, n_prompts)


def _numbers_differ(one: Claim, other: Claim) -> bool:
    return one.identity.number != other.identity.number


def _counters(claims: Sequence[Claim], by_words: Sequence[Claim] = ()) -> Question | None:
    """Counters of images, as some programs begin names with, may not be prompts' numbers: each stands once. `by_words`:
    the same names by the words behind their numbers.
    """
    each = Counter((claim.file.folders, claim.identity.number) for claim in claims)
    if not all(_COUNTED.fullmatch(claim.file.stem) for claim in claims) or max(each.values()) > 1:
        return None
    text = (
        f'in names such as "{claims[0].file.path}" some programs count the images, and the seed follows: is the first '
        "number the prompt's? If not, put a manifest.csv with the columns file and prompt beside the images"
    )
    if any(claim.identity for claim in by_words):
        return Question(
            "layout", f"{text}, or let the words behind the numbers say it", ("count_seed_prompt", "prompt")
        )
    return Question("layout", text, ("prompt",) if by_words else ("prompt_sample",))


def _turned(claims: Sequence[Claim], turned: Sequence[Claim], known: set[int], n_prompts: int) -> Question | None:
    """8 folders of 200 files may be 8 samples of 200 prompts, and "3_00012" sample 3 of prompt 12."""
    firsts = {claim.identity.number for claim in claims}
    seconds = {claim.identity.number for claim in turned if claim.identity}
    if _wider(claims) or len(firsts) >= n_prompts or score(turned, known)[0] < len(turned):
        return None
    if len(firsts) >= len(seconds) and (_count_on(seconds) or not _count_on(firsts)):
        return None  # many prompts of few samples, as most sets are
    if any(each.file.folders for each in claims) and not split_pair(claims[0].file.stem):
        text = f"{len(firsts)} folders hold files numbered like {len(seconds)} of the {n_prompts} prompts"
        text += ": is the folder the prompt or the sample?"
        return Question("layout", text, ("prompt/sample", "sample/prompt"))
    text = f'is "{claims[0].file.path}" prompt {claims[0].identity.number} or prompt {turned[0].identity.number}?'
    return Question("layout", f"names hold two numbers: {text}", ("prompt_sample", "sample_prompt"))


def _count_on(numbers: set[int | None]) -> bool:
    """Whether they are all numbers from 0 or 1 on, as samples are numbered."""
    return any(numbers == set(range(base, base + len(numbers))) for base in (0, 1))


def _wider(claims: Sequence[Claim]) -> bool:
    """Prompts' numbers filled up with zeros to more digits than the samples' have ("00012/3.png", "00012_3.png"): the
    two count other things.
    """
    digits = {claim.identity.digits for claim in claims}
    if len(digits) != 1 or not any(len(str(claim.identity.number)) < claim.identity.digits for claim in claims):
        return False
    seconds = [_LAST_NUMBER.search(claim.file.stem) for claim in claims]
    widths = {len(found[1]) for found in seconds if found}
    return not widths or max(widths) < min(digits)


def ask_about_seeds(claims: Sequence[Claim], findings: Findings) -> list[Claim]:
    """Folders with numbers that no prompt has, each with files of the same numbers, may be seeds."""
    first, last = claims[0], claims[-1]
    text = (
        f'"{first.file.path}" and "{last.file.path}" lie in folders called by numbers of no prompt: are the folders '
        "the samples (seeds)? If not, upload the folder of one generator, or add a manifest.csv with the columns file "
        "and prompt"
    )
    findings.questions.append(Question("layout", text, ("sample/prompt",)))
    return [replace(claim, problem=text) for claim in claims]


def ask_about_counter(files: Sequence[FileName], prompts: Sequence[PromptRef], findings: Findings) -> bool:
    """Names without a prompt that all hold a counter, each another: it may be the prompt's number. Whether it
    is asked.
    """
    numbers = sorted(found[0] for file in files if (found := counter(file.stem)))
    if not numbers or len(set(numbers)) < len(files) or numbers[-1] > len(prompts):
        return False
    text = (
        f'names such as "{files[0].path}" hold a counter from {numbers[0]} to {numbers[-1]}: is it the prompt\'s '
        "number? If not, put a manifest.csv with the columns file and prompt beside the images"
    )
    findings.questions.append(Question("layout", text, ("counter",)))
    return True


def mark_contradictions(claims: Sequence[Claim], texts: PromptTexts) -> None:
    """Files that say one prompt by their folder and another by their own name, where most say the same by both; a text
    that is another prompt's is enough alone.
    """
    own = [_own_identity(claim, texts) for claim in claims]
    numbers = [
        claim.identity.number == each.number
        for claim, each in zip(claims, own, strict=True)
        if claim.identity.number is not None and each.number is not None
    ]
    numbers_count = sum(numbers) * 2 > len(numbers)
    for claim, each in zip(claims, own, strict=True):
        if claim.problem or not claim.identity or not each:
            continue
        said = claim.identity
        text_differs = each.exact and said.exact and not {*each.texts} & {*said.texts}
        number_differs = numbers_count and None not in (each.number, said.number) and each.number != said.number
        if text_differs or (number_differs and not said.texts):
            claim.problem = f'its folder "{claim.file.folder}" says another prompt than its own name'


def _own_identity(claim: Claim, texts: PromptTexts) -> Identity:
    pair = split_pair(claim.file.stem)
    return identify(pair[0], texts) if pair else Identity()


def mark_words_of_others(claims: Sequence[Claim], texts: PromptTexts) -> None:
    """Words beside a number that are too short to name a prompt, and yet begin some: they can speak against it."""
    for claim in claims:
        words = claim.identity.rest
        if len(words) >= _SHORTEST_WORDS and (begun := texts.begun(words)):
            claim.identity = replace(claim.identity, begun=begun)


def mark_cut_off(claims: Sequence[Claim], prompts: Sequence[PromptRef], texts: PromptTexts) -> None:
    """Where texts in names are cut off, one that is a whole prompt may as well be the beginning of a longer one, if
    that has no file of its own.
    """
    cut = [claim.identity.letters for claim in claims if claim.identity.texts and not claim.identity.whole]
    if not cut:
        return
    with_files = {at for claim in claims for at in claim.identity.texts}
    whole = {claim.identity.texts[0] for claim in claims if claim.identity.whole and len(claim.identity.texts) == 1}
    without = {
        at: [other for other in texts.begun(compact(texts.texts[at])) if other not in with_files] for at in whole
    }
    for claim in claims:
        identity = claim.identity
        if claim.problem or not identity.whole or identity.letters < min(cut) - _WORD_CUT_OFF:
            continue
        if len(identity.texts) == 1 and identity.number is None and (others := without[identity.texts[0]]):
            claim.problem = (
                f"may be prompt {prompts[identity.texts[0]].prompt_id}, or the beginning of "
                f"{prompts[others[0]].prompt_id}: texts in these names are cut off"
            )


def mark_categories(claims: Sequence[Claim], positions: dict[int, int], prompts: Sequence[PromptRef]) -> None:
    """Take out of `positions` what is called after a category ("photo/00003.jpg", "photo_00003.jpg"), if one such is of
    another category than its prompt: numbers may then count within the categories, and those that agree by chance.
    """
    categories = {compact(prompt.category): prompt.category for prompt in prompts if prompt.category}
    named: dict[int, str] = {}
    for index in positions if categories else ():
        claim = claims[index]
        pieces = (_DIGITS.sub("", claim.file.stem), *reversed(claim.file.folders))
        category = next((each for each in map(compact, pieces) if each in categories), None)
        if category is not None and claim.group not in BESIDE and not claim.identity.texts:
            named[index] = category
    wrong = [index for index, category in named.items() if category != compact(prompts[positions[index]].category)]
    if not wrong:
        return
    first, own = claims[wrong[0]], prompts[positions[wrong[0]]]
    for index in named:
        claims[index].problem = (
            f'"{first.file.path}" is called after "{categories[named[wrong[0]]]}", a category of the suite, '
            f'and prompt {own.prompt_id} is of "{own.category}": if numbers count within categories, add a '
            "manifest.csv with the columns file and prompt"
        )
        del positions[index]
