"""`python -m evaluation.reports.bundle FILE`: check a bundle without Django."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from common.commands import BAD_INPUT, SUCCESS, add_format, refuse_repeated
from common.errors import UserError
from common.words import counted
from evaluation.reports.bundle.made_with import made_with
from evaluation.reports.bundle.verify import Verified, verify_bundle

DIFFERS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Exits 0 when all holds, 1 with a line for each difference, 2 when the file can't be read."""
    parser = argparse.ArgumentParser(prog="verify_bundle", description=DESCRIPTION)
    add_arguments(parser)
    add_format(parser)
    own = made_with()
    parser.add_argument("--version", action="version", version=f"{own['check_with']}, sources {own['sources']}")
    options = refuse_repeated(parser).parse_args(arguments)
    try:
        found = verify_bundle(options.file, key=options.key)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2) if options.format == "json" else in_words(found))
    return SUCCESS if found.holds else DIFFERS


DESCRIPTION = (
    "Check a bundle from export_study: its signature, every rating against its seal, every number of its report, "
    "computed again from the ratings. Exits 0 when all holds, 1 with a line for each difference, 2 when the file can't "
    "be read."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments, which the management command has too."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the bundle, a zip")
    parser.add_argument(
        "--key", metavar="HEX", help="the public key that must have signed it, as the study's page and report name it"
    )


def in_words(verified: Verified) -> str:
    """The outcome for people."""
    head = f"Study {verified.study}: chain head {verified.head}, signed with the key {verified.public_key}."
    remarks = [f"Remark: {each}" for each in verified.remarks]
    if verified.holds:
        said = (
            f"All holds. {verified.n_ratings:,} sealed ratings in {verified.n_links:,} links, "
            f"{verified.n_numbers:,} numbers computed again."
        )
        return "\n".join([said, head, *remarks])
    n = counted(len(verified.differences), "difference")
    return "\n".join([f"{n}.", *verified.differences, head, *remarks])


if __name__ == "__main__":
    raise SystemExit(main())
