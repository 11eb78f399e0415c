"""Make all weights of the bundled cascade anew: `./dev train` (`python -m generators.training.all`).

One after the other: sprites from their packages, a probe of the speed, where things go (placing), base, sr256,
sr1024, the scene checker, the scene CLIP, their files in one folder, and the proof against the weights that ship.
`--minutes` is the budget of the trainings together. Ended at any moment, killed even, the same command goes on where it
was and passes over what is done. Nothing that ships is replaced but by `--install`, and by that only where the new
weights measure better.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.commands import BAD_INPUT, FAILED, INTERRUPTED, SUCCESS, refuse_repeated
from common.files import SaveError, whole_file, write_text
from common.words import counted, nearest
from generators.cascade.configs import STAGES, ConfigError, StageName
from generators.cascade.seen_words import write_words
from generators.cascade.unet import UNet
from generators.contract import GeneratorError
from generators.places import TRAINING, TRAINING_CONFIGS, weights_made
from generators.training import checkpoints
from generators.training.checker_train import CheckerTraining, train_checker
from generators.training.config import TrainConfig, load_train_config, to_plain
from generators.training.data import SceneData, load_data
from generators.training.data_config import ScenesConfig
from generators.training.distributed import World, join
from generators.training.export import export
from generators.training.placing import ASKED_PAIRS, Lesson, course_of, teach, text_side, write
from generators.training.probing import probe
from generators.training.proving import install_better, prove
from generators.training.saving import STATE
from generators.training.scene_clip_train import SceneClipTraining, train_scene_clip
from generators.training.seen_words import captions_of
from generators.training.train import train
from generators.training.trainer import Diverged, Trainer
from generators.world.sprites import SOURCES, build_sprites, packages_by_source

SETS = ("h100", "cpu")
SHARES = {"placing": 1.5, "base": 9.5, "sr256": 4.5, "sr1024": 2.5, "checker": 3.0, "scene-clip": 2.0}
"""Minutes of each of 25; the other two are for captions, the probe and the proof."""

WHOLE = 25.0
STEPS = ("sprites", "probe", *SHARES, "export", "proof")
FEW = 1_000_000
"""Images below which the probe says that a base will learn little."""

DONE = "done.json"
MORE_LEFT = 3


@dataclass(frozen=True, slots=True)
class Job:
    """What one run of the command works with. `ends`: time.monotonic() at which it stops, None for never."""

    configs: dict[StageName, TrainConfig]
    out: Path
    minutes: float
    world: World
    packages: tuple[Path, ...]
    probe_seconds: float
    images: int
    small: bool
    stop: threading.Event
    report: Callable[[str], None]

    @property
    def sprites(self) -> Path:
        """The file that all of them draw from."""
        data = self.configs["base"].data
        assert isinstance(data, ScenesConfig)
        return Path(data.sprites)

    def budget(self, step: str) -> float:
        """Minutes of a training."""
        return self.minutes * SHARES[step] / WHOLE


def main(argv: list[str] | None = None) -> int:
    """The command line.

    0 when all that was asked for is done; 3 when --until-minutes ended it and more is left; 1 when it can't go on (a
    full disk, a loss that is no number); 2 on bad input; 130 stopped, and saved, by Ctrl-C or SIGTERM.
    """
    args = refuse_repeated(_parser()).parse_args(argv)
    stop = threading.Event()
    stopped_by = threading.Event()

    def stopped(*_: object) -> None:
        stopped_by.set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    timer = threading.Timer(60 * (args.until_minutes or 0), stop.set)
    timer.daemon = True
    if args.until_minutes:
        timer.start()
    try:
        world = join(args.device)
        chosen = args.config_set or ("h100" if world.device.type == "cuda" else "cpu")
        job = Job(
            configs=config_set(chosen),
            out=args.out or TRAINING / f"all-{Path(chosen).name}",
            minutes=args.minutes,
            world=world,
            packages=tuple(args.packages),
            probe_seconds=args.probe_seconds,
            images=args.images,
            small=args.small,
            stop=stop,
            report=_print,
        )
        for step in wanted_steps(args.steps):
            if not _taken(job, step):
                if stopped_by.is_set():
                    _print("stopped and saved; the same command goes on from there")
                    return INTERRUPTED
                _print(f"{args.until_minutes:g} minutes are over: saved; the same command goes on from there")
                return MORE_LEFT
        if args.install:
            install_better(job.out, _print)
    except (SaveError, Diverged) as error:
        print(error, file=sys.stderr)
        return FAILED
    except (ConfigError, GeneratorError, FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    finally:
        timer.cancel()
    return SUCCESS


def config_set(name: str) -> dict[StageName, TrainConfig]:
    """The three stages' configurations: of a set that ships, or in a folder as base.json, sr256.json and sr1024.json.

    Raises:
        ConfigError: there is no such set, or one is wrong, of another stage, or does not learn from scenes.
    """
    folder = Path(name)
    if name in SETS:
        paths = {stage: TRAINING_CONFIGS / f"{name}-{stage}.json" for stage in STAGES}
    elif folder.is_dir():
        paths = {stage: folder / f"{stage}.json" for stage in STAGES}
    else:
        raise ConfigError(
            f"--config-set {name!r} is neither one that ships nor a folder{nearest(name, SETS) or '.'} "
            f"Those that ship: {', '.join(SETS)}"
        )
    held = {stage: load_train_config(path) for stage, path in paths.items()}
    for stage, config in held.items():
        if config.stage != stage or not isinstance(config.data, ScenesConfig):
            raise ConfigError(f"{paths[stage]} trains {config.stage} from {config.data.kind}; wanted: {stage}, scenes")
        if config.cascade != held["base"].cascade:
            raise ConfigError(f"{paths[stage]} is of {config.cascade}, base.json of {held['base'].cascade}")
    return held


def wanted_steps(asked: str) -> tuple[str, ...]:
    """The steps of a comma-separated list, in their own order; all for an empty one.

    Raises:
        ConfigError: one is unknown.
    """
    names = [name.strip() for name in asked.split(",") if name.strip()]
    for name in names:
        if name not in STEPS:
            raise ConfigError(f"--steps has no {name!r}{nearest(name, STEPS) or '.'} There are: {', '.join(STEPS)}")
    return tuple(step for step in STEPS if not names or step in names)


def _taken(job: Job, step: str) -> bool:
    """Take one step; False where it was stopped before its end."""
    if job.stop.is_set():
        return False
    if step == "sprites":
        make_sprites(job)
    elif step == "probe":
        return _probe_all(job)
    elif step == "export":
        _export(job)
    elif step == "proof":
        base = json.dumps(to_plain(job.configs["base"]))
        prove(job.out, base, job.sprites, job.images, job.report)
    elif _is_done(job, step):
        job.report(f"{step}: done already")
    else:
        job.report(f"{step}: {job.budget(step):.3g} minutes on {job.world.device.type}")
        train_it = _train_stage if step in STAGES else _place if step == "placing" else _train_small
        finished = train_it(job, step)
        if finished:
            _mark(job, step)
        return finished
    return True


def make_sprites(job: Job) -> None:
    """The sprites, where they are not there yet, from the packages given or those that lie beside their place.

    Raises:
        ConfigError: a package is missing, or its reader is; the message says how to get it.
    """
    path = job.sprites
    if path.is_file():
        return
    names = {
        name: f"{source.package.lstrip('@').replace('/', '-')}-{source.version}.tgz"
        for name, source in SOURCES.items()
        if source.package
    }
    given = packages_by_source(job.packages)
    there = {name: path.parent / file for name, file in names.items() if (path.parent / file).is_file()}
    held = {**there, **given}
    lacking = [SOURCES[name] for name in names if name not in held]
    if lacking:
        packs = " ".join(f"{source.package}@{source.version}" for source in lacking)
        raise ConfigError(
            f"there are no sprites at {path}, and to make them packages are missing. Get them with: npm pack {packs}; "
            f"then put the files into {path.parent} or give them: ./dev train --packages FILE FILE"
        )
    try:
        sprites = build_sprites(held)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error}: pip install -r requirements-train.txt") from None
    with whole_file(path) as file:
        np.savez_compressed(file, **sprites)  # type: ignore[arg-type]  # numpy's stub takes the names for options
    job.report(f"sprites: {len(sprites)} in {path}")


def _probe_all(job: Job) -> bool:
    """How fast each stage that has not begun is, on its own data; False where it was stopped."""
    for stage in STAGES:
        if job.stop.is_set():
            return False
        if not job.probe_seconds or (job.out / stage / STATE).exists() or _is_done(job, stage):
            continue
        config = job.configs[stage]
        data = load_data(config, job.report, job.world.device)
        rate, compiled = probe(config, data, job.world, job.probe_seconds, job.report)
        _note(job, {f"compile {stage}": compiled})
        expected = rate * 60 * job.budget(stage)
        job.report(f"probe {stage}: {rate:.0f} images/s, about {expected:,.0f} in its {job.budget(stage):.3g} minutes")
        if stage == "base" and expected < FEW:
            job.report(f"probe: fewer than {FEW:,} images teach little; give more --minutes or a smaller --config-set")
    return True


def _place(job: Job, step: str) -> bool:
    """Teach the base's text side where things go; what was not finished begins anew, it is short."""
    config = dataclasses.replace(job.configs["base"], compile=False)
    network = Trainer(config, job.world, job.report).network
    if not isinstance(network, UNet) or network.text_map is None:
        job.report(f"placing: {config.cascade} has no map of places, nothing to teach")
        return True
    data = load_data(config, job.report, job.world.device)
    assert isinstance(data, SceneData)
    lesson = Lesson(minutes=job.budget(step), asked=8 if job.small else ASKED_PAIRS)
    learned = text_side(network, whole=True)
    marks = teach(
        network, course_of(data), learned, config, lesson, device=job.world.device, report=job.report, stop=job.stop
    )
    if job.stop.is_set():
        return False
    told = ", ".join(f"{name} {value:.2f}" for name, value in marks.items())
    write(job.out / step, network, config, f"text side taught where things go: {told}")
    return True


