"""What `create_study` takes of a study's crowd: options, and a YAML file of all of it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.words import nearest
from evaluation.analysis.refusals import POLICIES
from evaluation.errors import InputError
from evaluation.protocols.errors import ProtocolError
from evaluation.protocols.tree import MOST_BYTES, Item, item_of_yaml
from evaluation.recruiting import PLATFORMS
from evaluation.services.studies.crowd import CROWD_KEYS

FILE_KEYS = (*CROWD_KEYS, "contact", "consent", "about", "refusals")


def add_crowd_options(parser: ArgumentParser) -> None:
    """The options, as a group of their own."""
    crowd = parser.add_argument_group(
        "crowd",
        "A study for a recruitment site declares its approval, pay, retention and withdrawal, and a contact. Raters "
        'are told them, and the report prints them. Where there is none, say "none".',
    )
    crowd.add_argument("--platform", metavar="|".join(PLATFORMS), help="the recruitment site")
    crowd.add_argument("--approval", help="the board that has approved the study, or none")
    crowd.add_argument("--pay", metavar='"2.50 GBP"', help="what each rater who finishes gets, or none")
    crowd.add_argument("--retention", help="how long participants' ids are kept, or none")
    crowd.add_argument("--withdrawal", help="how raters withdraw, and until when, or none")
    crowd.add_argument(
        "--about",
        action="append",
        default=[],
        metavar="NAME",
        help='a question about the rater, optional to answer: age, region, language, colour_vision, or "id: question | '
        'answer | answer"; repeat for several',
    )
    crowd.add_argument(
        "--refusals",
        metavar="|".join(POLICIES),
        help="how the report counts prompts for which a generator gave no image",
    )
    crowd.add_argument(
        "--crowd",
        metavar="FILE",
        type=Path,
        help=f"a YAML file of all this ({', '.join(FILE_KEYS)}); options go before",
    )


def crowd_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a draft that were given.

    Raises:
        InputError: the file can't be read, or has something else in it.
    """
    file = _file(options["crowd"]) if options["crowd"] is not None else {}
    crowd = {name: file[name] for name in CROWD_KEYS if name in file}
    crowd |= {name: options[name] for name in CROWD_KEYS if options[name] is not None}
    given: dict[str, Any] = {"crowd": crowd} if crowd else {}
    given |= {name: file[name] for name in ("contact", "consent", "about", "refusals") if name in file}
    if options["about"]:
        given["about"] = options["about"]
    if options["refusals"] is not None:
        given["refusals"] = options["refusals"]
    return given


def _file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            root = item_of_yaml(file.read(MOST_BYTES + 1), path.name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"The file {path} can't be read: {reason}. Check the path.", field="crowd") from error
    except ProtocolError as error:
        raise InputError(f"{str(error).rstrip('.')}.", field="crowd") from error
    if not isinstance(root.value, dict):
        raise InputError(f"{path.name} must be a mapping of {', '.join(FILE_KEYS)}.", field="crowd")
    found: dict[str, Any] = {}
    for name, item in root.value.items():
        if name not in FILE_KEYS:
            hint = nearest(name, FILE_KEYS) or "."
            raise InputError(
                f'{path.name}: unknown key "{name[:40]}"{hint} Allowed are {", ".join(FILE_KEYS)}.', field="crowd"
            )
        found[name] = _lines(item, name, path) if name == "about" else _text(item, name, path)
    return found


def _lines(item: Item, name: str, path: Path) -> list[str]:
    if not isinstance(item.value, tuple):
        raise InputError(f"{path.name}: {name} must be a list, with one question in each line.", field="crowd")
    return [_text(each, name, path) for each in item.value]


def _text(item: Item, name: str, path: Path) -> str:
    if isinstance(item.value, tuple | dict):
        raise InputError(f"{path.name}: {name} must be a text; write it in quotation marks.", field="crowd")
    return item.text
