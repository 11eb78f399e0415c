"""`manage.py upload_run`: a folder or zip of images becomes a run."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.db import connection
from tqdm import tqdm

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.declared import SELECTIONS, parameters_of
from evaluation.errors import ConflictError, InputError
from evaluation.models import Upload
from evaluation.selectors.suites import suite_by_name
from evaluation.selectors.uploads import UploadSummary, missing_in_words, upload_summary
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import check_confirmable, upload_confirm
from evaluation.services.uploads.drop import upload_drop
from evaluation.services.uploads.go_on import upload_begin_or_go_on
from evaluation.services.uploads.match import MATCHING, SWITCHES, checked_options, read_checked, upload_match


class Command(ProductCommand):
    """Upload images that were made elsewhere."""

    help = (
        "Create a run from images made elsewhere: a folder, zip, tar, tar.gz or Parquet file with <prompt "
        "number>/<sample>.png, 00012_3.png, files named by prompt, captions beside them, or a manifest.csv with the "
        "columns file, prompt_id and sample. Every file is checked and matched to the suite's prompts; then you "
        "confirm, unless you give --yes. Interrupted, it goes on when the same command is given again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the folder or archive")
        parser.add_argument(
            "--suite", required=True, metavar="NAME[@VERSION]", help="the suite whose prompts the images show"
        )
        parser.add_argument("--name", required=True, help="name of the run")
        parser.add_argument(
            "--generator", required=True, help="name of the generator that made the images, as used in reports"
        )
        parser.add_argument("--generator-version", default="", metavar="TEXT", help="version of the generator")
        parser.add_argument("--licence", default="", metavar="TEXT", help="licence of the images")
        parser.add_argument("--seeds", default="", metavar="TEXT", help="seeds of the images, as far as known")
        parser.add_argument(
            "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the generator"
        )
        parser.add_argument(
            "--selection",
            choices=tuple(SELECTIONS),
            default="",
            help="how samples were chosen: a declaration that reports print (default: unknown)",
        )
        parser.add_argument("--yes", action="store_true", help="store the images without asking, if nothing is wrong")
        parser.add_argument("--allow-missing", action="store_true", help="create the run even if samples are missing")
        parser.add_argument("--ignore-problems", action="store_true", help="leave files with problems out")
        parser.add_argument("--by-content", action="store_true", help="take a .png that is a JPEG for what it is")
        for name, values in MATCHING.items():
            flag = f"--{name.replace('_', '-')}"
            parser.add_argument(flag, choices=values, help=f"how file names are read: {' | '.join(values)}")
        parser.add_argument("--samples", type=int, help="images per prompt (default: the most found)")

    def run(self, **options: Any) -> Mapping[str, Any]:
        named = (*MATCHING, "samples", *SWITCHES)
        chosen = checked_options({name: options[name] for name in named})
        upload, n_before = upload_begin_or_go_on(
            suite=suite_by_name(options["suite"]),
            run_name=options["name"],
            generator=options["generator"],
            source=options["path"],
            declared={
                "version": options["generator_version"],
                "licence": options["licence"],
                "seeds": options["seeds"],
                "selection": options["selection"],
                "parameters": parameters_of(options["parameter"]),
            },
        )
        if n_before:
            self.stderr.write(
                f"Going on with the upload that was broken off: {counted(n_before, 'file')} checked before."
            )
        with self._dropped_on_failure(upload, but=ConflictError):  # then somebody else is at it: it is theirs
            self._check(upload)
        with self._dropped_on_failure(upload):
            if any(chosen.values()):
                upload = upload_match(upload=upload, options=chosen)
            summary = upload_summary(upload)
            self.stderr.write(_table(upload, summary))
            check_confirmable(summary, upload.options)
            if not options["yes"] and not _confirmed(summary):
                raise InputError("Nothing was stored. Use --yes to store without confirmation.")
            run = upload_confirm(upload=upload)
        return {
            "run": run.name,
            "suite": str(upload.suite),
            "generator": run.generator,
            "stored": summary.matched,
            "samples_per_prompt": run.samples_per_prompt,
            "missing": {prompt_id: list(samples) for prompt_id, samples in summary.missing.items()},
            "left_out": [[row.file, row.problem] for row in summary.problems],
            "ignored": [[row.file, row.problem] for row in summary.ignored],
            "notes": list(summary.notes),
        }

    @contextmanager
    def _dropped_on_failure(self, upload: Upload, *, but: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """Nothing of the upload stays where this fails, but for an interruption, after which it goes on, and `but`."""
        try:
            yield
        except KeyboardInterrupt:
            self.stderr.write(_kept(upload))
            raise
        except but:
            raise
        except BaseException:
            upload_drop(upload=upload)
            raise

    def _check(self, upload: Upload) -> None:
        """Check with a bar that another thread moves by the upload's row, as a page would."""
        over = Event()

        def watch() -> None:
            with tqdm(unit="file", desc="checked", file=sys.stderr, total=0) as bar:
                while True:
                    ended = over.wait(0.5)
                    found = Upload.objects.filter(pk=upload.pk).values_list("n_files", "n_checked").first()
                    if found:
                        bar.total = found[0]
                        bar.update(found[1] - bar.n)
                    if ended:
                        break
            connection.close()

        thread = Thread(target=watch, daemon=True)
        if sys.stderr.isatty():
            thread.start()
        try:
            upload_check(upload=upload)
        finally:
            over.set()
            if thread.is_alive():
                thread.join()

    def describe(self, result: Mapping[str, Any]) -> str:
        lines = [
            f"Run {result['run']}: {counted(result['stored'], 'image')} of {result['generator']} on {result['suite']}."
        ]
        if result["missing"]:
            n = sum(map(len, result["missing"].values()))
            lines.append(
                f"  Without {counted(n, 'sample')} of {counted(len(result['missing']), 'prompt')}, as allowed."
            )
        if result["left_out"]:
            lines.append(f"  Left out: {counted(len(result['left_out']), 'file')} with problems.")
        return "\n".join(lines)


def _kept(upload: Upload) -> str:
    """What an interruption leaves, for people."""
    n_checked = len(read_checked(upload))
    return (
        f"\n{counted(n_checked, 'file')} of {upload.file_name} checked. The same command, given again, goes on there."
    )


def _table(upload: Upload, summary: UploadSummary) -> str:
    """What the table comes to, for people."""
    counts = f"{counted(summary.n_files, 'image file')}, {summary.matched:,} matched to prompts of {upload.suite}"
    lines = [f"{upload.file_name}: {counts}, {summary.samples} per prompt"]
    lines += [f"  {note}" for note in summary.notes]
    lines += [f"  Please choose: {question.text}" for question in summary.questions]
    if summary.problems:
        lines.append(f"  {len(summary.problems):,} with problems")
    if summary.missing and summary.matched:
        lines.append(f"  {missing_in_words(summary)}")
    return "\n".join(lines)


def _confirmed(summary: UploadSummary) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"Store {counted(summary.matched, 'image')} as a run? [y/N] ")
    return input().strip().lower() in ("y", "yes")
