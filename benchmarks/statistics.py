"""Speed of the statistics beside their peers, all in one run: processor seconds and peak memory above the input.

    python -m benchmarks.statistics [--sizes 1e5,1e6,1e7] [--limit 40] [--write]

Ten generators, 1,000 raters, 200 prompts in eleven categories, two questions. Every task runs in a process of its own
(so that its peak memory is its own) on one thread. A peer whose last size foretells more than ``--limit`` processor
seconds is not run. Ratios matter, not seconds: the machine's other work moves all of them.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(_name, "1")

import evalica  # noqa: E402
import krippendorff  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import statsmodels.api as sm  # noqa: E402
from crowdkit.aggregation import BradleyTerry, DawidSkene  # noqa: E402

from common.commands import SUCCESS, refuse_repeated  # noqa: E402
from common.pages import write_section  # noqa: E402
from common.places import DOCUMENTATION  # noqa: E402
from evaluation.analysis import analyse, read_ratings, validate_ratings  # noqa: E402
from evaluation.analysis.agreement import krippendorff_alpha  # noqa: E402
from evaluation.analysis.columns import codes_of  # noqa: E402
from evaluation.analysis.crossed import block_variances, panel_sums  # noqa: E402
from evaluation.analysis.paired_counts import count_rows  # noqa: E402
from evaluation.analysis.paired_models import fit  # noqa: E402
from evaluation.analysis.ranking import rank_generators  # noqa: E402
from evaluation.analysis.raters import rater_table  # noqa: E402
from evaluation.analysis.reliability import dawid_skene  # noqa: E402
from evaluation.analysis.resample import resample_cells  # noqa: E402
from evaluation.analysis.summary import analyse_valid  # noqa: E402
from evaluation.analysis.tally import tally_ratings  # noqa: E402

GENERATORS, RATERS, PROMPTS, CATEGORIES = 10, 1000, 200, 11
PAGE = DOCUMENTATION / "statistics-speed.md"
START, END = "<!-- speed: written by benchmarks/statistics.py -->", "<!-- end of speed -->"
Task = Callable[[], object]


def ratings_frame(n: int, seed: int = 0) -> pd.DataFrame:
    """About ``n`` ratings in validated form, each of another rater, prompt, pair and question."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(GENERATORS, 1)
    cells = RATERS * PROMPTS
    total = cells * len(first) * 2
    key = np.flatnonzero(rng.random(total) < n / total)
    rng.shuffle(key)
    pair_question, cell = np.divmod(key, cells)
    rater, prompt = np.divmod(cell, PROMPTS)
    pair, question = np.divmod(pair_question, 2)
    strength = np.linspace(1, -1, GENERATORS)
    gap = strength[first[pair]] - strength[second[pair]]
    draw, a = rng.random(len(key)), 1 / (1 + np.exp(0.4 - gap))
    choice = np.where(draw < a, 0, np.where(draw < 1 - 1 / (1 + np.exp(0.4 + gap)), 1, 2))

    def column(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical:
        return pd.Categorical.from_codes(codes.astype(np.int16), categories=pd.Index(names, dtype=object))

    generators = [f"generator {at}" for at in range(GENERATORS)]
    frame = {
        "rater_id": column(rater, [f"rater {at:04d}" for at in range(RATERS)]),
        "prompt_id": column(prompt, [f"prompt {at:03d}" for at in range(PROMPTS)]),
        "category": column(prompt % CATEGORIES, [f"category {at:02d}" for at in range(CATEGORIES)]),
        "generator_a": column(first[pair], generators),
        "generator_b": column(second[pair], generators),
        "question": column(question, ["alignment", "fidelity"]),
        "choice": column(choice, ["a", "indifferent", "b"]),
    }
    return validate_ratings(pd.DataFrame({**frame, "simulated": np.ones(len(key), dtype=bool)}))


@dataclass(frozen=True)
class Measured:
    """Processor seconds and peak megabytes above what was there; None: not run."""

    seconds: float | None
    megabytes: float | None


def _memory(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise OSError(f"The system does not tell {name}.")


def _child(task: Task, pipe: Connection) -> None:
    warnings.simplefilter("ignore")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the peak to what is there now
    before, started = _memory("VmRSS"), time.process_time()
    task()
    pipe.send((time.process_time() - started, max(_memory("VmHWM") - before, 0.0)))


def measure(task: Task) -> Measured:
    """Run ``task`` in a forked process, which shares the input and ends with it."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_child, args=(task, there))
    process.start()
    there.close()
    try:
        seconds, megabytes = here.recv()
    except EOFError:
        return Measured(None, None)
    finally:
        process.join()
    return Measured(seconds, megabytes)


def tasks(frame: pd.DataFrame, folder: Path) -> dict[str, dict[str, Task]]:
    """Each task with ours first and peers after it. What a peer needs as input is made before the clock starts."""
    codes = {name: frame[name].cat.codes.to_numpy().astype(np.int64) for name in frame.columns if name in _CODED}
    score = (1.0 - codes["choice"]).astype(float)
    unit = ((codes["generator_a"] * GENERATORS + codes["generator_b"]) * 2 + codes["question"]) * PROMPTS
    unit = np.unique(unit + codes["prompt_id"], return_inverse=True)[1]
    winners = np.array([evalica.Winner.X, evalica.Winner.Draw, evalica.Winner.Y], dtype=np.uint8)[codes["choice"]]
    names = [f"category {at:02d}" for at in range(CATEGORIES)]
    counted = count_rows(frame)[1]
    outcome = np.array([evalica.Winner.X, evalica.Winner.Draw, evalica.Winner.Y], dtype=np.uint8)
    as_counts = np.repeat(counted.first, 3), np.repeat(counted.second, 3), np.tile(outcome, len(counted.first))
    weights = counted.counts.ravel()

    def peer_count() -> object:
        keys = ["generator_a", "generator_b", "category", "question", "choice"]
        return frame.groupby(keys, observed=True).size()

    def peer_bradley_terry() -> object:
        return evalica.bradley_terry(codes["generator_a"], codes["generator_b"], winners, tolerance=1e-8)

    def crowd_kit_bradley_terry() -> object:
        label = np.where(codes["choice"] == 2, codes["generator_b"], codes["generator_a"])
        data = pd.DataFrame(
            {"worker": codes["rater_id"], "left": codes["generator_a"], "right": codes["generator_b"], "label": label}
        )
        return BradleyTerry(n_iter=100).fit(data)

    def own_alpha() -> object:
        counts = np.bincount(unit * 3 + codes["choice"], minlength=3 * (int(unit.max()) + 1)).reshape(-1, 3)
        return krippendorff_alpha(counts, "ordinal")

    def peer_alpha() -> object:
        data = np.full((RATERS, int(unit.max()) + 1), np.nan, dtype=np.float32)
        data[codes["rater_id"], unit] = codes["choice"]
        return krippendorff.alpha(reliability_data=data, level_of_measurement="ordinal")

    def peer_dawid_skene() -> object:
        data = pd.DataFrame({"task": unit, "worker": codes["rater_id"], "label": codes["choice"]})
        return DawidSkene(n_iter=20, tol=-np.inf).fit(data)

    def peer_two_way() -> object:
        groups = np.stack([codes["rater_id"], codes["prompt_id"]], axis=1)
        return sm.OLS(score, np.ones(len(score))).fit(cov_type="cluster", cov_kwds={"groups": groups}).bse

    def own_resamples() -> object:
        return resample_cells(
            codes["rater_id"], codes["prompt_id"], codes["category"], score, names, draws=1000, seed=1
        ).interval()

    def peer_resamples() -> object:
        """Rows weighted one draw at a time, as one writes it at first."""
        rng, prompts = np.random.default_rng(1), np.arange(PROMPTS)
        means = []
        for _ in range(1000):
            weight = rng.multinomial(RATERS, np.full(RATERS, 1 / RATERS))[codes["rater_id"]]
            weight = weight * rng.multinomial(PROMPTS, np.full(PROMPTS, 1 / PROMPTS))[codes["prompt_id"]]
            tops = np.bincount(codes["category"], weights=weight * score)
            means.append(tops / np.bincount(codes["category"], weights=weight))
        return np.quantile(means, [0.025, 0.975], axis=0), prompts

    return {
        **reading(frame, folder),
        "count by pair, category, question, choice (own: also by rater, by prompt)": {
            "own": lambda: tally_ratings(frame),
            "pandas": peer_count,
        },
        "Bradley-Terry scores, from rows (own: counted first)": {
            "own": lambda: fit("bradley-terry", count_rows(frame)[1]),
            "own, with two-way errors and ranks": lambda: rank_generators(_one_question(frame), model="bradley-terry"),
            "evalica": peer_bradley_terry,
            "crowd-kit": crowd_kit_bradley_terry,
        },
        "Bradley-Terry scores, 100 times, given the same counts": {
            "own": lambda: [fit("bradley-terry", counted) for _ in range(100)],
            "evalica": lambda: [evalica.bradley_terry(*as_counts, weights=weights, tolerance=1e-8) for _ in range(100)],
        },
        "ordinal alpha": {"own": own_alpha, "krippendorff": peer_alpha},
        "Dawid-Skene, 20 steps": {
            "own": lambda: dawid_skene(unit, codes["rater_id"], codes["choice"], tolerance=0),
            "crowd-kit": peer_dawid_skene,
        },
        "two-way errors": {
            "own": lambda: block_variances(panel_sums(score, codes["rater_id"], codes["prompt_id"])),
            "statsmodels": peer_two_way,
        },
        "1,000 pigeonhole resamples, overall and categories": {"own": own_resamples, "rows, numpy": peer_resamples},
        **many_generators(len(frame)),
        "all that a report shows": {"own": lambda: (analyse(frame).to_json(), rater_table(frame, with_models=False))},
    }


def many_generators(n: int) -> dict[str, dict[str, Task]]:
    """Dense tables: a ranking of many generators, with errors over raters and prompts; evalica gives scores alone."""
    if n > 200_000:
        return {}
    found: dict[str, dict[str, Task]] = {}
    for generators in (60, 100):
        dense = _dense(generators, 50_000)
        first, second, choice = (codes_of(dense[name]) for name in ("generator_a", "generator_b", "choice"))
        outcome = np.array([evalica.Winner.X, evalica.Winner.Draw, evalica.Winner.Y], dtype=np.uint8)[choice]
        sides = first.astype(np.int64), second.astype(np.int64), outcome
        found[f"{generators} generators, 50,000 votes"] = {
            "own, with two-way errors and ranks": partial(rank_generators, dense),
            "evalica, scores alone": partial(evalica.bradley_terry, *sides, tolerance=1e-8),
        }
    return found


def _dense(generators: int, votes: int) -> pd.DataFrame:
    """Votes on random pairs by 2,000 raters on 200 prompts, in validated form."""
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(generators, 1)
    pair = rng.integers(len(first), size=votes)
    columns = {
        "rater_id": rng.integers(2000, size=votes),
        "prompt_id": rng.integers(200, size=votes),
        "category": "all",
        "generator_a": np.array([f"g{at:03d}" for at in range(generators)])[first[pair]],
        "generator_b": np.array([f"g{at:03d}" for at in range(generators)])[second[pair]],
        "question": "alignment",
        "choice": np.array(["a", "indifferent", "b"])[rng.choice(3, p=[0.5, 0.2, 0.3], size=votes)],
    }
    frame = pd.DataFrame(columns)
    return validate_ratings(frame.drop_duplicates(["rater_id", "prompt_id", "generator_a", "generator_b"]))


def reading(frame: pd.DataFrame, folder: Path) -> dict[str, dict[str, Task]]:
    """Reading files into a checked frame: ours (pyarrow), and other readers with our checks after them. Polars and
    DuckDB are no requirement of the product; they are measured where they are installed.
    """
    csv, parquet = folder / "ratings.csv", folder / "ratings.parquet"
    plain = frame.drop(columns=["control"])
    plain.to_parquet(parquet, index=False)
    from_file: dict[str, dict[str, Task]] = {
        "a Parquet file to the analysis in JSON": {
            "own": lambda: analyse_valid(read_ratings(parquet)).to_json(),
            "pandas, reads it and nothing more": lambda: pd.read_parquet(parquet),
        }
    }
    if len(frame) > 1_100_000:
        return from_file
    plain.to_csv(csv, index=False)

    def peers(path: Path) -> dict[str, Task]:
        is_csv = path.suffix == ".csv"
        found: dict[str, Task] = {"own": lambda: read_ratings(path)}
        if polars := _optional("polars"):
            kinds = dict.fromkeys(_CODED, polars.Categorical)
            with_codes = polars.read_parquet if not is_csv else partial(polars.read_csv, schema_overrides=kinds)
            found["polars, then our checks"] = lambda: validate_ratings(with_codes(path).to_pandas())
            found["polars, no checks"] = lambda: with_codes(path)
        if duckdb := _optional("duckdb"):
            source = f"read_csv('{path}', all_varchar = true)" if is_csv else f"read_parquet('{path}')"

            def by_duckdb() -> pd.DataFrame:
                connection = duckdb.connect()
                connection.execute("SET threads = 1")
                return validate_ratings(connection.execute(f"SELECT * FROM {source}").df())

            found["duckdb, then our checks"] = by_duckdb
        by_pandas = partial(pd.read_csv, dtype=str) if is_csv else pd.read_parquet
        found["pandas, then our checks"] = lambda: validate_ratings(by_pandas(path))
        return found

    return {"read a CSV and check it": peers(csv), "read Parquet and check it": peers(parquet), **from_file}


def _optional(name: str) -> ModuleType | None:
    """A module, or None where it is not installed."""
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


_CODED = {"rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"}


def _one_question(frame: pd.DataFrame) -> pd.DataFrame:
    """All ratings as answers to one question, so that ours fits as many comparisons as the peers."""
    zeros = np.zeros(len(frame), dtype=np.int8)
    return frame.assign(question=pd.Categorical.from_codes(zeros, categories=pd.Index(["alignment"], dtype=object)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Speed of the statistics beside their peers.")
    parser.add_argument("--sizes", default="1e5,1e6,1e7", help="numbers of comparisons, with commas")
    parser.add_argument("--limit", type=float, default=40.0, help="processor seconds that a peer may be foretold")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/statistics-speed.md")
    options = refuse_repeated(parser).parse_args(arguments)
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    try:
        sizes = [int(float(size)) for size in options.sizes.split(",")]
    except ValueError:
        parser.error(f"--sizes takes numbers with commas, such as 1e5,1e6; got {options.sizes!r}")
    say(
        f"{os.cpu_count()} processors, on which {os.getloadavg()[0]:.0f} other programs ran when this began. On an "
        "idle machine, all take less."
    )
    last: dict[tuple[str, str], tuple[int, float]] = {}
    for size in sizes:
        frame = ratings_frame(size)
        say(f"\n{len(frame):,} comparisons, {frame.memory_usage().sum() / 1e6:.0f} MB\n")
        say("| task | who | CPU s | peak MB | own is faster by |\n|---|---|---|---|---|")
        with TemporaryDirectory() as folder:
            for task, candidates in tasks(frame, Path(folder)).items():
                own: float | None = None
                for who, run in candidates.items():
                    before = last.get((task, who))
                    foretold = before[1] * size / before[0] if before else 0.0
                    if own is not None and foretold > options.limit:
                        say(f"| {task} | {who} | not run (about {foretold:.0f}) | | |")
                        continue
                    found = measure(run)
                    if found.seconds is None or found.megabytes is None:
                        say(f"| {task} | {who} | failed | | |")
                        continue
                    last[task, who] = size, found.seconds
                    own = found.seconds if own is None else own
                    ratio = "" if who.startswith("own") else f"{found.seconds / max(own, 1e-9):.1f} x"
                    say(f"| {task} | {who} | {found.seconds:.3f} | {found.megabytes:.0f} | {ratio} |")
    if options.write:
        write_section(PAGE, START, END, "\n".join(lines) + "\n")
    return SUCCESS


if __name__ == "__main__":
    raise SystemExit(main())
