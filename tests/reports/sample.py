"""Ratings for tests of reports, by rule: no random numbers, every count known."""

from __future__ import annotations

import pandas as pd


def ratings(
    raters: int = 4, prompts: int = 5, *, simulated: int = 0, label_a: str = "plain", label_b: str = "guided"
) -> pd.DataFrame:
    """Two categories with their own panel of `raters` each, two questions; the first `simulated` raters are marked."""
    rows = []
    for panel, category in enumerate(("Colors", "Counting")):
        for rater in range(raters):
            for prompt in range(prompts):
                for question in ("fidelity", "alignment"):
                    value = (7 * rater + 3 * prompt + 5 * panel + len(question)) % 10
                    rows.append(
                        {
                            "rater_id": f"{category}-{rater}",
                            "prompt_id": f"{panel * prompts + prompt:05d}",
                            "category": category,
                            "generator_a": label_a,
                            "generator_b": label_b,
                            "question": question,
                            "choice": "b" if value > 4 else "a" if value > 1 else "indifferent",
                            "response_time_ms": 1000 + 100 * value,
                            "position": prompt,
                            "a_shown_left": value % 2 == 0,
                            "control": False,
                            "simulated": rater < simulated,
                        }
                    )
    return pd.DataFrame(rows)


def three_generators() -> pd.DataFrame:
    """Every pair of three, the same raters throughout; the second of a pair is preferred more often than the first."""
    pairs = [("plain", "guided"), ("plain", "tuned"), ("guided", "tuned")]
    return pd.concat([ratings(label_a=a, label_b=b) for a, b in pairs], ignore_index=True)
