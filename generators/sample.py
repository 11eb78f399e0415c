"""Draw images from the command line: `python -m generators.sample --generator cascade --prompt "A red car" --out x`.

Exit codes: 0 every image is there; 1 the run is whole, but some requests gave no image (named, and in the manifest);
2 bad input or a full disk; 130 stopped by Ctrl-C. However it ended, the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from common.commands import FAILED, INTERRUPTED, SUCCESS, add_format, parse_settings, refuse_repeated, run_command, say
from generators import registry
from generators.commands import add_generator_arguments, add_prompt_arguments, collect_prompts, share_prompts
from generators.contract import Generator, GeneratorError, ImageRequest, ImageResult
from generators.costs import Purse, cost_of, estimate_in_words, usd
from generators.folder_sink import FolderSink, image_name
from generators.manifest import FILE_NAME, RunIdentity, read_manifest
from generators.prompt_notes import prompt_notes
from generators.runner import Progress, RunPlan, RunSummary, close, make_requests, run
from generators.sizes import Size, asked_for, drawn, read_size, takes_any_shape
from generators.watermark import Watermark, read_watermark, watermarked

SCHEMA = "drawbench-sample/1"


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m generators.sample",
        description="Draw images and write <prompt, from 00000>/<sample, from 0>.png and manifest.jsonl into a folder. "
        "Run again with the same settings, it goes on where it stopped; more samples or prompts may be added.",
        epilog='example: python -m generators.sample --generator cascade --prompt "A red car" --samples 4 '
        "--set guidance=5 --out out/red-car. "
        "Exit codes: 0 all images are there, 1 some requests gave none, 2 bad input, 130 stopped by Ctrl-C.",
    )
    made.add_argument("--generator", required=True, metavar="NAME", help="see python -m generators.list")
    add_prompt_arguments(made)
    made.add_argument("--samples", type=int, default=1, metavar="N", help="images of each prompt (default: 1)")
    made.add_argument(
        "--seed", type=int, default=0, metavar="S", help="run seed; rivals drawn with one seed start alike (default: 0)"
    )
    made.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new, empty, or this run's own")
    add_generator_arguments(made)
    made.add_argument("--batch", type=int, metavar="N", help="images drawn together (default: the generator's own)")
    made.add_argument("--retries", type=int, default=2, metavar="N", help="further tries of what may pass (default: 2)")
    made.add_argument(
        "--retry-failed", action="store_true", help="ask again for prompts that were refused, filtered or invalid"
    )
    made.add_argument(
        "--budget",
        type=float,
        metavar="USD",
        help="US dollars that the folder's images may cost in all, where the generator asks for money (default: any)",
    )
    made.add_argument(
        "--watermark",
        metavar="TEXT|LOGO",
        help="mark the corner of every image with a text or a .png: for images to publish, never for raters (none)",
    )
    add_format(made)
    return made


def main(arguments: Sequence[str]) -> int:
    """Draw; the exit code."""
    options = refuse_repeated(parser()).parse_args(arguments)
    mark = None if options.watermark is None else read_watermark(options.watermark)
    spec = registry.get_spec(options.generator)
    settings = parse_settings(options.settings)
    settings, prompts_file = share_prompts(spec, settings, options.prompts, options.prompts_file)
    prompts = collect_prompts(options.prompts, prompts_file)
    asked_size = read_size(options.size)
    placed, size = asked_for(spec, settings, asked_size)
    parameters = spec.resolve(placed)
    wanted = drawn(parameters, size)
    if options.batch is not None and options.batch < 1:
        raise GeneratorError(f"--batch {options.batch}: draw 1 image at a time or more")
    if options.retries < 0:
        raise GeneratorError(f"--retries {options.retries}: 0 or more")
    if options.budget is not None and not options.budget > 0:
        raise GeneratorError(f"--budget {options.budget}: an amount above 0, in US dollars")
    # Refuses bad numbers of samples and seeds before seconds go into loading.
    make_requests(
        prompts[:1],
        options.samples,
        spec_name=spec.name,
        parameters=parameters,
        weights_fingerprint="",
        size=size,
        run_seed=options.seed,
    )
    if asked_size and not spec.sizes and not takes_any_shape(spec):
        say(f"note: {spec.name} serves images as they are; --size {options.size} changes nothing")
    generator = registry.load(spec.name, parameters, size=size, device=options.device)
    with _closed_after(generator):
        fingerprint = generator.info.weights_fingerprint
        if mark is not None:  # part of what the images are, so that marked and unmarked never share a folder
            parameters = {**parameters, "watermark": mark.label}
        identity = RunIdentity(spec.name, parameters, fingerprint, size, options.seed)
        requests = make_requests(
            prompts,
            options.samples,
            spec_name=spec.name,
            parameters=parameters,
            weights_fingerprint=fingerprint,
            size=size,
            run_seed=options.seed,
        )
        with FolderSink(options.out, identity, generator.info, requests, retry_failed=options.retry_failed) as sink:
            for note in sink.notes:
                say(f"note: {note}")
            n_left = sum(request.key not in sink.done_keys() for request in requests)
            if estimate := estimate_in_words(n_left, generator.info):
                say(estimate)
            failures: list[dict[str, object]] = []
            summary = _draw(generator, requests, sink, failures, options, (wanted, mark))
    _report(options, summary, requests, failures)
    spent = _spent(options.out)
    if spent:
        say(f"cost so far: {usd(spent)}")
    if summary.short_of_money:
        raise GeneratorError(
            f"the budget of {usd(options.budget)} is spent ({usd(spent)} so far): raise --budget, and the same command "
            "goes on from here"
        )
    if summary.cancelled:
        say("stopped: the same command goes on from here")
        return INTERRUPTED
    return FAILED if len(failures) else SUCCESS


@contextmanager
def _closed_after(generator: Generator) -> Iterator[None]:
    try:
        yield
    finally:
        if wrong := close(generator):
            say(f"note: the generator could not be closed: {wrong}")


def _draw(
    generator: Generator,
    requests: Sequence[ImageRequest],
    sink: FolderSink,
    failures: list[dict[str, object]],
    options: argparse.Namespace,
    made: tuple[Size | None, Watermark | None],
) -> RunSummary:
    """Run with a progress bar; failures are named as they come and collected. `made`: size and mark of all images."""
    size, mark = made
    done = sink.done_keys()
    before = sum(request.key in done for request in requests)
    bar = tqdm(total=len(requests), initial=before, unit="image", file=sys.stderr, disable=None, dynamic_ncols=True)

    told: set[str] = set()
    purse = Purse(options.budget, _spent(options.out))

    class Named:
        """The sink, with notes on prompts and failures said aloud, and images marked where that was asked for."""

        def done_keys(self) -> frozenset[str]:
            return frozenset(sink.done_keys())

        def put(self, request: ImageRequest, result: ImageResult) -> None:
            if mark is not None and result.image is not None:
                result = replace(result, image=watermarked(result.image, mark))
            sink.put(request, result)
            purse.spent += cost_of(result.provenance)
            if request.prompt not in told:
                told.add(request.prompt)
                for note in prompt_notes(result.provenance):
                    bar.write(f"prompt {request.prompt_id}: {note}", file=sys.stderr)
            if result.failure is not None:
                failure = result.failure
                bar.write(
                    f"prompt {request.prompt_id}, sample {request.sample}: {failure.kind}: {failure.message}",
                    file=sys.stderr,
                )

    def show(progress: Progress) -> None:
        bar.update(progress.done - bar.n)

    with bar, _stop_on_ctrl_c() as stopping:
        summary = run(
            generator,
            requests,
            Named(),
            RunPlan(
                chunk=options.batch,
                retries=options.retries,
                cancelled=lambda: bool(stopping),
                on_progress=show,
                affordable=lambda n_images: purse.affordable(n_images, generator.info.image_usd),
                size=size,
            ),
        )
    failures += _failures_on_record(options.out, requests)
    return summary


def _spent(folder: Path) -> float:
    """US dollars that all lines of the folder's manifest come to."""
    content = read_manifest(folder / FILE_NAME)
    lines = (*content.images, *content.failures)
    return sum(cost_of(said) for line in lines if isinstance(said := line.get("provenance"), dict))