def _train_stage(job: Job, stage: str) -> bool:
    config, out = job.configs[stage], job.out / stage  # type: ignore[index]  # STAGES alone come here
    if not _noted(job).get(f"compile {stage}", True):
        config = dataclasses.replace(config, compile=False)
    trainer = Trainer(config, job.world, job.report)
    if (out / STATE).exists():
        checkpoints.resume(trainer, out)
        job.report(f"{stage}: goes on from step {trainer.progress.step}")
    elif stage == "base" and ((placed := job.out / "placing") / "index.json").is_file():
        checkpoints.start_from(trainer, placed)
        job.report("base: begins with what its text side was taught")
    data = load_data(config, job.report, job.world.device)
    train(trainer, data, out, minutes=job.budget(stage), steps=None, save_every_s=60.0, stop=job.stop)
    return trainer.progress.seconds >= 60 * job.budget(stage)


def _train_small(job: Job, step: str) -> bool:
    device, large = str(job.world.device), job.world.device.type != "cpu"
    base = job.configs["base"]
    assert isinstance(base.data, ScenesConfig)
    out = weights_made(job.out) / f"{step}.safetensors"
    out.parent.mkdir(parents=True, exist_ok=True)
    batch = 16 if job.small else 256 if large else 64
    measured = 32 if job.small else 2000
    if step == "checker":
        checker = CheckerTraining(
            job.sprites, out, minutes=job.budget(step), batch=batch, device=device, folder=job.out / step,
            concepts=base.data.concepts, measured=measured,
        )  # fmt: skip
        return train_checker(checker, stop=job.stop, report=job.report)
    clip = SceneClipTraining(
        job.sprites, out, minutes=job.budget(step), batch=2 * batch if large else batch,
        scenes=40 if job.small else 100_000 if large else 6_000, device=device, cache=Path(base.cache),
        folder=job.out / step, exclude=base.data.exclude, measured=measured,
    )  # fmt: skip
    return train_scene_clip(clip, stop=job.stop, report=job.report)


