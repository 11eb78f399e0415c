"""A simulated crowd with a known truth: one engine for planning, for tests of coverage, and for the demo.

The model. A rater i shown a pair on prompt j leans towards generator A by the latent logit

    u = preference + rater_sd * R_i + prompt_sd * T_j + interaction_sd * C_ij + side

where R, T, C are standard normal and ``side`` favours the left side by the rater's side bias. With half-width ``tie``
of the band of indifference, P(A) = s(u - tie), P(B) = s(-u - tie), P(indifferent) = the rest, s the logistic function.
With a probability that grows with the position of the trial (fatigue), an attentive rater answers at random; a spammer
never looks: he answers at random, always the same side, or always indifferent.

Two forms of the same model: ``simulate_ratings`` draws a whole frame at once, ``Crowd`` answers trial by trial where
the trials are assigned elsewhere. Whatever comes from here is marked ``simulated``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

FloatArray = npt.NDArray[np.float64]
SPAM_HABITS = ("random", "side", "indifferent")


@dataclass(frozen=True)
class CrowdSpec:
    """How the crowd behaves. Standard deviations and ``tie`` are on the logit scale; rates are fractions.

    ``tie``: half-width of the band of indifference (0: nobody is ever indifferent). ``side_bias`` and
    ``side_bias_sd``: mean and spread of the raters' lean to the left. ``lapse``: random answers of an attentive rater
    at his first trial; ``fatigue``: growth of that rate a trial, 1 - (1 - lapse) exp(-fatigue * position).
    ``spammers``: share of raters who never look. ``response_ms`` and ``response_sd``: median milliseconds of an
    attentive answer and the spread of its logarithm; a spammer takes a tenth of that.
    """

    rater_sd: float = 0.5
    prompt_sd: float = 0.5
    interaction_sd: float = 0.0
    tie: float = 0.4
    side_bias: float = 0.0
    side_bias_sd: float = 0.0
    lapse: float = 0.0
    fatigue: float = 0.0
    spammers: float = 0.0
    response_ms: float = 9000.0
    response_sd: float = 0.5

    def __post_init__(self) -> None:
        for name in ("rater_sd", "prompt_sd", "interaction_sd", "tie", "side_bias_sd", "fatigue", "response_sd"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be a number of zero or more; got {getattr(self, name)}.")
        for name in ("lapse", "spammers"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share and must lie between 0 and 1; got {getattr(self, name)}.")
        if not (math.isfinite(self.response_ms) and self.response_ms > 0):
            raise ValueError(f"response_ms must be above zero; got {self.response_ms}.")


@dataclass(frozen=True)
class SimulatedTrial:
    """A question of a trial as it is put to a simulated rater.

    Attributes:
        rater_key, prompt_key, category, question, pair_key: what the random effects hang on; a rater leans the same way
            throughout a pair and question, a prompt for all raters. ``pair_key`` names the pair with A and B in a
            fixed order.
        preference: logit of A over B for an average rater and prompt; 0 is no preference.
        a_shown_left: whether A stood on the left.
        position: the trial's place in the rater's session, from 0.
        control_answer: the right answer of a control trial; an attentive rater who does not lapse gives it.
    """

    rater_key: str
    prompt_key: str
    category: str
    question: str
    preference: float
    a_shown_left: bool
    position: int
    pair_key: str = ""
    control_answer: str | None = None


@dataclass(frozen=True)
class SimulatedChoice:
    """An answer of a simulated rater: ``a``, ``indifferent`` or ``b`` (unflipped), and its time in milliseconds."""

    choice: str
    response_time_ms: int


@dataclass(frozen=True)
class Crowd:
    """Simulated raters who answer trials assigned elsewhere.

    Everything about a rater, a prompt and an answer is derived from ``seed`` and the keys given, so that an answer
    does not depend on the order in which trials are asked: an interrupted simulation goes on as if it never stopped.
    """

    spec: CrowdSpec
    seed: int

    @classmethod
    def from_rng(cls, spec: CrowdSpec, rng: np.random.Generator) -> Crowd:
        """A crowd whose seed is the next draw of ``rng``."""
        return cls(spec, int(rng.integers(2**63)))

    def is_spammer(self, rater_key: str) -> bool:
        """Whether this rater never looks: the truth that screening is to find."""
        return bool(self.stream("spam", rater_key).random() < self.spec.spammers)

    def choose(self, trial: SimulatedTrial) -> SimulatedChoice:
        """How a rater answers one question of one trial."""
        spec, rater, pair, question = self.spec, trial.rater_key, trial.pair_key, trial.question
        rng = self.stream("answer", rater, trial.prompt_key, trial.category, question, pair, str(trial.position))
        pace = self.stream("pace", rater).normal(0, spec.response_sd / 2)
        ms = spec.response_ms * math.exp(pace + rng.normal(0, spec.response_sd))
        if self.is_spammer(rater):
            return SimulatedChoice(self._spam(rater, trial.a_shown_left, rng), max(int(ms / 10), 1))
        ms = max(int(ms), 1)
        if rng.random() < lapse_rate(spec, trial.position):
            return SimulatedChoice(("a", "indifferent", "b")[rng.integers(3)], ms)
        if trial.control_answer is not None:
            return SimulatedChoice(trial.control_answer, ms)
        lean = spec.side_bias + spec.side_bias_sd * self.stream("side", rater).normal()
        u = (
            trial.preference
            + spec.rater_sd * self.stream("rater", rater, question, pair).normal()
            + spec.prompt_sd * self.stream("prompt", trial.prompt_key, trial.category, question, pair).normal()
            + spec.interaction_sd * self.stream("cell", rater, trial.prompt_key, question, pair).normal()
            + (lean if trial.a_shown_left else -lean)
        )
        a, indifferent, _ = choice_probabilities(u, spec.tie)
        draw = rng.random()
        return SimulatedChoice("a" if draw < a else "indifferent" if draw < a + indifferent else "b", ms)

    def _spam(self, rater_key: str, a_shown_left: bool, rng: np.random.Generator) -> str:
        own = self.stream("habit", rater_key)
        habit, likes_left = SPAM_HABITS[own.integers(len(SPAM_HABITS))], bool(own.random() < 0.5)
        if habit == "indifferent":
            return "indifferent"
        if habit == "side":
            return "a" if likes_left == a_shown_left else "b"
        return ("a", "indifferent", "b")[rng.integers(3)]

    def stream(self, *keys: str) -> np.random.Generator:
        """The randomness of what ``keys`` name, the same whenever it is asked for."""
        text = "\x1f".join((str(self.seed), *keys))
        return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def lapse_rate(spec: CrowdSpec, position: npt.ArrayLike) -> FloatArray:
    """How often an attentive rater answers at random at a ``position`` (from 0) of the session."""
    return np.asarray(1 - (1 - spec.lapse) * np.exp(-spec.fatigue * np.asarray(position, dtype=float)))


def choice_probabilities(u: npt.ArrayLike, tie: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """P(a), P(indifferent), P(b) at the latent logit ``u``, any shape."""
    logit = np.asarray(u, dtype=float)
    a, b = special.expit(logit - tie), special.expit(-logit - tie)
    return a, np.maximum(1 - a - b, 0.0), b


def true_shares(spec: CrowdSpec, preference: float) -> tuple[float, float, float]:
    """Shares of a, indifferent and b over all attentive raters and prompts, balanced sides and no fatigue: the truth
    that intervals are to cover. By Gauss-Hermite quadrature, to about 1e-9.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    sd = math.sqrt(spec.rater_sd**2 + spec.prompt_sd**2 + spec.interaction_sd**2 + spec.side_bias_sd**2)
    shares = np.zeros(3)
    for side in (spec.side_bias, -spec.side_bias):
        shares += 0.5 * np.array([weights @ p for p in choice_probabilities(preference + side + sd * nodes, spec.tie)])
    shares = (1 - spec.lapse) * shares + spec.lapse / 3
    return float(shares[0]), float(shares[1]), float(shares[2])


