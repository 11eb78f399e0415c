"""The layouts that names are read by, declared: what each looks like, how it reads one name, when it may be taken.

A new layout is a new entry of `LAYOUTS`; which of them a set of files follows is `generators.filenames.claims`' to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from generators.filenames.names import (
    FileName,
    Identity,
    by_service,
    counter,
    identify,
    sample_first,
    sample_folder,
    sample_label,
    split_pair,
    words_behind_numbers,
)
from generators.filenames.texts import PromptTexts

Layout = Literal[
    "auto",
    "prompt/sample",
    "prompt_sample",
    "prompt",
    "sample/prompt",
    "sample_prompt",
    "count_seed_prompt",
    "service",
    "counter",
    "within",
]


@dataclass(slots=True)
class Claim:
    """What one file says. `label`: the sample as written. `one_a_prompt`: the reading has no place for samples.

    `certain`: its number is a prompt id and counts from 0. `problem`: what keeps it out already. `group`: files whose
    numbers count alike; numbers of two groups may begin at different ones.
    """

    file: FileName
    identity: Identity
    label: int | None
    one_a_prompt: bool = False
    certain: bool = False
    problem: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class LayoutSpec:
    """One layout. `shown`: how people write it; `example`: a name of it. `read`: what it makes of one name.

    `asked`: it is taken only when somebody says so, since its number may as well mean another thing.
    """

    name: Layout
    shown: str
    example: str
    read: Callable[[FileName, PromptTexts], Claim]
    asked: bool = False


def _folder_is_prompt(file: FileName, texts: PromptTexts) -> Claim:
    """The innermost folder that names a prompt: `00012/images/3.png` is prompt 12 too."""
    for folder in reversed(file.folders):
        if sample_folder(folder) is None and (identity := identify(folder, texts)):
            return Claim(file, identity, sample_label(file.stem))
    return Claim(file, Identity(), None)


def _stem_is_both(file: FileName, texts: PromptTexts) -> Claim:
    pair = split_pair(file.stem)
    return Claim(file, identify(pair[0], texts), pair[1]) if pair else Claim(file, Identity(), None)


def _stem_is_prompt(file: FileName, texts: PromptTexts) -> Claim:
    return Claim(file, identify(file.stem, texts), None, one_a_prompt=True)


def _folder_is_sample(file: FileName, texts: PromptTexts) -> Claim:
    label = sample_folder(file.folder)
    if label is None and file.folder.isdecimal():
        label = int(file.folder)
    return Claim(file, Identity() if label is None else identify(file.stem, texts), label)


def _stem_is_sample_first(file: FileName, texts: PromptTexts) -> Claim:
    found = sample_first(file.stem)
    return Claim(file, identify(found[1], texts), found[0]) if found else Claim(file, Identity(), None)


def _words_say_prompt(file: FileName, texts: PromptTexts) -> Claim:
    found = words_behind_numbers(file.stem)
    identity = identify(found[1], texts) if found else Identity()
    if found is None or not identity.texts:
        return Claim(file, Identity(), None)
    return Claim(file, replace(identity, number=None), found[0])


def _service_named(file: FileName, texts: PromptTexts) -> Claim:
    found = by_service(file.stem)
    if found is None:
        return Claim(file, Identity(), None)
    fits = [identity for piece in found[0] if (identity := identify(piece, texts)).texts]
    if not fits:
        return Claim(file, Identity(), None)
    all_fits = tuple(dict.fromkeys(at for identity in fits for at in identity.texts))
    return Claim(file, replace(fits[0], number=None, texts=all_fits), found[1])


def _counter_is_prompt(file: FileName, texts: PromptTexts) -> Claim:
    found = counter(file.stem)
    return Claim(file, Identity(*found) if found else Identity(), None, one_a_prompt=True)


LAYOUTS: tuple[LayoutSpec, ...] = (
    LayoutSpec("prompt/sample", "<prompt>/<sample>", "00012/3.png", _folder_is_prompt),
    LayoutSpec("prompt_sample", "<prompt>_<sample>", "00012_3.png", _stem_is_both),
    LayoutSpec("prompt", "<prompt>, one image each", "00012.png", _stem_is_prompt),
    LayoutSpec("sample/prompt", "<sample>/<prompt>", "seed_3/00012.png", _folder_is_sample),
    LayoutSpec("sample_prompt", "<sample>_<prompt>", "seed3_00012.png", _stem_is_sample_first),
    LayoutSpec(
        "count_seed_prompt",
        "<count>-<seed>-<prompt's text>",
        "00123-3141592-a brown bird.png",
        _words_say_prompt,
    ),
    LayoutSpec(
        "service",
        "a service's name around the prompt's text",
        "DALL\N{MIDDLE DOT}E 2023-10-11 10.11.12 - a brown bird.png",
        _service_named,
    ),
    LayoutSpec(
        "counter", "<words><prompt number>, one image each", "ComfyUI_00012_.png", _counter_is_prompt, asked=True
    ),
)
"""In the order in which they are tried; the first of those that place most files is taken. Not among them is `within`:
the others, of names without the words that all of them share (`generators.filenames.around`).
"""