def _failures_on_record(folder: Path, requests: Sequence[ImageRequest]) -> list[dict[str, object]]:
    """What of these requests has a failure and no image in the manifest, from this session or before."""
    content = read_manifest(folder / FILE_NAME)
    wanted = {request.key for request in requests} - {str(line["key"]) for line in content.images}
    latest = {str(line["key"]): line for line in content.failures if line["key"] in wanted}
    return [
        {name: line.get(name) for name in ("prompt_id", "prompt", "sample", "failure", "message")}
        for line in latest.values()
    ]


@contextmanager
def _stop_on_ctrl_c() -> Iterator[list[int]]:
    """A list that fills on the first Ctrl-C, so that the images under way are kept; the second stops at once."""
    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if stopping:
            raise KeyboardInterrupt
        stopping.append(number)
        say("\nstopping after the images under way; press Ctrl-C again to stop at once")

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, previous)


def _report(
    options: argparse.Namespace,
    summary: RunSummary,
    requests: Sequence[ImageRequest],
    failures: Sequence[dict[str, object]],
) -> None:
    for stray in summary.strays:
        say(f"note: the generator gave {stray}")
    failed = len(failures)
    if options.format == "json":
        files = [image_name(request.prompt_id, request.sample) for request in requests]
        report = {
            "schema": SCHEMA,
            "folder": str(options.out),
            "generator": options.generator,
            "requests": summary.total,
            "drawn": summary.images,
            "there_before": summary.skipped,
            "retried": summary.retried,
            "failures": list(failures),
            "stopped": summary.cancelled,
            "images": [file for file in files if (options.out / file).is_file()],
        }
        print(json.dumps(report, ensure_ascii=False, indent=2))
        return
    line = f"{summary.images} image{'' if summary.images == 1 else 's'} drawn"
    if summary.skipped:
        line += f", {summary.skipped} requests were answered before"
    if failed:
        line += f", {failed} gave no image (see {FILE_NAME})"
    print(f"{line}: {options.out}")


if __name__ == "__main__":
    sys.exit(run_command(main))
