"""Which suite is this? Hashes of a suite, the known suites, and the refusal of a DrawBench that is not whole."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from common.hashes import canonical_json
from evaluation.suites import known_drawbench as published
from evaluation.suites.build import listed
from evaluation.suites.types import PromptData, SuiteData, SuiteError, fold

_CLAIMING_NAMES = frozenset(
    {"drawbench", "drawbench200", "drawbenchfull", "drawbenchofficial", "drawbenchpublished", "imagendrawbench"}
)
"""Names, letters and digits alone, that say "this is the published DrawBench"."""
_CLAIMING_MATCHES = 20
"""A file without a name of its own is taken for DrawBench from this many of its prompts on, if they are half of it."""


@dataclass(frozen=True, slots=True)
class KnownSuite:
    """A suite whose content hash is known here.

    name: its name on this platform. title: for people. licence: as its publishers state it. citation: what to cite.
    categories: prompts per category, in its order.
    """

    name: str
    title: str
    content_hash: str
    categories: dict[str, int]
    licence: str
    citation: str


_PAPER = "Saharia et al. 2022, Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding"
_DRAWBENCH_COUNTS = dict(Counter(category for category, _, _ in published.ROWS))

KNOWN_SUITES = (
    KnownSuite(
        name=published.NAME,
        title="DrawBench",
        content_hash=published.CONTENT_HASH,
        categories=_DRAWBENCH_COUNTS,
        licence="not stated by its publishers",
        citation=_PAPER,
    ),
    KnownSuite(
        name="drawbench-cc0",
        title="DrawBench categories, own CC0 prompts",
        content_hash="9f824d45aaf26fc09fc4646c159c32af6d6516afeacd1838cb752d601d1f5873",
        categories=_DRAWBENCH_COUNTS,
        licence="CC0-1.0",
        citation=f"This project's prompts, in the categories of {_PAPER}",
    ),
    KnownSuite(
        name="drawbench-cc0-demo",
        title="DrawBench categories, the demonstration's CC0 prompts",
        content_hash="da8116f4fb0657afd37832aa2915fc2d4269d98312cc1786a0da7267dfa6f6e3",
        categories=dict.fromkeys(_DRAWBENCH_COUNTS, 3),
        licence="CC0-1.0",
        citation=f"This project's prompts, in the categories of {_PAPER}",
    ),
)


def content_hash(prompts: Iterable[PromptData]) -> str:
    """A suite's identity whatever its file's dress: SHA-256 (64 hex digits) of the lines `prompt<TAB>category`.

    White space is folded and trimmed in each, the lines are joined by LF without a last one, in the suite's order;
    attributes do not count.
    """
    lines = (f"{fold(prompt.text)}\t{fold(prompt.category)}" for prompt in prompts)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def version_hash(prompts: Iterable[PromptData]) -> str:
    """What the platform versions a suite by: SHA-256 (64 hex digits) of prompts, categories and attributes in order.

    A JSON list [text, category, attributes] a line, keys sorted, without blanks, UTF-8; the first line names this rule.
    """
    digest = hashlib.sha256(b"drawbench-suite/1")
    for prompt in prompts:
        line = canonical_json([prompt.text, prompt.category, prompt.attributes])
        digest.update(b"\n" + line.encode())
    return digest.hexdigest()


def recognise(suite: SuiteData) -> KnownSuite | None:
    """The known suite that this is, by its content hash; None when it is none of them."""
    found = content_hash(suite.prompts)
    return next((known for known in KNOWN_SUITES if known.content_hash == found), None)


def named_and_complete(suite: SuiteData, *, asked_name: str | None) -> SuiteData:
    """The suite under a known suite's name where it is one and none was asked for; see `refuse_if_incomplete`."""
    refuse_if_incomplete(suite, asked_name=asked_name)
    known = recognise(suite)
    if known:
        note = f"Recognised as {known.title} by its content ({known.content_hash[:12]})."
        return replace(suite, name=asked_name or known.name, notes=(*suite.notes, note))
    shared = len(_matches(suite.prompts))
    if shared >= _CLAIMING_MATCHES:
        note = (
            f"{shared} of its {len(suite.prompts):,} prompts are DrawBench's. It is not DrawBench: do not report it so."
        )
        return replace(suite, notes=(*suite.notes, note))
    return suite


def refuse_if_incomplete(suite: SuiteData, *, asked_name: str | None = None) -> None:
    """SuiteError when this claims to be the published DrawBench and is not, with what is missing or changed.

    It claims so by its name (asked for, or its file's), or, without an asked name, when at least 20 and half of its
    prompts are DrawBench's. A part under a name of its own is welcome.
    """
    if content_hash(suite.prompts) == published.CONTENT_HASH:
        return
    matched = _matches(suite.prompts)
    by_name = _key_of_name(asked_name or suite.name) in _CLAIMING_NAMES
    by_content = not asked_name and len(matched) >= max(_CLAIMING_MATCHES, len(suite.prompts) / 2)
    if by_name or by_content:
        raise SuiteError(_refusal(suite, matched))


def loose_key(text: str) -> str:
    """A prompt's letters and digits alone, lower case, accents apart: equal for copies with other marks or blanks."""
    return "".join(character for character in unicodedata.normalize("NFKD", text.casefold()) if character.isalnum())


def _matches(prompts: Sequence[PromptData]) -> dict[int, int]:
    """Published row -> place of the first prompt in the suite with the same letters."""
    published_row = {loose: row for row, (_, _, loose) in enumerate(published.ROWS)}
    found: dict[int, int] = {}
    for place, prompt in enumerate(prompts):
        row = published_row.get(_fingerprint(loose_key(prompt.text)))
        if row is not None:
            found.setdefault(row, place)
    return found


def _refusal(suite: SuiteData, matched: dict[int, int]) -> str:
    missing = len(published.ROWS) - len(matched)
    changed = [
        suite.prompts[place].number
        for row, place in matched.items()
        if _fingerprint(f"{suite.prompts[place].text}\t{suite.prompts[place].category}") != published.ROWS[row][1]
    ]
    extra = len(suite.prompts) - len(matched)
    found = Counter(published.ROWS[row][0] for row in matched)
    parts: list[str] = []
    if missing:
        counts = ", ".join(f"{category} {found[category]} of {n}" for category, n in _DRAWBENCH_COUNTS.items())
        parts.append(f"{len(matched)} of its {len(published.ROWS)} prompts are here, {missing} missing ({counts})")
    if changed:
        numbers = listed([str(number) for number in sorted(changed)])
        parts.append(f"{len(changed)} differ in wording, punctuation or category (prompt numbers, from 0: {numbers})")
    if extra:
        parts.append(f"{extra} prompts are not DrawBench's")
    if not parts:
        parts.append("its 200 prompts are here in another order, and images are matched by a prompt's number")
    return (
        f"This is not the whole published DrawBench: {'; '.join(parts)}. Results on it could not be compared with"
        f" anyone's. {published.HOW_TO_GET} If a part or a variant is what you want, give it a name of its own, such as"
        " drawbench-part."
    )


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _key_of_name(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