@dataclass(frozen=True)
class Design:
    """Who rates what. ``prompts``: number of prompts by category. ``raters``: in each category when ``nested`` (an
    independent panel a category, as DrawBench has it), else in all. ``share_rated``: each rater rates that share of
    the prompts, chosen at random (1: a complete panel).
    """

    raters: int = 25
    prompts: Mapping[str, int] = field(default_factory=lambda: {"all": 200})
    nested: bool = False
    questions: Sequence[str] = ("alignment",)
    share_rated: float = 1.0

    def __post_init__(self) -> None:
        if self.raters < 1 or not self.prompts or min(self.prompts.values()) < 1:
            raise ValueError("A design needs at least one rater and one prompt in each category.")
        if not 0 < self.share_rated <= 1:
            raise ValueError(f"share_rated must be above 0 and at most 1; got {self.share_rated}.")


def simulate_ratings(
    design: Design,
    spec: CrowdSpec,
    preferences: Mapping[tuple[str, str], float] | float,
    rng: np.random.Generator,
    *,
    controls: int = 0,
) -> pd.DataFrame:
    """Ratings of a crowd on a design, in the form of the ratings file contract, all marked ``simulated``.

    Args:
        design, spec: who rates what, and how they behave.
        preferences: for each pair (A, B) the logit of A over B for an average rater and prompt; a number alone stands
            for the pair ("x", "y"). Each pair has random effects of its own.
        rng: all randomness comes from here.
        controls: control trials added for each rater and question, on prompts of their own (``control-0`` ...), with
            the right answer in ``control_answer``.
    """
    pairs = preferences if isinstance(preferences, Mapping) else {("x", "y"): float(preferences)}
    categories = list(design.prompts)
    panels = [[name] for name in categories] if design.nested else [categories]
    n_raters = design.raters * len(panels)
    traits = _Traits(spec, n_raters, rng)
    frames = []
    for at, panel in enumerate(panels):
        raters = np.arange(design.raters) + at * design.raters
        prompts = [(name, number) for name in panel for number in range(design.prompts[name])]
        ids = np.array([f"{name}-{number:03d}" for name, number in prompts], dtype=object)
        of_category = np.array([name for name, _ in prompts], dtype=object)
        for (first, second), preference in pairs.items():
            for question in design.questions:
                told = {"generator_a": first, "generator_b": second, "question": question}
                keep = _rated(design, len(prompts), rng)
                part, prompt = _draw(spec, traits, raters, preference, keep, rng)
                told_here = {**told, "prompt_id": ids[prompt], "category": of_category[prompt]}
                frames.append(pd.DataFrame({**part, **told_here, "control": False, "control_answer": ""}))
                if controls:
                    every = np.ones((len(raters), controls), dtype=bool)
                    part, prompt = _draw(spec, traits, raters, 0.0, every, rng, control_answer="a")
                    told_here = {**told, "prompt_id": [f"control-{n}" for n in prompt], "category": panel[0]}
                    frames.append(pd.DataFrame({**part, **told_here, "control": True, "control_answer": "a"}))
    frame = pd.concat(frames, ignore_index=True)
    frame["simulated"] = True
    columns = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
    columns += ["response_time_ms", "position", "a_shown_left", "control", "simulated", "control_answer"]
    return frame[columns]