def _export(job: Job) -> None:
    runs = [job.out / stage for stage in STAGES if (job.out / stage / "index.json").is_file()]
    if not runs:
        raise ConfigError(f"nothing to export in {job.out}: no stage has been trained there yet")
    for line in export(runs, weights_made(job.out)):
        job.report(line)
    count = write_words(weights_made(job.out), captions_of(job.configs["base"]))
    job.report(f"{counted(count, 'word')} of its captions noted, so that images can say which words they never saw")


def _noted(job: Job) -> dict[str, object]:
    try:
        held = json.loads((job.out / DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _note(job: Job, more: dict[str, object]) -> None:
    text = json.dumps({**_noted(job), **more}, indent=2)
    write_text(job.out / DONE, text + "\n")


def _mark(job: Job, step: str) -> None:
    _note(job, {step: job.budget(step)})


def _is_done(job: Job, step: str) -> bool:
    """Whether it has been trained for as long as is asked now; longer is never shortened."""
    spent = _noted(job).get(step)
    return isinstance(spent, float) and spent >= job.budget(step)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev train",
        description=__doc__,
        epilog="./dev train CONFIG.json trains one stage alone (docs/training.md); docs/training-world.md has the rest",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=_positive, default=WHOLE, help="of all trainings together (%(default)g)")
    parser.add_argument("--until-minutes", type=_positive, help="save and end after so many minutes; go on later")
    parser.add_argument("--config-set", default="", metavar="SET", help="h100, cpu, or a folder; by default by device")
    parser.add_argument("--steps", default="", metavar="A,B", help=f"these alone: {', '.join(STEPS)}")
    parser.add_argument("--out", type=Path, help="folder of all that comes of it; default: var/training/all-SET")
    parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu, cuda")
    parser.add_argument(
        "--packages", type=Path, nargs="+", default=(), help="npm packages of drawings, for the sprites"
    )
    parser.add_argument("--probe-seconds", type=float, default=10.0, help="a stage; 0: no probe (%(default)g)")
    parser.add_argument("--images", type=int, default=200, help="images a row of the proof (%(default)s)")
    parser.add_argument("--install", action="store_true", help="replace what ships where the new measures better")
    parser.add_argument("--small", action="store_true", help=argparse.SUPPRESS)  # the tests' tiny batches
    return parser


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