class _Traits:
    """What stays with a rater throughout: side bias, pace, and the habit of a spammer (-1: none)."""

    def __init__(self, spec: CrowdSpec, n: int, rng: np.random.Generator) -> None:
        self.lean = spec.side_bias + spec.side_bias_sd * rng.normal(size=n)
        self.pace = rng.normal(0, spec.response_sd / 2, size=n)
        self.habit = np.where(rng.random(n) < spec.spammers, rng.integers(len(SPAM_HABITS), size=n), -1)
        self.likes_left = rng.random(n) < 0.5


def _rated(design: Design, n_prompts: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    count = max(round(design.share_rated * n_prompts), 1)
    order = rng.random((design.raters, n_prompts)).argsort(axis=1) if count < n_prompts else None
    return np.ones((design.raters, n_prompts), bool) if order is None else order < count


def _draw(
    spec: CrowdSpec,
    traits: _Traits,
    raters: npt.NDArray[np.int64],
    preference: float,
    keep: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    control_answer: str | None = None,
) -> tuple[dict[str, npt.NDArray[np.generic]], npt.NDArray[np.intp]]:
    """Columns of the ratings that ``keep``, (raters, prompts), holds, and the number of each one's prompt."""
    shape = n_raters, n_prompts = keep.shape
    left = rng.random(shape) < 0.5
    position = rng.random(shape).argsort(axis=1)
    u = preference + spec.rater_sd * rng.normal(size=(n_raters, 1)) + spec.prompt_sd * rng.normal(size=n_prompts)
    u = u + spec.interaction_sd * rng.normal(size=shape) + np.where(left, 1, -1) * traits.lean[raters][:, None]
    a, indifferent, _ = choice_probabilities(u, spec.tie)
    draw = rng.random(shape)
    code = np.where(draw < a, 0, np.where(draw < a + indifferent, 1, 2))
    if control_answer is not None:
        code = np.full(shape, ("a", "indifferent", "b").index(control_answer))
    guess = rng.integers(3, size=shape)
    habit = traits.habit[raters][:, None]
    code = np.where((rng.random(shape) < lapse_rate(spec, position)) | (habit == 0), guess, code)
    code = np.where(habit == 1, np.where(traits.likes_left[raters][:, None] == left, 0, 2), code)
    code = np.where(habit == 2, 1, code)
    ms = spec.response_ms * np.exp(traits.pace[raters][:, None] + rng.normal(0, spec.response_sd, size=shape))
    ms = np.maximum(np.where(habit >= 0, ms / 10, ms).astype(np.int64), 1)
    rater, prompt = np.nonzero(keep)
    columns = {
        "rater_id": np.array([f"rater-{number:04d}" for number in raters], dtype=object)[rater],
        "choice": np.array(["a", "indifferent", "b"], dtype=object)[code[keep]],
        "response_time_ms": ms[keep],
        "position": position[keep],
        "a_shown_left": left[keep],
    }
    return columns, prompt
